"""A search that is given texts: they enter the pool first, as children of the seed, at the price of what is unknown."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules

START: tuple[Texts, ...] = ({"m0": "given", "m1": "given"}, {"m0": "seed 0", "m1": "also given"})
SEARCHES = pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])


def small(worlds: Any, salt: int = 49) -> Any:
    return worlds.random(salt, modules=2, pareto=4, feedback=4, test=2)


def carry(session: Any, world: Any, texts: Texts) -> None:
    """Takes over a rollout of these texts on every example, as an earlier run would have paid for them."""
    for example in (*session.examples.feedback, *session.examples.pareto, *session.examples.test):
        score = world.score(texts, example)
        session.ledger.carry(texts, example, 0, Rollout(example.id, {"score": score}, Feedback(score)))


@SEARCHES
def test_given_texts_enter_the_pool_first_as_children_of_the_seed(worlds: Any, rules: Rules) -> None:
    """They have no bar to clear, are scored as any child is, count as no iteration, and others are made from there."""
    world = small(worlds)
    pool = asyncio.run(world.session(Budget(iterations=4), rules=rules, start=START).run())
    given = pool.candidates[1:3]
    assert [(one.texts, one.parents, one.origin) for one in given] == [(texts, (0,), "start") for texts in START]
    assert all(len(pool.scores(one)) == 4 for one in given)
    assert (pool.starts, pool.spent.iterations, pool.proposals + len(pool.merges)) == (2, 4, 4)


@SEARCHES
def test_what_earlier_runs_paid_for_is_not_run_again(worlds: Any, rules: Rules) -> None:
    """Neither for validation nor for the test; a search that reuses rollouts learns from those on training examples."""
    world = small(worlds)
    session = world.session(Budget(iterations=3), rules=rules, start=START)
    seed = dict(world.seed_texts)
    for texts in (seed, *START):
        carry(session, world, texts)
    pool = asyncio.run(session.run())
    known = {texts_key(texts) for texts in (seed, *START)}
    run = [(texts, example) for texts, example in world.evaluator.started if texts in known]
    assert all(example.startswith("f") for _, example in run)
    assert rules is GEPA or not run
    assert pool.spent.carried == 3 * 10
    assert pool.spent.rollouts + pool.spent.tests == len(world.evaluator.finished)
    assert all(len(pool.scores(pool.candidates[id])) == 4 for id in range(3))


def test_a_budget_need_not_pay_for_a_seed_that_is_known(worlds: Any) -> None:
    """What is carried over is no part of what scoring the seed takes."""
    world = small(worlds)
    session = world.session(Budget(rollouts=1), start=START)
    carry(session, world, dict(world.seed_texts))
    assert asyncio.run(session.run()).spent.rollouts == 0


@SEARCHES
def test_a_started_run_that_broke_off_anywhere_resumes_to_the_same_candidates(worlds: Any, rules: Rules) -> None:
    """Whichever rollout the world fails at: nothing is paid for twice, and what was carried over stays so."""
    options = {"rules": rules, "start": START}
    whole = small(worlds)
    session = whole.session(Budget(iterations=4), **options)
    carry(session, whole, START[0])
    asyncio.run(session.run())
    for call in range(1, len(whole.evaluator.started) + 1):
        world = small(worlds)
        carry(world.session(Budget(iterations=4), **options), world, START[0])
        paid: Counter[tuple[str, str]] = Counter()
        for pace in (worlds.failing_at(call), None):
            with suppress(OSError, Interrupted):
                asyncio.run(world.session(Budget(iterations=4), pace=pace, **options).run())
            paid.update(world.evaluator.finished)
        assert world.candidates() == whole.candidates()
        spent = Pool.replay(world.journal()).spent
        assert spent == Pool.replay(whole.journal()).spent
        own = [event for event in world.journal() if isinstance(event, RolloutFinished) and not event.reused]
        assert paid == Counter((event.texts, event.example) for event in own)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_texts_that_are_known_already_are_not_tried_again(worlds: Any, in_flight: int) -> None:
    """Neither the seed's nor the same texts twice, however many iterations are under way."""
    world = small(worlds)
    start = (dict(world.seed_texts), START[0], dict(START[0]))
    pool = asyncio.run(world.session(Budget(iterations=4), rules=RACING, start=start, in_flight=in_flight).run())
    assert [one.texts for one in pool.candidates if one.given] == [START[0]]


def better_at(texts: Texts, example: Example) -> float:
    """ "one" solves the first two validation examples, "other" the rest."""
    solved = {"one": {"p0", "p1"}, "other": {"p2", "p3", "p4", "p5"}}
    return float(example.id in solved.get(texts["m0"], ()))


@SEARCHES
def test_a_merge_into_texts_that_the_pool_holds_runs_nothing(worlds: Any, rules: Rules) -> None:
    """Where the better of two changed all that the other did, their merge is the better one itself."""
    world = worlds.World(better_at, {"m0": "seed", "m1": "seed"})
    start = ({"m0": "one", "m1": "seed"}, {"m0": "other", "m1": "other"})
    pool = asyncio.run(world.session(Budget(iterations=4), rules=rules, start=start).run())
    assert rules is not GEPA or pool.merges[0].parents == (1, 2)
    assert len({one.key for one in pool.candidates}) == len(pool.candidates)
    runs = Counter(run for run in world.evaluator.started if run[1].startswith("p"))
    assert {runs[texts_key(texts), f"p{place}"] for texts in start for place in range(6)} == {1}
