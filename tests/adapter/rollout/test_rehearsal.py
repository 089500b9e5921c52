"""A graph is run on examples as it is, so that later surveys know which texts reach its models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.rehearsal import rehearse
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError

PROMPT = "Answer the customer's question in one friendly sentence."
EXAMPLES = [Example("one", {"question": "Where is it?"}), Example("two", {"question": "When?"})]


class State(TypedDict, total=False):
    question: str
    answer: str


def graph_of(node: Callable[..., Any], **builder: Any) -> Any:
    return StateGraph(State, **builder).add_node("node", node).add_edge(START, "node").compile()


def rehearsed(graph: Any, **options: Any) -> dict[str, Module]:
    """The modules by their texts, after a rehearsal."""
    asyncio.run(rehearse(graph, EXAMPLES, RunnerOptions(**options)))
    return {module.text: module for module in survey(graph).modules}


def test_later_surveys_know_a_text_that_only_calls_show(echo: Any, tmp_path: Path) -> None:
    """Here it is read from a file whose name no code has."""
    (tmp_path / "any.md").write_text(PROMPT)

    def node(state: State) -> State:
        text = next(tmp_path.iterdir()).read_text()
        return {"answer": echo.invoke([("system", text), ("user", state["question"])]).text}

    graph = graph_of(node)
    assert PROMPT not in {module.text for module in survey(graph).modules}
    assert rehearsed(graph)[PROMPT].on


def test_a_text_of_a_store_is_named_after_its_key(echo: Any) -> None:
    """The store is made by the options for each run, and what is in it afterwards is looked at."""

    def store() -> InMemoryStore:
        made = InMemoryStore()
        made.put(("prompts",), "support", {"text": PROMPT})
        return made

    def node(state: State, runtime: Runtime[Any]) -> State:
        assert runtime.store is not None
        item = runtime.store.search(("prompts",))[0]
        return {"answer": echo.invoke([("system", item.value["text"]), ("user", state["question"])]).text}

    assert "support" in rehearsed(graph_of(node), store=store)[PROMPT].name


def test_a_service_that_fails_is_warned_of_once_and_the_rest_is_watched(echo: Any, caplog: Any) -> None:
    """With the first example; what was sent before the failure counts."""

    @tool
    def stock(item: str) -> str:
        """Says how many there are."""
        raise TimeoutError("the warehouse is closed")

    def node(state: State) -> State:
        answer = echo.invoke([("system", PROMPT), ("user", state["question"])]).text
        return {"answer": answer + stock.invoke({"item": "bolts"})}

    assert PROMPT in rehearsed(graph_of(node))
    (warning,) = (record.getMessage() for record in caplog.records)
    assert warning.startswith("On example 'one' the tool stock failed: TimeoutError: the warehouse is closed. ")


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [(KeyError("plan"), UsageError, "fails on every example .* On 'one': In node node: KeyError"),
     (TimeoutError("slow"), TimeoutError, "slow")],
)  # fmt: skip
def test_a_graph_that_never_calls_a_model_is_an_error(error: Any, raised: Any, message: str) -> None:
    """The graph's own, as a mistake of the user's; the world's, as it is."""

    def node(state: State) -> State:
        raise error

    with pytest.raises(raised, match=message):
        rehearsed(graph_of(node))
