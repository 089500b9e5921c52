"""What nothing sends is off: texts of objects that no node names, and texts that no watched call carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import START, StateGraph

from langgraph_gepa import discover
from langgraph_gepa.core.module import Module, Off


class State(TypedDict, total=False):
    question: str
    answer: str


class Agent:
    instructions = "You are a careful agent of the museum."

    def __init__(self, model: Any) -> None:
        self.model = model

    def run(self, question: str) -> str:
        return str(self.model.invoke([SystemMessage(self.instructions), HumanMessage(question)]).content)


class Guide(Agent):
    instructions = "You are the museum's guide and answer briefly."


class Painter(Agent):
    instructions = "You are a painter and describe a picture."


@dataclass
class Staff:
    guide: Guide
    painter: Painter


def graph_of(node: Any) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node").compile()


def by_text(modules: list[Module]) -> dict[str, Module]:
    return {module.text: module for module in modules}


def test_an_object_that_no_node_names_is_not_the_graphs(echo: Any) -> None:
    """Objects held together share a class and the names of their attributes; a node uses those it names."""
    staff = Staff(Guide(echo), Painter(echo))

    def node(state: State) -> State:
        return {"answer": staff.guide.run(state["question"])}

    found = by_text(discover(graph_of(node)))
    assert found[Guide.instructions].on
    assert Painter.instructions not in found or not found[Painter.instructions].on


ROLES = {
    "guide": "You are the museum's guide. Answer the visitor's question briefly and kindly, and name the room.",
    "painter": "You are a painter. Describe the picture in the visitor's own words, and name its colours.",
}


def test_a_text_that_no_watched_call_carried_is_off(echo: Any) -> None:
    """Its node ran and sent others: it is one that another question would pick. Seen later, it is on again."""

    def node(state: State) -> State:
        role = "painter" if "colour" in state["question"] else "guide"
        return {"answer": str(echo.invoke([SystemMessage(ROLES[role]), HumanMessage(state["question"])]).content)}

    graph = graph_of(node)
    assert by_text(discover(graph))[ROLES["painter"]].on
    watched = by_text(discover(graph, [{"inputs": {"question": "Where is the vase?"}}]))
    assert watched[ROLES["guide"]].on
    assert (watched[ROLES["painter"]].on, watched[ROLES["painter"]].off) == (False, Off.UNSENT)
    assert by_text(discover(graph, [{"inputs": {"question": "What colour is it?"}}]))[ROLES["painter"]].on


def test_a_text_that_arrives_in_other_words_stays_on(echo: Any) -> None:
    """The program rewrites it on the way, so that no call is known to carry it; a mark in it arrives."""

    def node(state: State) -> State:
        said = ROLES["guide"].upper().replace(" ", " - ")
        return {"answer": str(echo.invoke([SystemMessage(said), HumanMessage(state["question"])]).content)}

    watched = by_text(discover(graph_of(node), [{"inputs": {"question": "Where is the vase?"}}]))
    assert watched[ROLES["guide"]].on


def test_a_node_that_did_not_run_proves_nothing_about_its_texts(echo: Any) -> None:
    """Examples that never led to a node are no evidence against what it would send."""

    def first(state: State) -> State:
        return {"answer": str(echo.invoke([SystemMessage(ROLES["guide"]), HumanMessage(state["question"])]).content)}

    def second(state: State) -> State:
        return {"answer": str(echo.invoke([SystemMessage(ROLES["painter"]), HumanMessage(state["question"])]).content)}

    builder = StateGraph(State).add_node("first", first).add_node("second", second).add_edge(START, "first")
    builder.add_conditional_edges("first", lambda state: "second" if "colour" in state["question"] else "__end__")
    watched = by_text(discover(builder.compile(), [{"inputs": {"question": "Where is the vase?"}}]))
    assert watched[ROLES["painter"]].on
