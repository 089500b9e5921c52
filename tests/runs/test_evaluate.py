"""Scoring a graph on examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

from langgraph_gepa import Budget, Feedback, discover, evaluate, optimize
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.errors import MetricError, UsageError
from langgraph_gepa.runs.evaluate import measure
from langgraph_gepa.runs.prompts import prompts_of
from langgraph_gepa.testing import FakeEvaluator

EXAMPLES = [Example(f"e{n}", {"n": n}) for n in range(12)]


def test_both_sides_are_scored_on_the_same_examples() -> None:
    """The difference is paired, example by example, and one example is named in the singular."""
    evaluator = FakeEvaluator({"a": "old"}, lambda texts, example: len(texts["a"]) / 10 + example.inputs["n"] / 100)
    found = measure(evaluator, EXAMPLES, {"a": "newer"}, concurrency=3)
    assert found.difference is not None
    assert (round(found.difference.mean, 6), found.difference.n) == (0.2, 12)
    assert "1 example, 95 %" in str(measure(evaluator, EXAMPLES[:1], None))


def test_the_mean_of_repeats_counts() -> None:
    """An example counts once, however often it was run; what all its rollouts cost is summed."""
    scores = iter([0.0, 1.0, 1.0, 1.0, 0.0, RuntimeError("down"), 1.0, 1.0])
    evaluator = FakeEvaluator({"a": "old"}, lambda _texts, _example: next(scores))
    found = measure(evaluator, EXAMPLES[:2], {"a": "new"}, concurrency=1, repeats=2)
    assert found.after is not None
    assert (found.before.mean, found.before.n, found.after.mean, found.score) == (0.75, 2, 0.5, 0.5)
    assert (found.usage.tokens, round(found.usage.dollars or 0, 6)) == (8 * 15, 0.008)
    assert "$0.0080, 120 tokens, 8 rollouts" in str(found)
    assert "with prompts fails on 1 of 4 rollouts, which scores 0. On e0: down" in str(found)
    assert [(one.side, one.repeat, one.rollout.score) for one in found.rollouts][4:6] == [
        ("after", 1, 0.0), ("after", 2, 0.0),
    ]  # fmt: skip
    assert "rollouts" not in found.to_json()


def test_a_line_of_jsonl_is_a_line_whatever_a_graph_answers() -> None:
    """Line separators and lone surrogates in a comment are escaped."""
    evaluator = FakeEvaluator({"a": "old"}, lambda _texts, _example: Feedback(0.5, "a\u2028b\ud800\nc"))
    (line,) = measure(evaluator, EXAMPLES[:1], None).to_jsonl().encode().decode().splitlines()
    assert json.loads(line)["comment"] == "a\u2028b\ud800\nc"


def test_a_broken_metric_ends_it_before_more_is_paid() -> None:
    """The failure itself is raised, also when an earlier example has not started, and no further rollout starts."""

    def score(_: Texts, example: Example) -> float:
        if example.id == "e1":
            raise MetricError("no score for e1")
        return 1.0

    evaluator = FakeEvaluator({"a": "text"}, score)
    with pytest.raises(MetricError, match="e1"):
        measure(evaluator, EXAMPLES, {"a": "other"}, concurrency=2)
    assert len(evaluator.started) <= 4


def test_prompts_that_are_no_texts_are_refused() -> None:
    """By the name of the module, before anything runs."""
    with pytest.raises(UsageError, match="texts by module name; that of 'a' is none"):
        prompts_of({"a": {"text": "x"}})  # type: ignore[dict-item]


def test_a_failure_of_the_world_names_what_to_check() -> None:
    """Not as a traceback of the provider's: a model that does not exist, for `evaluate` and for `discover`."""
    with SimulatedServer({}) as server:
        model = ChatOpenAI(model="gone", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)

        async def ask(state: MessagesState) -> MessagesState:
            return {"messages": [await model.ainvoke([("system", "Be brief."), *state["messages"]])]}

        graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
        examples = [{"inputs": {"messages": [("user", str(n))]}} for n in range(3)]
        with pytest.raises(UsageError, match=r"nothing of it is kept: .*'gone' does not exist"):
            evaluate(graph, examples, metric=lambda outputs: len(outputs))
        with pytest.raises(UsageError, match=r"could not be run: .*'gone' does not exist"):
            discover(graph, examples)


def test_a_graph_that_fails_is_not_taken_for_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the graph raised stands beside the score, by side, without the keys in it, and only where it failed."""
    monkeypatch.setenv("SHOP_API_KEY", "marked-key-of-a-tool")

    def ask(state: MessagesState) -> MessagesState:
        if len(state["messages"][-1].text) > 2:
            raise ValueError("no shop for marked-key-of-a-tool")
        return state

    graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
    examples = [{"id": f"e{n}", "inputs": {"messages": [("user", str(10**n))]}} for n in range(4)]
    found = evaluate(graph, examples, metric=lambda outputs: len(outputs))
    error = "In node ask: ValueError: no shop for <hidden>"
    assert found.failures == {"before": {f"e{n}": error for n in (2, 3)}}
    assert f"The graph as it is fails on 2 of 4 examples, which score 0. On e2: {error}" in str(found)
    assert "fails" not in str(evaluate(graph, examples[:2], metric=lambda outputs: len(outputs)))


def test_examples_that_count_for_less_are_counted(project: Path) -> None:
    """Those that repeat another's inputs, and those that the run which found the prompts learned from or chose by."""
    optimize(
        "letters.py:graph", "train.jsonl", "val.jsonl", metric="letters.py:score",
        reflection_lm="openai:simulated-editor", budget=Budget(rollouts=30), run="run", progress=False,
    )  # fmt: skip
    val = [json.loads(line) for line in Path("val.jsonl").read_text().splitlines()]
    data = [*val, {**val[0], "id": "again"}, {"inputs": {"name": "Bob", "letter": "New"}, "outputs": {"sort": "legal"}}]
    found = evaluate("letters.py:graph", data, metric="letters.py:score", prompts="run")
    assert (found.repeated, found.learned) == (1, len(val) + 1)
    assert f"{len(val) + 1} of {len(data)} examples took part in the search for these prompts." in str(found)
    assert f"1 of {len(data)} examples repeats the inputs of another one." in str(found)
    assert "took part" not in str(evaluate("letters.py:graph", data, metric="letters.py:score"))


def test_a_failure_is_not_better_than_a_cost() -> None:
    """It scores as the lowest of both sides, where scores are below 0."""

    def cost(texts: Texts, example: Example) -> float | Exception:
        return RuntimeError("boom") if texts["a"] == "bad" and example.id == "e0" else -float(len(texts["a"]))

    found = measure(FakeEvaluator({"a": "longer"}, cost), EXAMPLES, {"a": "bad"})
    assert found.after is not None
    assert (found.before.mean, found.after.mean) == (-6.0, -(3.0 * 11 + 6.0) / 12)
    assert "which scores -6. On e0: boom" in str(found)
