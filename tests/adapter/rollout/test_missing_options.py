"""What a node lacked that an option gives is named; nothing is named where no option gives it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.core.example import Example


class State(TypedDict, total=False):
    answer: str


class Tone(TypedDict):
    tone: str


def attribute(state: State, runtime: Runtime[Any]) -> Any:
    return {"answer": runtime.context.tone}


def item(state: State, runtime: Runtime[Tone]) -> Any:
    context = runtime.context
    return {"answer": context["tone"]}


def configurable(state: State, config: RunnableConfig) -> Any:
    return {"answer": config["configurable"]["tone"]}


async def found_nothing(state: State, runtime: Runtime[Any]) -> Any:
    assert runtime.store is not None
    return {"answer": (await runtime.store.aget(("users",), "ann")).value}  # type: ignore[union-attr]


def unknown_key(state: State, runtime: Runtime[Any]) -> Any:
    return {"answer": state["quesion"]}  # type: ignore[typeddict-item]


def of_nothing(state: State) -> Any:
    context: Any = None
    return {"answer": context.page_content}


def failure(node: Any, schema: Any = None) -> str | None:
    graph = StateGraph(State, context_schema=schema).add_node("node", node).add_edge(START, "node").compile()
    return asyncio.run(run(graph, Example("e", {}))).error


@pytest.mark.parametrize(
    ("node", "schema", "option"),
    [
        (attribute, None, "context"),
        (item, Tone, "context"),
        (configurable, None, "config"),
        (found_nothing, None, "store"),
    ],
)
def test_the_option_that_gives_what_was_missing_is_named(node: Any, schema: Any, option: str) -> None:
    """A context, a config value, something in the store."""
    error = failure(node, schema)
    assert error is not None
    assert f"RunnerOptions({option}=" in error


@pytest.mark.parametrize("node", [unknown_key, of_nothing])
def test_a_failure_of_the_nodes_own_names_no_option(node: Any) -> None:
    """Neither a key of the state nor a variable that is called context is a matter of options."""
    error = failure(node)
    assert error is not None
    assert "RunnerOptions" not in error


def test_a_graph_that_asks_for_a_store_gets_an_empty_one() -> None:
    """As LangGraph Server gives one, whichever way the graph asks for it."""

    def given(state: State, *, store: BaseStore) -> Any:
        return {"answer": str(store.search(("users",)))}

    def called(state: State) -> Any:
        return {"answer": str(get_store().search(("users",)))}

    assert failure(given) is None
    assert failure(called) is None
