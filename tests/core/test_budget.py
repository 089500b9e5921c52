"""Budgets: limits in words, and what is left under them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.budget import Budget, Spent, limit_reached, rollouts_left
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import UsageError

counts = st.integers(0, 1000)


@pytest.mark.parametrize("limit", ["rollouts", "tokens", "dollars", "seconds", "iterations", "reflections", "patience"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "40", True])
def test_a_limit_is_a_positive_number(limit: str, value: object) -> None:
    """A budget that could never start anything is a mistake, and the message names it."""
    with pytest.raises(UsageError, match=rf"Budget\({limit}="):
        Budget(**{limit: value})  # type: ignore[arg-type]  # the mistake under test


def test_no_limit_is_unbounded() -> None:
    """A budget without limits says so and never ends a search."""
    assert not Budget().bounded
    assert limit_reached(Budget(), Spent(rollouts=10**9), 1e9) is None
    assert rollouts_left(Budget(), Spent(rollouts=10**9)) is None


def test_a_target_is_any_score_and_ends_not_every_search() -> None:
    """It may be negative; alone it is no bound, and neither are reflections, which an iteration may do without."""
    assert Budget(target=-3.5).target == -3.5
    assert not Budget(target=0.9, reflections=5, gain=0).bounded
    assert Budget(patience=5).bounded
    for value in (float("nan"), float("inf"), "high", True):
        with pytest.raises(UsageError, match="a target is a score"):
            Budget(target=value)  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(UsageError, match=r"Budget\(gain=-1\)"):
        Budget(gain=-1)


@given(st.integers(1, 1000), counts, counts)
def test_what_is_left_is_what_is_neither_spent_nor_promised(limit: int, spent: int, promised: int) -> None:
    """Starting no more than what is left never overshoots, and never goes below nothing."""
    left = rollouts_left(Budget(rollouts=limit), Spent(rollouts=spent), promised)
    assert left == max(0, limit - spent - promised)


@pytest.mark.parametrize(
    ("budget", "spent", "seconds", "limit"),
    [
        (Budget(rollouts=5), Spent(rollouts=5), 0, "rollouts"),
        (Budget(tokens=1000), Spent(graph=Usage(600, 0), reflection=Usage(0, 400)), 0, "tokens"),
        (Budget(dollars=2), Spent(graph=Usage(0, 0, 1.5), reflection=Usage(0, 0, 0.5)), 0, "dollars"),
        (Budget(seconds=60), Spent(), 60, "seconds"),
        (Budget(iterations=3), Spent(iterations=3), 0, "iterations"),
        (Budget(reflections=7), Spent(reflections=7), 0, "reflections"),
    ],
)
def test_a_limit_ends_the_search_when_it_is_reached(budget: Budget, spent: Spent, seconds: float, limit: str) -> None:
    """Reaching a limit is enough; just under it the search goes on."""
    assert limit_reached(budget, spent, seconds) == limit
    assert limit_reached(budget, Spent(rollouts=4, iterations=2, graph=Usage(998, 1, 1.99)), 59.9) is None


def test_tests_are_no_part_of_the_rollout_budget() -> None:
    """Held-out rollouts are counted apart."""
    assert limit_reached(Budget(rollouts=5), Spent(rollouts=4, tests=100), 0) is None
