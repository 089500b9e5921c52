"""Which nodes use an object, as paths from the root graph."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langgraph_gepa.adapter.discovery.node_paths import Paths, trace
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk


@tool
def find(question: str) -> str:
    """Finds an answer."""
    return question


class Desk:
    """One object with two methods, as two nodes."""

    def __init__(self) -> None:
        self.asks = "Ask the visitor."
        self.says = "Answer the visitor."

    def ask(self, state: Any) -> Any:
        return {"messages": [self.asks]}

    def say(self, state: Any) -> Any:
        return {"messages": [self.says]}


DESK = Desk()


def paths() -> Paths:
    inner = StateGraph(MessagesState).add_node("say", DESK.say).add_node("tools", ToolNode([find]))
    inner.add_edge(START, "say").add_edge("say", "tools")
    outer = StateGraph(MessagesState).add_node("ask", DESK.ask).add_node("team", inner.compile())
    graph = outer.add_edge(START, "ask").add_edge("ask", "team").compile()
    return trace(Walk(graph), graph)


def test_nodes_are_in_the_order_of_a_run_and_subgraphs_below_theirs() -> None:
    """A node of a subgraph has the path of the node that holds the subgraph."""
    found = paths()
    assert [path for path in found.order if not path.endswith(START)] == ["ask", "team", "team/say", "team/tools"]
    assert found.executors == {"team/tools"}
    assert found.tools() == {"team/tools": ("find",)}


def test_an_attribute_belongs_to_the_method_that_names_it() -> None:
    """Two methods of one object do not share each other's texts."""
    found = paths()
    assert found.using([Place(id(DESK), ("attr", "asks"), DESK.asks)]) == ["ask"]
    assert found.using([Place(id(DESK), ("attr", "says"), DESK.says)]) == ["team/say"]
    assert found.using([Place(id(find), ("attr", "description"), "Finds an answer.", "tool")]) == ["team/tools"]
