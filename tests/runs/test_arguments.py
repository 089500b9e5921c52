"""The arguments of `optimize`: checks, short forms and defaults that follow from others."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa import optimize
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.arguments import Arguments, default_in_flight, kinds_of, objectives_of, rules_of, with_limits
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


def test_the_arguments_are_those_of_optimize() -> None:
    """`Arguments` holds each parameter of the function under its name, and nothing else."""
    assert {field.name for field in fields(Arguments)} == {*signature(optimize).parameters}


def test_kinds_are_in_order_and_a_single_one_may_stand_alone() -> None:
    """Whatever the order they are given in; an unknown one is answered with the nearest."""
    assert kinds_of(["schema", "prompt"]) == ("prompt", "schema")
    assert kinds_of("tool") == ("tool",)
    with pytest.raises(UsageError, match="did you mean 'prompt'"):
        kinds_of(["promt"])


def test_limits_replace_those_that_are_given() -> None:
    """The others stay."""
    assert with_limits(Budget(rollouts=10, tokens=5), Budget(rollouts=20)) == Budget(rollouts=20, tokens=5)


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ({"observers": print}, "observers=.*give a list of functions"),
        ({"observers": [3]}, "observers=.*give a list of functions"),
        ({"search": None}, "search=None is no search: give one of gepa, racing"),
        ({"run": 3}, "run=3 is no folder: give its path"),
        ({"run": ""}, "run='' names no folder: give its path"),
        ({"run": " "}, "run=' ' names no folder: give its path"),
        ({"run": Path(" ")}, "run=' ' names no folder: give its path"),
    ],
)
def test_an_object_of_the_wrong_type_is_refused_by_name(argument: dict[str, Any], says: str) -> None:
    """Before the graph is looked at."""
    with pytest.raises(UsageError, match=says):
        optimize(None, [], reflection_lm=str, **argument)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_perfect_score_and_that_of_a_failure_are_numbers(score: float) -> None:
    """Any number, so that rewards may be negative."""
    with pytest.raises(UsageError, match=r"perfect=.* is not a score"):
        rules_of("gepa", perfect=score)
    with pytest.raises(UsageError, match=r"failure_score=.* is not a score"):
        rules_of("gepa", failure_score=score)
    rules = rules_of("gepa", repeats=2, perfect=0, failure_score=-5)
    assert (rules.perfect, rules.failure_score) == (0.0, -5.0)


def test_a_failure_scores_less_than_a_perfect_answer() -> None:
    """Costs that were not negated are answered with how to give them."""
    with pytest.raises(UsageError, match="return -cost, with perfect=0"):
        rules_of("gepa", perfect=0, failure_score=100)


def test_the_records_of_a_reflection_are_failures_and_two_successes() -> None:
    """In the racing preset, where at least one failure is among them."""
    assert rules_of("racing", records=12).records is not RACING.records
    assert rules_of("racing") == RACING
    with pytest.raises(UsageError, match="records=2 is too few: up to 2 are successes, so 3 or more"):
        rules_of("racing", records=2)
    for search in ("gepa", RACING):
        with pytest.raises(UsageError, match="is for search='racing'"):
            rules_of(search, records=24)


def test_repeats_are_a_number_or_left_to_the_search() -> None:
    """Racing decides by itself unless a number is given; the paper's search runs a pair once."""
    assert rules_of("racing") == rules_of("racing", "auto") == RACING
    assert RACING.decides_repeats
    assert not rules_of("racing", 1).decides_repeats
    assert (rules_of("racing", 3).repeats, rules_of("racing", 3).decides_repeats) == (3, False)
    assert rules_of("gepa", "auto") == rules_of("gepa") == GEPA
    assert (GEPA.repeats, GEPA.decides_repeats) == (1, False)


@pytest.mark.parametrize("repeats", ["often", "2", "", 1.5])
def test_other_repeats_are_refused(repeats: Any) -> None:
    """With what is known; a number below 1 too."""
    with pytest.raises(UsageError, match=r'neither "auto" nor a number of rollouts, such as repeats=2'):
        rules_of("racing", repeats)
    with pytest.raises(UsageError, match="at least 1"):
        rules_of("racing", 0)


def test_objectives_are_weights_or_directions() -> None:
    """Numbers, `min` and `max`."""
    given = {"score": 1, "style": 0.5, "tokens": -0.001, "dollars": "min"}
    assert objectives_of(given) == {"score": 1.0, "style": 0.5, "tokens": -0.001, "dollars": "min"}
    assert objectives_of(None) == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"dollars": "low"}, "Known: min, max"),
        ({"dollars": 1}, "would reward more dollars"),
        ({"score": "max"}, "give a weight"),
        ({"style": 0}, "other than 0"),
        ({"style": True}, "other than 0"),
        ({"style": float("inf")}, "other than 0"),
        (["dollars"], "by name"),
    ],
)
def test_an_objective_that_says_nothing_is_refused(wrong: Any, says: str) -> None:
    """Before anything is paid for, with what to write."""
    with pytest.raises(UsageError, match=says):
        objectives_of(wrong)
