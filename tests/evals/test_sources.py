from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sources

from langgraph_gepa.errors import ExampleError


def test_fetched_once(home: Any, tmp_path: Path) -> None:
    """A file is downloaded on first use and read from disk ever after."""
    source = home.publish("dev.json", b"[1, 2]")
    path = sources.fetched(source, tmp_path / "cache")
    (home.folder / "dev.json").unlink()
    assert sources.fetched(source, tmp_path / "cache") == path
    assert path.read_bytes() == b"[1, 2]"


def test_fetched_whole_or_not_at_all(home: Any, tmp_path: Path) -> None:
    """A file that is not the one expected is an error and is not kept; so is a home that does not answer."""
    source = home.publish("dev.json", b"[1, 2]")
    (home.folder / "dev.json").write_bytes(b"[1, 3]")
    with pytest.raises(ExampleError, match="not the file expected"):
        sources.fetched(source, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    (home.folder / "dev.json").unlink()
    with pytest.raises(ExampleError, match=r"404.*put the file at"):
        sources.fetched(source, tmp_path / "cache")


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    """A text may hold any character, also those at which Python breaks lines."""
    rows = [{"text": "one\u2028two\x85three\nfour"}, {"text": ""}]
    sources.write_lines(tmp_path / "rows.jsonl", rows)
    assert sources.read_lines(tmp_path / "rows.jsonl") == rows
