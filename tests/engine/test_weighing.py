"""Rollouts are scored by what the search pursues, before they are stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Pursued
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.errors import MetricError
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel


def paid(score: Any, objectives: Pursued | None) -> Rollout:
    """One rollout, paid for through a ledger and read again from its store."""
    evaluator = FakeEvaluator({"m": "text"}, score)
    ledger = Ledger(evaluator, FakeLanguageModel([]), MemoryStore(), objectives=objectives)
    example = Example("a", {})

    async def twice() -> Rollout:
        first = await ledger.rollout_once({"m": "text"}, example, 0, "feedback")
        assert await ledger.rollout_once({"m": "text"}, example, 0, "feedback") == first
        return first

    return asyncio.run(twice())


def graded(_texts: Texts, _example: Example) -> Feedback:
    return Feedback(0.75, objectives={"right": 1.0, "short": 0.5})


def test_a_stored_rollout_has_the_weighted_score_and_the_metrics_own_beside_it() -> None:
    """Without objectives it has the metric's."""
    assert paid(graded, None).score == 0.75
    weighted = paid(graded, {"score": 1.0, "right": 1.0})
    assert weighted.score == 0.875
    assert weighted.feedback.objectives == {"right": 1.0, "short": 0.5, "score": 0.75}


def test_a_name_that_the_metric_does_not_give_is_its_mistake() -> None:
    """Said at the first rollout, with the names that it gives."""
    with pytest.raises(MetricError, match=r"objective 'wrong' is not known .*right, short"):
        paid(graded, {"wrong": 1.0})


def test_a_failure_is_not_weighed() -> None:
    """It has no scores, and the scale says what it counts."""
    failed = paid(lambda _texts, _example: RuntimeError("boom"), {"right": 1.0})
    assert (failed.score, failed.error) == (0.0, "boom")
