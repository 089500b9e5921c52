"""JSON that anybody may have written is read within bounds of memory, depth and size, or refused in a sentence."""

from __future__ import annotations

import json
import tracemalloc
import zlib

import pytest

from langgraph_gepa.core import bounded_json
from langgraph_gepa.core.bounded_json import read_json, require_short, unpacked
from langgraph_gepa.errors import RunError


def bomb(megabytes: int) -> bytes:
    """A stream that unfolds to zeros, a thousand times its size."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(b"0" * 2**20) for _ in range(megabytes)) + packer.flush()


def test_a_compression_bomb_is_unfolded_no_further_than_a_record_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the bound never is in memory."""
    monkeypatch.setattr(bounded_json, "LONGEST", 2**20)
    entry = bomb(64)
    tracemalloc.start()
    with pytest.raises(RunError, match="more than any run writes"):
        unpacked(entry)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("spoil", [lambda entry: entry[:-4], lambda entry: b"x" + entry, lambda _: b""])
def test_a_damaged_entry_is_no_text(spoil: object) -> None:
    """Cut off or scribbled on, it is refused and not taken for a shorter one."""
    entry = zlib.compress(b'{"a": 1}' * 100)
    assert unpacked(entry) == '{"a": 1}' * 100
    with pytest.raises(RunError, match="damaged"):
        unpacked(spoil(entry))  # type: ignore[operator]


@pytest.mark.parametrize("depth", [201, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_is_not_nested_without_end(depth: int, opening: str, closing: str) -> None:
    """Neither where Python's reader gives up nor where only what comes after would."""
    with pytest.raises(RunError, match="levels deep"):
        read_json(opening * depth + "1" + closing * depth)
    assert read_json("[" * 100 + "]" * 100)


def test_json_holds_no_more_values_than_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes of brackets are seventy of objects; what stands in strings is counted as one value."""
    monkeypatch.setattr(bounded_json, "MOST", 1_000)
    with pytest.raises(RunError, match="more than 1,000 values"):
        read_json("[" + "[]," * 1_000 + "1]")
    text = json.dumps({"a": '[],{"\\' * 10_000})
    assert read_json(text) == {"a": '[],{"\\' * 10_000}
    require_short(text)


def test_what_could_not_be_read_back_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollout beyond the bounds says so when it is paid for, and not when the run is opened again."""
    monkeypatch.setattr(bounded_json, "LONGEST", 100)
    with pytest.raises(RunError, match="Let the graph return less"):
        require_short("x" * 101)


@pytest.mark.parametrize("text", ["", "{", "9" * 5_000, '{"a": 1}}', "\x00"])
def test_what_is_no_json_is_damaged(text: str) -> None:
    """Integers that Python would not read among it."""
    with pytest.raises(RunError, match="damaged"):
        read_json(text)
