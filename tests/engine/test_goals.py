"""Searches with goals beside the score: what scores no less and costs less is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import GoalsGiven
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Goals, length_of
from langgraph_gepa.core.rollout import Feedback
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.search.selection import leaders
from langgraph_gepa.search.tradeoffs import goals_of, standings, undominated

BOTH = pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])
SHORT: Goals = {"prompt_length": "min"}


def search(world: Any, rules: Rules, goals: Goals, rollouts: int = 120) -> Pool:
    rules = replace(rules, goals=goals)
    return asyncio.run(replace(world.session(Budget(rollouts=rollouts)), rules=rules).run())


def shorter(prompt: str) -> str:
    """The current text without its last word."""
    text = prompt.split("<current_text>")[1].split("</current_text>")[0].split()
    return "```\n" + " ".join(text[:-1] or text) + "\n```"


def solved(worlds: Any) -> Any:
    """Three words do; the others only cost. Fewer score worse."""

    def score(texts: Texts, _example: Example) -> float:
        return 1.0 if len(texts["m"].split()) >= 3 else 0.2

    return worlds.World(score, {"m": "one two three four five six"}, shorter, feedback=6, pareto=6)


@BOTH
def test_a_solved_search_goes_on_for_a_goal(worlds: Any, rules: Rules) -> None:
    """The prompts that still do are made as short as they can be; without the goal nothing is tried."""
    assert len(search(solved(worlds), rules, {}).candidates) == 1
    pool = search(solved(worlds), rules, SHORT)
    known = standings(pool)
    kept = undominated(known, goals_of(pool, known))
    best = max(kept, key=lambda one: one.validation["score"])
    assert pool.candidates[best.candidate].texts == {"m": "one two three"}
    assert best.validation == pytest.approx({**best.validation, "score": 1.0, "prompt_length": 13.0})


@BOTH
def test_a_goal_is_won_like_an_example(worlds: Any, rules: Rules) -> None:
    """The candidates with the best mean lead, and the journal tells a replay what the goals are."""
    world = solved(worlds)
    pool = search(world, rules, SHORT)
    (ids,) = leaders(pool).values()
    shortest = min(length_of(one.texts) for one in pool.candidates if pool.eligible(one.id))
    assert {length_of(pool.candidates[id].texts) for id in ids} == {shortest}
    assert leaders(search(solved(worlds), rules, {})) == {}
    assert [event.goals for event in world.journal() if isinstance(event, GoalsGiven)] == [SHORT]
    assert pool == Pool.replay(world.journal())


def test_a_goal_may_be_a_score_of_the_metrics(worlds: Any) -> None:
    """The frontier keeps the candidate with the best style, although another scores higher."""

    def score(texts: Texts, _example: Example) -> Feedback:
        words = len(texts["m"].split())
        return Feedback(1.0 if words >= 3 else 0.2, objectives={"style": words / 6})

    world = worlds.World(score, {"m": "one two three four five six"}, shorter, feedback=6, pareto=6)
    pool = search(world, GEPA, {"style": "max", "prompt_length": "min"})
    assert leaders(pool)["style"] == [0]
    assert standings(pool)[0].validation["style"] == 1.0
