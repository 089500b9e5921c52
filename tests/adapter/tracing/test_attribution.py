"""The order of attributed calls, and the tools that a model call offers."""

from __future__ import annotations

from itertools import permutations

from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.module import Module
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


def test_a_call_belongs_to_the_tools_it_offers() -> None:
    """Each call to its own; a text of two parts is offered where both stand in one description."""

    def offers(*descriptions: str) -> WatchedCall:
        schemas = tuple({"name": "tool", "description": text} for text in descriptions)
        return WatchedCall(Call("model", "agent", "m", []), schemas)

    modules = [
        Module("tool:find", "tool", "Finds a book."),
        Module("tool:lend", "tool", "Lends a book."),
        Module("tool:pay", "tool", "Pays for {what} at the desk.", "format", ("what",)),
    ]
    watched = [
        offers("Finds a book.", "Lends a book."),
        offers("Pays for it", " at the desk."),
        offers("Lends a book."),
    ]
    watched.append(offers("Finds films.", "Pays for a book at the desk."))
    named = [call.modules for call in attribute(watched, modules, {})]
    assert named == [("tool:find", "tool:lend"), (), ("tool:lend",), ("tool:pay",)]
