"""What a person is warned of before anything is paid, and once the graph as it is has been scored."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.runs.notices import of_failures, of_scale, of_uncounted_calls
from langgraph_gepa.search.pool import Pool


def rollout(example: str, score: float, error: str | None = None) -> Rollout:
    return Rollout(example, {}, Feedback(score), (), error=error)


def test_examples_on_which_the_graph_failed_are_counted_once() -> None:
    """With the first error; repeats of an example are the same example."""
    rollouts = [rollout("a", 0.0, "In node x: boom"), rollout("a", 0.0, "In node x: boom"), rollout("b", 1.0)]
    (warning,) = of_failures(rollouts)
    assert "fails on 1 of 2 validation examples" in warning
    assert "On a: In node x: boom" in warning
    assert list(of_failures(rollouts[2:])) == []


@pytest.mark.parametrize(("perfect", "count"), [(1.0, 1), (5.0, 0)])
def test_scores_beyond_a_perfect_one_are_warned_of(perfect: float, count: int) -> None:
    """Nothing would be learned from them."""
    assert len(list(of_scale([rollout("a", 3.0)], perfect))) == count


@pytest.mark.parametrize(("budget", "count"), [(Budget(tokens=9), 1), (Budget(tokens=9, rollouts=9), 0)])
def test_a_limit_that_is_never_reached_is_warned_of(budget: Budget, count: int) -> None:
    """Where no model call of the graph was seen and no other limit ends the run."""
    assert len(list(of_uncounted_calls(Pool(), budget))) == count
