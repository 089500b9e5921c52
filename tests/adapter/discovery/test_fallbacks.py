"""Nodes in LangChain's wrappers, which answer for what they wrap."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.fingerprint import parts_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions

DESK = "You are the desk of an airline."


@tool
def look_up(flight: str) -> str:
    """Look a flight up by its number."""
    return f"{flight} is on time"


def sorry(state: MessagesState) -> MessagesState:
    return {"messages": [ToolMessage("sorry", tool_call_id=state["messages"][-1].tool_calls[0]["id"])]}


def solved() -> float:
    return 1.0


def test_a_tool_node_with_fallbacks_is_a_node_like_any_other(echo: Any) -> None:
    """As LangGraph's tutorial on customer support builds its nodes: found, bound, run, known again."""

    def desk(state: MessagesState) -> MessagesState:
        echo.invoke([SystemMessage(DESK), *state["messages"]])
        return {"messages": [AIMessage("", tool_calls=[{"name": "look_up", "args": {"flight": "LX8"}, "id": "1"}])]}

    builder = StateGraph(MessagesState).add_node("desk", desk).add_edge(START, "desk")
    builder.add_node("tools", ToolNode([look_up]).with_fallbacks([RunnableLambda(sorry)], exception_key="error"))
    builder.add_edge("desk", "tools")
    found = survey(builder.compile())
    on = {module.text for module in found.modules if module.evidence != "possible"}
    assert on == {DESK, "Look a flight up by its number."}
    bound = found.bind({"desk": "You are another desk."})
    assert bound.invoke({"messages": [HumanMessage("Is LX8 late?")]})["messages"][-1].content == "LX8 is on time"
    assert parts_of(found, solved, RunnerOptions()) == parts_of(found, solved, RunnerOptions())
