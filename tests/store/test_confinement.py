"""A run's folder that a stranger prepared: nothing outside of it is written, emptied or deleted."""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.testing import JOURNAL

PRECIOUS = "precious\n" * 10_000


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with closing(open_run(tmp_path / "run", create=True)) as store:
        store.append(JOURNAL[0], 0.0)
    return tmp_path / "run"


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    (tmp_path / "precious").write_text(PRECIOUS)
    return tmp_path / "precious"


LINKS = {"symbolic": Path.symlink_to, "hard": Path.hardlink_to}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", ["run.lock", "run.db", "run.db-wal", "run.db-shm", "run.db-journal"])
def test_no_file_of_a_run_is_written_through_a_link(run: Path, precious: Path, name: str, link: str) -> None:
    """A link in place of any file that the store writes is named, and what it leads to stays as it was."""
    (run / name).unlink(missing_ok=True)
    LINKS[link](run / name, precious)
    with pytest.raises(RunError, match=rf"{name} .*Remove it"):
        open_run(run, create=True)
    assert precious.read_text() == PRECIOUS


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("plant", [Path.symlink_to, lambda path, _: os.mkfifo(path)])
@pytest.mark.parametrize("name", ["run.db", "run.db-wal", "run.db-shm"])
def test_no_run_is_read_through_a_link(
    run: Path, precious: Path, name: str, plant: Callable[[Path, Path], None]
) -> None:
    """Readers, who write shared memory too, follow no link and wait at no pipe."""
    (run / name).unlink(missing_ok=True)
    plant(run / name, precious)
    with pytest.raises(RunError, match="no regular file"):
        open_run(run, create=False, read_only=True)
    assert precious.read_text() == PRECIOUS


def test_a_rollback_journal_deletes_no_file(run: Path, precious: Path) -> None:
    """SQLite deletes the file that the end of a rollback journal names; ours never name one."""
    with closing(sqlite3.connect(run / "run.db")) as db:
        (page,) = db.execute("PRAGMA page_size").fetchone()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    magic, name = bytes.fromhex("d9d505f920a163d7"), str(precious).encode()
    header = magic + struct.pack(">IIIII", 0, 1, pages, 512, page)
    end = struct.pack(">I", 0x40000000 // page + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    (run / "run.db-journal").write_bytes(header.ljust(512, b"\0") + end)
    with pytest.raises(RunError, match="SQLite would delete"):
        open_run(run, create=False)
    with closing(open_run(run, create=False, read_only=True)) as store:
        assert [event for _, event in store.events()] == [JOURNAL[0]]
    assert precious.exists()
