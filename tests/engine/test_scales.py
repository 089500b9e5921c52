"""Searches over scores on any scale: rewards may be negative, and a rollout that fails is never the best."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    RunFinished,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.testing import Score

BOTH = pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])


def unit(worlds: Any, salt: int) -> Score:
    """Scores from 0 to 1 that have exact sums on other scales too; where they would be 0 the graph fails."""
    chance: Callable[[Texts, Example], float] = worlds.chance(salt, 3)

    def score(texts: Texts, example: Example) -> float | Exception:
        value = chance(texts, example)
        return RuntimeError("It raised.") if value == -1.0 else (value + 1) / 2

    return score


def on(score: Score, factor: float, offset: float) -> Score:
    """The same scores on another scale."""

    def other(texts: Texts, example: Example) -> Any:
        value = score(texts, example)
        return value if isinstance(value, Exception) else float(value) * factor + offset

    return other


def search(world: Any, rules: Rules, rollouts: int = 170, **session: Any) -> Pool:
    return asyncio.run(replace(world.session(Budget(rollouts=rollouts), **session), rules=rules).run())


def decisions(world: Any) -> list[Any]:
    """All that a search decides, without the scores."""
    kinds = IterationStarted | ExamplesDrawn | ModulesChosen | CandidateAdmitted | IterationFinished | RunFinished
    return [
        replace(event, before=(), after=()) if hasattr(event, "before") else event
        for event in world.journal()
        if isinstance(event, kinds)
    ]


def told(prompt: str) -> str:
    """A reply that depends on the texts and the examples of a prompt, but not on the scores that it shows."""
    return f"```\n{prompt.split('<current_text>')[1].split('</current_text>')[0].strip()[-40:]}x\n```"


@BOTH
@pytest.mark.parametrize(("factor", "offset"), [(8.0, 0.0), (0.25, -4.0), (64.0, -64.0), (2.0, 512.0)])
@pytest.mark.parametrize("salt", range(3))
def test_a_scale_changes_no_decision(worlds: Any, rules: Rules, factor: float, offset: float, salt: int) -> None:
    """An affine transformation of all scores, of the perfect one and of a failure's, leaves the search as it is."""
    found = []
    for a, b in ((1.0, 0.0), (factor, offset)):
        seed = {f"m{n}": f"seed {n}" for n in range(3)}
        world = worlds.World(on(unit(worlds, salt), a, b), seed, told, feedback=12, pareto=14)
        pool = search(world, replace(rules, perfect=a + b, failure_score=b), seed=salt)
        found.append((decisions(world), pool.best))
    assert len(pool.candidates) > 1
    assert found[0] == found[1]


@BOTH
@pytest.mark.parametrize("salt", range(4))
def test_an_edit_that_makes_the_graph_fail_is_not_the_best_where_scores_are_costs(
    worlds: Any, rules: Rules, salt: int
) -> None:
    """A failure has the lowest score seen, also where it was seen first; journal and pool agree on that."""

    def cost(texts: Texts, example: Example) -> float | Exception:
        size = len(texts["m"])
        return RuntimeError("It raised.") if size % 3 == 0 else -float(size) - len(example.id)

    world = worlds.World(cost, {"m": "seed"}, feedback=6, pareto=6)
    pool = search(world, rules, seed=salt)
    assert pool.scale.failure_score == min(
        min(scores) for known in pool.board.pareto.values() for scores in known.values()
    )
    assert len(pool.best.texts["m"]) % 3
    assert pool == Pool.replay(world.journal())


@BOTH
def test_a_search_without_a_perfect_score_learns_below_the_highest_seen(worlds: Any, rules: Rules) -> None:
    """Scores of a judge from 2 to 6: the best prompts are found, and no search ends because they are perfect."""

    def judge(texts: Texts, _example: Example) -> float:
        return 2.0 + min(4, texts["m"].count("lesson"))

    def one_more(prompt: str) -> str:
        lessons = prompt.split("<current_text>")[1].split("</current_text>")[0].count("lesson")
        return "```\n" + "lesson " * (lessons + 1) + "\n```"

    world = worlds.World(judge, {"m": "seed"}, one_more, feedback=6, pareto=6)
    pool = search(world, rules, 400)
    assert pool.mean(pool.best) == 6.0
    assert pool.finished is not None
    assert pool.finished.ended != "perfect"


def test_an_earlier_run_learns_its_scale_when_it_is_resumed(worlds: Any) -> None:
    """Its journal does not say what a perfect answer scores; the settings do."""
    world = worlds.World(lambda _texts, _example: 3.0, {"m": "seed"}, feedback=6, pareto=6)
    search(world, RACING, 40)
    assert world.ledger.pool.scale.perfect is None
    pool = search(world, replace(RACING, perfect=5.0), 60)
    assert pool.scale.full == 5.0
    assert pool == Pool.replay(world.journal())
