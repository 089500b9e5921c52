"""Searches that end before their budget is spent, and go on when they are given more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import ChildrenProposed, RunFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.optimizer import Optimizer
from langgraph_gepa.search.rules import GEPA, RACING, Rules

BOTH = pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])


def steps(texts: Texts, _example: Example) -> float:
    """Each lesson is worth a fifth, up to a perfect score."""
    return min(5, texts["m"].count("lesson")) / 5


def one_more(prompt: str) -> str:
    lessons = prompt.split("<current_text>")[1].split("</current_text>")[0].count("lesson")
    return "```\n" + "lesson " * (lessons + 1) + "\n```"


def search(world: Any, rules: Rules, budget: Budget, in_flight: int = 1) -> Optimizer:
    optimizer: Optimizer = world.session(budget, in_flight=in_flight)
    return replace(optimizer, rules=rules)


def ends(world: Any) -> list[str | None]:
    return [event.ended for event in world.journal() if isinstance(event, RunFinished)]


@BOTH
@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_solved_search_ends_and_goes_on_only_when_it_is_to(worlds: Any, rules: Rules, in_flight: int) -> None:
    """Hardly anything is spent after perfection; resumed with the same budget nothing is, with `gain=0` all of it."""
    world = worlds.World(steps, {"m": "seed"}, one_more, feedback=6, pareto=6)
    pool = asyncio.run(search(world, rules, Budget(rollouts=2000), in_flight).run())
    assert pool.mean(pool.best) == 1.0
    assert pool.spent.rollouts < 300
    again = asyncio.run(search(world, rules, Budget(rollouts=2000), in_flight).run())
    assert (again.spent, ends(world)) == (pool.spent, ["perfect"])
    more = asyncio.run(search(world, rules, Budget(rollouts=400, gain=0), in_flight).run())
    assert more.spent.iterations > pool.spent.iterations
    assert ends(world)[-1] != "perfect"


@BOTH
def test_a_target_ends_a_search_and_a_higher_one_lets_it_go_on(worlds: Any, rules: Rules) -> None:
    """The run goes on where it ended, and pays nothing twice."""
    world = worlds.World(steps, {"m": "seed"}, one_more, feedback=6, pareto=6)
    first = asyncio.run(search(world, rules, Budget(rollouts=900, target=0.4)).run())
    assert 0.4 <= first.mean(first.best) < 1
    higher = asyncio.run(search(world, rules, Budget(rollouts=900, target=0.8)).run())
    assert higher.mean(higher.best) >= 0.8
    assert ends(world) == ["target", "target"]
    assert higher.candidates[: len(first.candidates)] == first.candidates


@BOTH
def test_patience_ends_a_search_in_which_nothing_helps(worlds: Any, rules: Rules) -> None:
    """As many iterations after the best one, and no more; more patience goes on."""
    world = worlds.World(lambda _texts, _example: 0.3, {"m": "seed"}, feedback=6, pareto=6)
    assert asyncio.run(search(world, rules, Budget(patience=4)).run()).spent.iterations == 4
    assert asyncio.run(search(world, rules, Budget(patience=7)).run()).spent.iterations == 7
    assert ends(world) == ["patience", "patience"]


@BOTH
@pytest.mark.parametrize("in_flight", [1, 6])
def test_reflections_are_never_more_than_allowed(worlds: Any, rules: Rules, in_flight: int) -> None:
    """However many iterations ask at once, and for however many modules; a larger limit goes on."""
    world = worlds.World(lambda _texts, _example: 0.3, {"a": "one", "b": "two", "c": "three"}, feedback=6, pareto=4)
    for limit in (5, 8):
        pool = asyncio.run(search(world, rules, Budget(rollouts=900, reflections=limit), in_flight).run())
        assert pool.spent.reflections == limit
    assert ends(world) == ["reflections", "reflections"]


@pytest.mark.parametrize(("limit", "tried"), [(1, 1), (2, 1), (4, 2)])
def test_a_joint_edit_that_meets_the_limit_tries_the_texts_it_has(worlds: Any, limit: int, tried: int) -> None:
    """What was paid for is used: the iteration ends, and says of the other modules that no reflection was left."""
    world = worlds.World(lambda _texts, _example: 0.3, {"a": "one", "b": "two", "c": "three"}, feedback=6, pareto=4)
    pool = asyncio.run(search(world, RACING, Budget(rollouts=900, reflections=limit)).run())
    assert not pool.open
    assert ends(world) == ["reflections"]
    proposed = [event for event in world.journal() if isinstance(event, ChildrenProposed)]
    assert len(proposed) == tried
    assert all(event.children for event in proposed)
    assert set(proposed[-1].reasons.values()) == {"spent"}
