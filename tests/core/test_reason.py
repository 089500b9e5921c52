"""What runs keep of why a module stays as it is: a code, whatever version wrote the run."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import NO_EFFECT, Note, Obstacle, ReadFrom, Reason

MODULES = TypeAdapter(Module)
BY_FILE = "read from its file when the graph runs: replaced in the messages on their way to the model"


@pytest.mark.parametrize("code", Obstacle)
def test_a_reason_is_kept_as_its_code(code: Obstacle) -> None:
    """A module comes back equal, and its sentence has the detail in it where it has one."""
    module = Module("m", "prompt", "x", reason=Reason(code, "{a}"), note=Note(ReadFrom.STORE, "a/b"))
    kept = MODULES.dump_python(module, mode="json")
    assert kept["reason"] == {"code": code.value, "detail": "{a}"}
    assert MODULES.validate_python(kept) == module
    assert "{detail}" not in str(module.reason)


@pytest.mark.parametrize(
    ("reason", "note", "expected"),
    [
        ("", "", (None, None)),
        ("made anew on every run", "", (Reason(Obstacle.OTHER, "made anew on every run"), None)),
        ("", BY_FILE, (None, Note(ReadFrom.FILE))),
        ("", "some lines of its file, read when the graph runs: replaced in the messages on their way to the model",
         (None, Note(ReadFrom.LINES))),
        ("", "read from the graph's store (a/b)", (None, Note(ReadFrom.OTHER, "read from the graph's store (a/b)"))),
    ],
)  # fmt: skip
def test_the_sentences_of_earlier_versions_are_read_as_codes(reason: str, note: str, expected: object) -> None:
    """A sentence that decides something has its code; any other is kept word for word."""
    module = MODULES.validate_python({"name": "m", "kind": "prompt", "text": "x", "reason": reason, "note": note})
    assert (module.reason, module.note) == expected
    assert (str(module.reason or ""), str(module.note or "")) == (reason, note)


def test_no_effect_is_explained() -> None:
    """The detail of `no_effect` is what rollouts proved."""
    assert str(Reason(Obstacle.NO_EFFECT, "stale")) == NO_EFFECT["stale"]
