"""Calls as they are recorded: which failure left no trace, and how a pending call is written down."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.adapter.tracing.call_order import TaskPosition
from langgraph_gepa.adapter.tracing.watched import UNFINISHED, PendingCall, watched_call

ONE, OTHER = TaskPosition("a:1"), TaskPosition("b:2")


def call(kind: str, started: float = 0.0, *, failed: bool = False, **fields: Any) -> PendingCall:
    given = {"name": "x", "inputs": "hi", "error": "no" if failed else None, "seconds": 1.0} | fields
    return PendingCall(kind, "node", started=started, **given)


@pytest.mark.parametrize(
    ("failed", "later", "recovers"),
    [
        (call("model", failed=True), call("model", 2), True),
        (call("model", failed=True), call("model", 2, inputs="other"), False),
        (call("model", failed=True), call("model", 2, failed=True), False),
        (call("model", failed=True), call("model", 0.5), False),
        (call("model", failed=True), call("tool", 2), False),
        (call("model", failed=True, seconds=None), call("model", 2), False),
        (call("tool", failed=True, tool_call_id="1"), call("tool", 2, task=OTHER), True),
        (call("tool", failed=True, tool_call_id="1"), call("tool", 2, name="y"), False),
        (call("tool", failed=True, task=ONE), call("retrieval", 2, name="y", task=ONE), True),
        (call("tool", failed=True, task=ONE), call("tool", 2, task=OTHER), False),
    ],
)
def test_a_failure_is_recovered_by_a_later_call_in_its_place(
    failed: PendingCall, later: PendingCall, recovers: bool
) -> None:
    """The same messages for a model, the same name for a requested tool, the same task for all others."""
    assert failed.recovered_by(later) is recovers


def test_a_pending_call_says_so_and_counts_its_seconds_until_now() -> None:
    """The tool call around it has moved to another index."""
    pending = call("model", 3.0, error=UNFINISHED, seconds=None, enclosing_tool=1)
    recorded = watched_call(pending, now=5.0, new_index={0: 1, 1: 0})
    assert (recorded.call.error, recorded.call.seconds, recorded.enclosing_tool) == (UNFINISHED, 2.0, 0)
