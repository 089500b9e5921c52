"""What a person is warned of before anything is paid, and once the graph as it is has been scored."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.rollout import Feedback, Rollout, Usage
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.runs.notices import of_failure_score, of_failures, of_scale, of_uncounted_calls
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


@pytest.mark.parametrize(
    ("perfect", "score", "expected"),
    [
        (1.0, 3.0, "counts as perfect, with nothing to learn from it"),
        (5.0, 3.0, ""),
        (0.0, -3.0, ""),
        (None, 0.4, ""),
        (None, 3.0, "the highest score seen counts as perfect; a rollout that fails scores 0"),
        (None, -3.0, "return -cost"),
    ],
)
def test_a_score_off_the_scale_is_warned_of(perfect: float | None, score: float, expected: str) -> None:
    """Nothing would be learned from one above a perfect score; elsewhere the user should say what is perfect."""
    event = RolloutFinished(0, "t", "a", "pareto", score, Usage(), 1.0, "key")
    warning = of_scale(event, MetricScale(perfect).after(score, failed=False))
    assert expected in warning
    assert bool(warning) == bool(expected)


@pytest.mark.parametrize(
    ("given", "scores", "warned"),
    [(5.0, [0.2, 1.0], True), (0.5, [0.0, 0.0], True), (0.5, [0.2, 1.0], False), (0.0, [0.0], False), (5.0, [], False)],
)
def test_a_failure_score_above_every_score_is_warned_of(given: float, scores: list[float], warned: bool) -> None:
    """A search would look for prompts with which the graph fails; before anything is scored nobody can tell."""
    scale = MetricScale(failure=given)
    for score in scores:
        scale = scale.after(score, failed=False)
    warnings = list(of_failure_score(scale))
    assert len(warnings) == warned
    assert all(f"scores {given:g}, more than the highest" in warning for warning in warnings)


@pytest.mark.parametrize(("budget", "count"), [(Budget(tokens=9), 1), (Budget(tokens=9, rollouts=9), 0)])
def test_a_limit_that_is_never_reached_is_warned_of(budget: Budget, count: int) -> None:
    """Where no model call of the graph was seen and no other limit ends the run."""
    assert len(list(of_uncounted_calls(Pool(), budget))) == count
