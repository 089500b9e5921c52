"""What a budget buys, said before it is spent."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.preflight import Preflight, preflight
from langgraph_gepa.runs.arguments import rules_of
from langgraph_gepa.search.rules import RACING, Rules


def bought(rollouts: int, pareto: int, rules: Rules = RACING, feedback: int | None = None) -> Preflight:
    found = preflight(Budget(rollouts=rollouts), feedback or pareto, pareto, rules)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rollouts", "feedback", "pareto", "rules", "tried"),
    [
        (60, 4, 4, RACING, (4, 10)),
        (150, 20, 20, RACING, (5, 8)),
        (150, 40, 8, RACING, (7, 10)),
        (500, 20, 20, RACING, (22, 39)),
        (500, 60, 60, RACING, (13, 24)),
        (150, 20, 20, Rules(), (2, 8)),
        (500, 60, 60, Rules(), (5, 12)),
    ],
)
def test_what_is_promised_is_what_searches_made_of_it(
    rollouts: int, feedback: int, pareto: int, rules: Rules, tried: tuple[int, int]
) -> None:
    """The middle of what simulated searches tried lies within, and the range is within a factor of two of theirs."""
    found = bought(rollouts, pareto, rules, feedback)
    assert found.least <= sum(tried) / 2 <= found.most
    assert tried[0] / 2 <= found.least
    assert found.most <= 2 * tried[1]


def test_rollouts_are_told_in_new_prompts() -> None:
    """As a range where it is one, and singular where it is one."""
    assert str(bought(500, 60)) == (
        "500 rollouts are enough for about 11 to 26 new prompts to be tried, with 60 validation examples."
    )
    assert str(bought(50, 30)).startswith("50 rollouts are enough for about 1 to 2 new prompts to be tried")
    assert str(bought(40, 36)).startswith("40 rollouts are enough for about 1 new prompt to be tried")
    assert "with 1 validation example." in str(bought(60, 1))


def test_advice_is_given_where_it_makes_sense() -> None:
    """Fewer validation examples are no advice to somebody who has few, nor more rollouts to somebody who has many."""
    few = "That is few: give more rollouts"
    assert f"{few}." in str(bought(60, 30))
    assert f"{few}, or fewer validation examples" in str(bought(150, 200))
    assert few not in str(bought(500, 30))
    assert "So few validation examples" in str(bought(60, 1))
    assert "fewer" not in str(bought(60, 1))
    assert "So few validation examples" not in str(bought(60, 6))


def test_of_plenty_some_is_advised_to_be_spent_on_noise() -> None:
    """Fifty rollouts for each validation example and more; not where these are repeated already."""
    assert "repeats=2" in str(bought(3000, 60, rules_of("racing", 1)))
    assert "repeats=2" in str(bought(3000, 60, rules_of("gepa")))
    assert "repeats=2" not in str(bought(2999, 60, rules_of("racing", 1)))
    assert "repeats=2" not in str(bought(3000, 60))
    twice = bought(3000, 60, rules_of("racing", 2))
    assert "repeats=2" not in str(twice)
    assert twice.most < bought(3000, 60).most


def test_money_is_told_in_rollouts_once_their_price_is_known() -> None:
    """The tightest limit decides; before the first rollout nobody knows."""
    budget = Budget(tokens=100_000, dollars=1.0)
    assert preflight(budget, 10, 10, Rules()) is None
    spent = Spent(rollouts=10, graph=Usage(1_500, 500, 0.05))
    buys = preflight(budget, 10, 10, Rules(), spent)
    assert buys is not None
    assert buys.rollouts == 200
    assert preflight(Budget(seconds=60), 10, 10, Rules(), spent) is None
