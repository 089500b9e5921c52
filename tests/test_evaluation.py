"""Scoring a graph on examples."""

from __future__ import annotations

import pytest

from langgraph_gepa.errors import MetricError
from langgraph_gepa.evaluation import measure
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.module import Texts
from langgraph_gepa.testing import FakeEvaluator

EXAMPLES = [Example(f"e{n}", {"n": n}) for n in range(12)]


def test_both_sides_are_scored_on_the_same_examples() -> None:
    """The difference is paired, example by example, and one example is said in the singular."""
    evaluator = FakeEvaluator({"a": "old"}, lambda texts, example: len(texts["a"]) / 10 + example.inputs["n"] / 100)
    found = measure(evaluator, EXAMPLES, {"a": "newer"}, concurrency=3)
    assert found.difference is not None
    assert (round(found.difference.mean, 6), found.difference.n) == (0.2, 12)
    assert "1 example, 95 %" in str(measure(evaluator, EXAMPLES[:1], None))


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
