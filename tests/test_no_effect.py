"""A prompt that the graph is sent a copy of: found out before anything is paid for it, and said everywhere."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa import Budget, Feedback, Result, discover, dry_run, evaluate, optimize
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.errors import UsageError

WRITER = "You write letters to the visitors of the garden."
KEEPER = "You keep the books of the garden and answer in numbers."
COPY = Document(KEEPER)
"""What no copy of the graph replaces."""
model = FakeListChatModel(responses=["Fine."])
ROWS = [{"inputs": {"messages": [["user", f"question {n}"]]}} for n in range(6)]


def write(state: MessagesState) -> dict[str, Any]:
    return {"messages": [model.invoke([SystemMessage(WRITER), *state["messages"]])]}


def keep(state: MessagesState) -> dict[str, Any]:
    text = KEEPER if len(state["messages"]) > 100 else COPY.page_content
    return {"messages": [model.invoke([SystemMessage(text), *state["messages"]])]}


def graph(*nodes: Any) -> Any:
    builder = StateGraph(MessagesState)
    for node in nodes:
        builder.add_node(node)
    builder.add_edge(START, nodes[0].__name__)
    for one, other in itertools.pairwise(nodes):
        builder.add_edge(one.__name__, other.__name__)
    return builder.compile()


def metric(outputs: Any) -> Feedback:
    return Feedback(0.5, "Not good enough.")


def improve(folder: Path, *nodes: Any) -> tuple[Result, set[str]]:
    modules = set()

    def reflect(prompt: str) -> str:
        modules.add(re.search(r'<module name="([^"]*)"', prompt)[1])  # type: ignore[index]  # it has one
        return f"```\nBetter: {len(prompt)}\n```"

    result = optimize(
        graph(*nodes),
        ROWS,
        metric=metric,
        reflection_lm=reflect,
        budget=Budget(rollouts=40),
        run=folder,
        progress=False,
    )
    return result, modules


def test_a_prompt_without_effect_is_left_out_of_the_search_and_the_run_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The seed's rollouts prove it: no reflection is paid for it, no candidate changes it."""
    result, modules = improve(tmp_path, write, keep)
    assert modules == {"writer"}
    assert result.pool.left_out == {"keeper": "stale"}
    assert {candidate.texts["keeper"] for candidate in result.pool.candidates} == {KEEPER}
    assert "keeper is left as it is: changing it has no effect" in caplog.text
    found = {module.name: module for module in Result.open(tmp_path).saved.observed_modules()}
    assert (found["keeper"].no_effect, found["writer"].no_effect) == ("stale", None)
    assert found["keeper"].reason == Reason(Obstacle.NO_EFFECT, "stale")


def test_a_search_for_which_nothing_is_left_ends_before_it_is_paid_for(tmp_path: Path) -> None:
    """Where no prompt has an effect there is nothing to optimise."""
    with pytest.raises(UsageError, match="a new text of keeper has no effect"):
        improve(tmp_path, keep)


def test_watching_the_graph_on_examples_finds_it_out() -> None:
    """It is off, with the reason, in every later survey of the graph; what takes effect stays on."""
    built = graph(write, keep)
    before = {module.name: module.on for module in discover(built)}
    watched = {module.name: (module.on, module.no_effect) for module in discover(built, ROWS[:1])}
    assert before == {"writer": True, "keeper": True}
    assert watched == {"writer": (True, None), "keeper": (False, "stale")}
    assert {module.name: module.on for module in discover(built)} == {"writer": True, "keeper": False}


def test_a_dry_run_tells_of_it() -> None:
    """Of the one rollout that it runs."""
    plan = dry_run(graph(write, keep), ROWS, metric=metric)
    assert plan.no_effect == {"keeper": "stale"}
    assert "no effect keeper: changing it has no effect" in str(plan)


def test_a_graph_is_scored_as_it_is_whatever_has_no_effect() -> None:
    """Proof is for those who change texts."""
    assert evaluate(graph(write, keep), ROWS, metric=metric).before.mean == 0.5
