"""What came with a run is told from what the program was loaded with."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.discovery import node_paths
from langgraph_gepa.adapter.discovery.runtime_data import RuntimeData, emptied
from langgraph_gepa.adapter.isolation.mutable_state import State, state_of
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk

TEMPLATE = "Answer what is asked about {place}."
RULES = ["Guide the visitors kindly."]
HEARD: list[str] = []
PROMPT: str | None = None


def writes(state: Any) -> Any:
    """Writes to a list that starts empty, and to a name that starts as `None`."""
    global PROMPT
    if PROMPT is None:
        PROMPT = TEMPLATE.format(place="the garden")
    HEARD.append(state["messages"][0])
    return {"messages": [RULES[0], PROMPT]}


def appends(state: Any) -> Any:
    """Writes to a list that starts with a text."""
    RULES.append(state["messages"][0])
    return {"messages": RULES}


@pytest.fixture(autouse=True)
def _restored() -> Any:
    global PROMPT
    HEARD.append("Where is the garden?")
    PROMPT = TEMPLATE.format(place="the garden")
    yield
    HEARD.clear()
    RULES[1:] = []
    PROMPT = None


def read(node: Any) -> tuple[Walk, State]:
    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    walk = Walk(graph)
    return walk, state_of(walk, node_paths.trace(walk, graph).users)


def kind(node: Any, holder: list[str], at: int) -> str:
    """Whether the text in a list was loaded, is in the source all the same, or came with a run."""
    walk, state = read(node)
    data, place = RuntimeData(walk, walk.root, state), Place(id(holder), ("item", at), holder[at])
    if data.is_loaded(place):
        return "loaded"
    return "source" if data.is_source(place, SourceLocation("key")) else "run"


def test_what_functions_only_read_was_loaded() -> None:
    """What a run appended to another list came with the run."""
    assert kind(writes, RULES, 0) == "loaded"
    assert kind(writes, HEARD, 0) == "run"


def test_what_a_written_list_starts_with_is_the_sources() -> None:
    """Only what the source writes down, not what was appended."""
    RULES.append("Where is the garden?")
    assert [kind(appends, RULES, at) for at in (0, 1)] == ["source", "run"]


def test_what_was_made_of_a_text_is_made_again() -> None:
    """In a bound graph, a name that holds a filled text starts as the source starts it, where a text leads to it."""
    walk, state = read(writes)
    (name,) = (one for one in state.written if one.is_name)
    elsewhere = Place(id(writes), ("global", "TEMPLATE"), TEMPLATE)
    by_step = {one.steps: one for one in emptied(walk, state, lambda _: [[elsewhere]])}
    kept = {one.steps: one for one in emptied(walk, state, lambda _: [])}
    assert by_step[name.steps].begins is None
    assert kept[name.steps] == name
