"""The order of attributed calls."""

from __future__ import annotations

from itertools import permutations

from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.rollout import Call


def asks(*ids: str) -> WatchedCall:
    requests = [{"id": id, "name": "search", "args": {"q": id}} for id in ids]
    return WatchedCall(Call("model", "agent", "m", [], {"role": "assistant", "content": "", "tool_calls": requests}))


def called(id: str) -> WatchedCall:
    return WatchedCall(Call("tool", "tools", "search", {"q": id}, id), tool_call_id=id)


def test_tool_calls_are_in_the_order_of_their_requests() -> None:
    """Threads may start in any order; what a reflection reads does not depend on it."""
    for started in permutations("abc"):
        watched = [asks("a", "b", "c"), *map(called, started), asks("d"), called("d")]
        outputs = [call.output for call in attribute(watched, [], {}) if call.kind == "tool"]
        assert outputs == ["a", "b", "c", "d"]
