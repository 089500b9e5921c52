"""Defaults that follow from what was asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.runs.strings import default_in_flight
from langgraph_gepa.search.rules import GEPA, RACING, Rules


@given(st.integers(1, 64), st.integers(1, 5000), st.integers(1, 500), st.sampled_from([GEPA, RACING]))
def test_iterations_in_flight_follow_the_concurrency_and_the_budget(
    concurrency: int, rollouts: int, pareto: int, rules: Rules
) -> None:
    """From 2 to 8, never falling with more of either, and few where the budget affords few iterations."""
    found = default_in_flight(concurrency, Budget(rollouts=rollouts), pareto, rules)
    assert 2 <= found <= 8
    assert found <= default_in_flight(concurrency + 2, Budget(rollouts=rollouts + 100), pareto, rules)
    assert found <= default_in_flight(concurrency, Budget(dollars=1.0), pareto, rules)
    assert found == 2 or found * 10 * rules.most_rollouts(pareto) <= rollouts - rules.seed_rollouts(pareto)


def test_what_the_benchmark_recommends() -> None:
    """On 60 validation examples with 16 rollouts at once: 2, 4 and 8 iterations at 300, 750 and 1500 rollouts."""
    budgets = [Budget(rollouts=300), Budget(rollouts=750), Budget(rollouts=1500), Budget(iterations=40)]
    assert [default_in_flight(16, budget, 60, RACING) for budget in budgets] == [2, 4, 8, 4]
