"""Nodes and prompts that a factory makes: one code for all of them, and for each what it encloses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import START, StateGraph

from langgraph_gepa import bind, discover
from langgraph_gepa.core.module import Module, Off


class State(TypedDict, total=False):
    question: str
    answer: str


PERSONAS = {
    "optimist": "You are an optimistic analyst. You see what may go well, and say how sure you are.",
    "skeptic": "You are a skeptical analyst. You see what may go wrong, and say how sure you are.",
    "unused": "You are a poet. You see what rhymes, and say so in verse, whatever you are asked.",
}


def chain_of(*nodes: Any) -> Any:
    builder, before = StateGraph(State), START
    for number, node in enumerate(nodes):
        builder.add_node(f"node{number}", node).add_edge(before, f"node{number}")
        before = f"node{number}"
    return builder.compile()


def by_text(graph: Any) -> dict[str, Module]:
    return {module.text: module for module in discover(graph)}


def test_each_node_of_a_factory_uses_the_entry_that_its_name_picks(echo: Any) -> None:
    """The key is a name of the function around: what each of the functions made there has for it is used, no other."""

    def made(name: str) -> Any:
        def node(state: State) -> State:
            reply = echo.invoke([SystemMessage(PERSONAS[name]), HumanMessage(state["question"])])
            return {"answer": state.get("answer", "") + str(reply.content)}

        return node

    graph = chain_of(made("optimist"), made("skeptic"))
    found = by_text(graph)
    assert found[PERSONAS["optimist"]].on
    assert found[PERSONAS["skeptic"]].on
    assert not any(module.on for text, module in found.items() if text == PERSONAS["unused"])
    answer = bind(graph, {found[PERSONAS["skeptic"]].name: "You doubt."}).invoke({"question": "Now?"})["answer"]
    assert "You doubt." in answer
    assert PERSONAS["optimist"] in answer


def test_a_text_that_a_factory_is_given_steers_where_only_a_label_stands_beside_it(echo: Any) -> None:
    """`base + f"Today is {...}"`: the base is the prompt, and the line with the date only a frame."""

    def made(base: str) -> Any:
        def node(state: State) -> State:
            system = base + f"Today is: {datetime.now()}"
            return {"answer": str(echo.invoke([SystemMessage(system), HumanMessage(state["question"])]).content)}

        return node

    graph = chain_of(made("You are a flight booking assistant"), made("You are a hotel booking assistant"))
    found = by_text(graph)
    assert {text for text, module in found.items() if module.on} == {
        "You are a flight booking assistant",
        "You are a hotel booking assistant",
    }
    assert {module.off for module in found.values() if not module.on} == {Off.FRAME}
    (name,) = (module.name for module in found.values() if "hotel" in module.text)
    assert "You book inns" in bind(graph, {name: "You book inns"}).invoke({"question": "Now?"})["answer"]
