"""Failures of the world that a graph goes on after: its score is not counted before they were tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import ToolException, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ports import Unfinished

LIMITED = type("RatelimitException", (Exception,), {})("https://html.duckduckgo.com/html 202 Ratelimit")
MISSING = type("MissingAPIKeyError", (Exception,), {})("Set the SEARCH_API_KEY environment variable.")
Search = Callable[[str], Any]


def raising(error: Exception) -> Search:
    def search(query: str) -> Any:
        raise error

    return search


def http(status: int) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1/search?q=x")
    return httpx.HTTPStatusError(f"{status} no", request=request, response=httpx.Response(status, request=request))


def agent(*searches: Search, **node: Any) -> Any:
    """A graph that asks for its search tool as often as there are `searches`, whose errors become messages."""
    left = list(searches)

    @tool
    def search(query: str) -> Any:
        """Searches."""
        return left.pop(0)(query)

    search.handle_tool_error = node.pop("handle_tool_error", False)

    def ask(state: MessagesState) -> Any:
        calls = [{"id": f"{len(left)}", "name": "search", "args": {"query": "cats"}}] if left else []
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_node("tools", ToolNode([search], **({"handle_tool_errors": True} | node)))
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", lambda s: "tools" if s["messages"][-1].tool_calls else "__end__")
    builder.add_edge("tools", "ask")
    return builder.compile()


def rollout(graph: Any, **options: Any) -> Rollout:
    evaluator = GraphEvaluator(survey(graph), lambda outputs: 1.0, options=RunnerOptions(**options))
    return asyncio.run(evaluator.evaluate({}, Example("e", {"messages": [("user", "find")]})))


@pytest.mark.parametrize(
    "graph",
    [
        lambda: agent(raising(LIMITED)),
        lambda: agent(raising(http(503))),
        lambda: agent(raising(TimeoutError("slow"))),
        lambda: agent(lambda _: repr(LIMITED)),
        lambda: agent(lambda _: {"error": http(429)}),
        lambda: agent(lambda _: "Error: request failed with status code 429"),
        lambda: agent(raising(ToolException("429 Client Error: Too Many Requests")), handle_tool_error=True),
        lambda: agent(lambda _: "cats", raising(LIMITED)),
    ],
)
def test_a_tools_failure_that_became_a_message_is_tried_again_and_stands_if_it_has_to(graph: Callable[[], Any]) -> None:
    """As an exception that the tool's node turned into words, or in the words of the tool itself."""
    with pytest.raises(Unfinished) as unfinished:
        rollout(graph())
    assert unfinished.value.ended
    assert unfinished.value.stands is not None
    assert (unfinished.value.stands.score, unfinished.value.stands.error) == (1.0, None)


@pytest.mark.parametrize(
    "graph",
    [
        lambda: agent(lambda _: "cats"),
        lambda: agent(raising(LIMITED), lambda _: "cats"),
        lambda: agent(raising(ValueError("no such cat"))),
        lambda: agent(raising(http(404))),
        lambda: agent(raising(http(401))),
        lambda: agent(lambda _: "The rate limit of cats is 429 a day; errors were made."),
        lambda: agent(lambda _: f"Error {'x' * 3000} timed out"),
    ],
)
def test_what_was_made_good_or_is_no_failure_of_the_world_counts_at_once(graph: Callable[[], Any]) -> None:
    """A tool that answered when it was asked again; a mistake that the model was told of; a page about limits."""
    assert rollout(graph()).score == 1.0


@pytest.mark.parametrize("graph", [lambda: agent(raising(MISSING)), lambda: agent(lambda _: f"Error: {MISSING}")])
def test_a_key_that_a_tool_misses_is_no_score(graph: Callable[[], Any]) -> None:
    """It would be missing in every rollout: the failure is raised, for the run to stop at."""
    with pytest.raises(Exception, match="SEARCH_API_KEY") as raised:
        rollout(graph())
    assert not isinstance(raised.value, Unfinished)


def test_the_users_border_holds_for_what_was_swallowed_too() -> None:
    """What it says is the world's is never scored; nothing else is in doubt."""
    with pytest.raises(ValueError, match="no such cat"):
        rollout(agent(raising(ValueError("no such cat"))), is_world_failure=lambda e: isinstance(e, ValueError))
    assert rollout(agent(raising(LIMITED)), is_world_failure=lambda _: False).score == 1.0


def test_a_node_that_falls_back_on_another_tool_counts_at_once() -> None:
    """The first search fails in every rollout, and the second answers: so the graph is meant."""

    @tool
    def first(query: str) -> Any:
        """Searches."""
        raise LIMITED

    @tool
    def second(query: str) -> Any:
        """Searches elsewhere."""
        return "cats"

    def node(_: MessagesState) -> Any:
        try:
            found = first.invoke({"query": "cats"})
        except Exception:  # noqa: BLE001 - this is the case
            found = second.invoke({"query": "cats"})
        return {"messages": [AIMessage(found)]}

    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    assert rollout(graph).score == 1.0
