"""What a budget buys, said before it is spent."""

from __future__ import annotations

from dataclasses import replace

from langgraph_gepa.engine.preflight import preflight
from langgraph_gepa.search.budget import Budget, Spent
from langgraph_gepa.search.rollout import Usage
from langgraph_gepa.search.rules import RACING, Rules


def test_rollouts_are_told_in_proposals_and_validations() -> None:
    """Of 500 rollouts over 50 examples the graph takes 50; a proposal takes 6, or 56 when it is validated."""
    buys = preflight(Budget(rollouts=500), 50, Rules())
    assert buys is not None
    assert (buys.validations, buys.proposals, buys.few) == (10, (8, 75), False)
    assert str(buys) == (
        "500 rollouts buy 10 full validations on 50 examples, the graph as it is included, and 8 to 75 proposals."
    )


def test_a_budget_that_buys_little_is_warned_of() -> None:
    """Three full validations are no search."""
    buys = preflight(Budget(rollouts=300), 100, Rules())
    assert buys is not None
    assert buys.few
    assert "That is few" in str(buys)


def test_of_plenty_some_is_advised_to_be_spent_on_noise() -> None:
    """Fifty rollouts for each validation example and more; not to who repeats them already."""
    assert "repeats=2" in str(preflight(Budget(rollouts=3000), 60, RACING))
    assert "repeats=2" not in str(preflight(Budget(rollouts=2999), 60, RACING))
    twice = preflight(Budget(rollouts=3000), 60, replace(RACING, repeats=2))
    assert twice is not None
    assert "repeats=2" not in str(twice)
    assert twice.validations == 25


def test_money_is_told_in_rollouts_once_their_price_is_known() -> None:
    """The tightest limit decides; before the first rollout nobody knows."""
    budget = Budget(tokens=100_000, dollars=1.0)
    assert preflight(budget, 10, Rules()) is None
    spent = Spent(rollouts=10, graph=Usage(1_500, 500, 0.05))
    buys = preflight(budget, 10, Rules(), spent)
    assert buys is not None
    assert buys.rollouts == 200
    assert preflight(Budget(seconds=60), 10, Rules(), spent) is None
