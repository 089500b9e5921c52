"""Numbers as people read them."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

import pytest

from langgraph_gepa.core.budget import Budget, Limit, Spent
from langgraph_gepa.core.endings import Cause, Ended
from langgraph_gepa.core.events import IterationFinished, RunFinished
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report.words import cause, cost, ending, limits, money, score, scores_between, signed


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (None, "unknown"), (0, "$0.00"), (1234.5, "$1,234.50"), (0.1, "$0.10"), (0.05, "$0.0500"),
        (0.00123, "$0.0012"), (0.00004, "$0.000040"), (1e-9, "$0.0000000010"),
    ],
)  # fmt: skip
def test_no_price_but_none_at_all_reads_as_nothing(dollars: float | None, text: str) -> None:
    """A tiny budget is two digits, however many zeros come first."""
    assert money(dollars) == text


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (Usage(7, 3, 0.5), "$0.50, 10 tokens"),
        (Usage(7, 3, 0.0, 4), "$0.00, 10 tokens (4 of them estimated)"),
        (Usage(7, 3, None), "10 tokens (price unknown)"),
        (Usage(7, 3, None, 10), "10 tokens (all estimated; price unknown)"),
        (Usage(1, 0, None), "1 token (price unknown)"),
    ],
)
def test_an_unknown_price_comes_after_the_tokens(usage: Usage, text: str) -> None:
    """Elsewhere the price comes first."""
    assert cost(usage) == text


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("rollouts", "1 of 1 rollout spent"),
        ("tokens", "4,800 of 5,000 tokens spent, and what is left may be too little to go on"),
        ("dollars", "$1.99 of $2.00 spent, and what is left may be too little to go on"),
        ("seconds", "65 s of 60 s passed"),
        ("iterations", "3 of 3 iterations done"),
        ("reflections", "4 of 4 reflections spent"),
        ("target", "the best prompts reach the target, 0.95; it goes on with a higher target"),
        ("patience", "20 iterations found no better prompts; it goes on with more patience"),
        ("perfect", "the best prompts are perfect on every validation example; it goes on with gain=0"),
    ],
)
def test_a_limit_that_ended_a_search_is_named_with_what_was_spent(ended: Ended, words: str) -> None:
    """Some limits leave a rest that no further call fits into."""
    budget = Budget(
        rollouts=1, tokens=5000, dollars=2.0, seconds=60, iterations=3, reflections=4, target=0.95, patience=20
    )
    spent = Spent(rollouts=1, iterations=3, reflections=4, graph=Usage(4000, 800, 1.99))
    assert ending(RunFinished(ended=ended), asdict(budget), spent, 65.0) == words


def test_every_reason_a_search_ends_for_has_words() -> None:
    """Also where the limit that ended it is no longer in the budget, or was removed since."""
    for code in (*get_args(Limit), "perfect", "solved", "unchanged", "exhausted", "unread"):
        for budget in (Budget(), Budget(**dict.fromkeys(get_args(Limit), 1))):
            assert "{" not in ending(RunFinished(ended=code), asdict(budget), Spent(), 0.0)
            assert "{" not in ending(RunFinished(ended=code), {}, Spent(), 0.0)


def test_runs_of_earlier_versions_keep_their_reason() -> None:
    """Their journals hold a sentence in place of the limit, and of an iteration's cause."""
    assert ending(RunFinished("30 rollouts spent"), {}, Spent(), 0.0) == "30 rollouts spent"
    assert cause(IterationFinished(2, "rejected", "no better on the minibatch"), 30) == "no better on the minibatch"


def test_every_cause_that_an_iteration_ends_by_has_words() -> None:
    """Numbers among them: of a race that was stopped, how far it went."""
    for code in get_args(Cause):
        assert "{" not in cause(IterationFinished(2, "accepted", cause=code, ran=6), 30)
    stopped = IterationFinished(2, "accepted", cause="stopped", ran=6)
    assert cause(stopped, 30) == "stopped after 6 of 30 validation examples"


def test_a_limit_of_one_is_one() -> None:
    """No `1 rollouts`."""
    assert limits({"rollouts": 1, "iterations": 2, "dollars": None}) == "1 rollout or 2 iterations"


@pytest.mark.parametrize(
    ("low", "high", "value", "text", "change"),
    [
        (0.0, 1.0, 0.4687, "0.469", "+0.469"), (1.0, 5.0, 4.125, "4.125", "+4.125"),
        (0.0, 0.001, 0.00042, "0.000420", "+0.000420"), (0.0, 1000.0, 512.34, "512", "+512"),
        (-3000.0, 0.0, -1234.5, "-1234", "−1234"), (0.00042, 0.00042, 0.00042, "0.000420", "+0.000420"),
        (1000.1, 1000.9, 1000.25, "1000.250", "+1000.250"), (0.0, 0.0, 0.0, "0.000", "0.000"),
    ],
)  # fmt: skip
def test_scores_have_the_decimals_that_their_spread_needs(
    low: float, high: float, value: float, text: str, change: str
) -> None:
    """Small scales show their differences, large ones no noise; zeros have the usual three."""
    with scores_between(low, high):
        assert (score(value), signed(value)) == (text, change)
    assert score(0.5) == "0.500"
