"""Interrupted anywhere and resumed, a run ends as if nothing had happened, and pays for nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import ReflectionFinished, RolloutFinished
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.search.pool import Pool


def merging(worlds: Any, salt: int) -> Any:
    """A small world whose first six iterations reject a merge (31), or accept one and skip another (49)."""
    return worlds.random(salt, modules=2, pareto=4, feedback=4, test=2)


def resumed(world: Any, budget: Budget, **session: Any) -> None:
    """Runs to the end, with a new session for every interruption, and checks that nothing was paid for twice."""
    paid: Counter[tuple[str, str]] = Counter()
    asked: Counter[str] = Counter()
    for _ in range(100):
        try:
            asyncio.run(world.session(budget, **session).run())
            break
        except (OSError, Interrupted):
            session.pop("pace", None)
            session.pop("observers", None)
        finally:
            paid.update(world.evaluator.finished)
            asked.update(world.model.prompts)
    events = world.journal()
    assert paid == Counter((e.texts, e.example) for e in events if isinstance(e, RolloutFinished))
    assert asked.total() == sum(isinstance(e, ReflectionFinished) for e in events)


@pytest.mark.parametrize("salt", [31, 49])
def test_a_run_that_broke_off_anywhere_resumes_to_the_same_candidates(worlds: Any, salt: int) -> None:
    """Whichever rollout the world fails at, the resumed run ends as the unbroken one and pays nothing twice."""
    whole = merging(worlds, salt)
    asyncio.run(whole.session(Budget(iterations=6), seed=salt).run())
    for call in range(1, len(whole.evaluator.started) + 1):
        world = merging(worlds, salt)
        resumed(world, Budget(iterations=6), seed=salt, pace=worlds.failing_at(call))
        assert world.candidates() == whole.candidates()
        assert Pool.replay(world.journal()).spent == Pool.replay(whole.journal()).spent


@pytest.mark.parametrize("salt", [31, 49])
def test_a_run_stopped_at_any_event_resumes_to_the_same_candidates(worlds: Any, salt: int) -> None:
    """A stop after any event lets what is under way end, keeps it, and changes nothing about the outcome."""
    whole = merging(worlds, salt)
    asyncio.run(whole.session(Budget(iterations=6), seed=salt).run())
    for number in range(1, len(whole.journal()) + 1, 2):
        world = merging(worlds, salt)
        seen = 0

        def stopping(event: Any, pool: Pool, at: float, world: Any = world, number: int = number) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                world.ledger.stop("asked to")

        resumed(world, Budget(iterations=6), seed=salt, observers=[stopping])
        assert world.candidates() == whole.candidates()
        assert Pool.replay(world.journal()).spent == Pool.replay(whole.journal()).spent


@pytest.mark.parametrize("salt", [31, 49])
def test_a_journal_cut_after_any_event_resumes_to_the_same_candidates(worlds: Any, salt: int) -> None:
    """A process killed between two writes left a whole prefix: the run goes on from it to the same end."""
    whole = merging(worlds, salt)
    asyncio.run(whole.session(Budget(iterations=6), seed=salt).run())
    told = list(whole.store.events())
    for cut in range(len(told)):
        world = merging(worlds, salt)
        for at, event in told[:cut]:
            if isinstance(event, RolloutFinished | ReflectionFinished):
                world.store.pay(event.ledger, whole.store.paid(event.ledger), event, at)
            else:
                world.store.append(event, at)
        asyncio.run(world.session(Budget(iterations=6), seed=salt).run())
        assert world.candidates() == whole.candidates()
        assert world.journal() == whole.journal()


def test_the_worlds_that_break_off_merge(worlds: Any) -> None:
    """The tests of interruption above cut through merges too."""
    for salt, accepted in (31, 0), (49, 1):
        pool = asyncio.run(merging(worlds, salt).session(Budget(iterations=6), seed=salt).run())
        assert pool.accepted_merges == accepted
        assert pool.merges


@pytest.mark.parametrize("call", [1, 20, 60, 100])
def test_an_interrupted_run_with_many_in_flight_pays_nothing_twice(worlds: Any, call: int) -> None:
    """What was under way in eight iterations is taken up again where it was."""
    world = worlds.random(2, pareto=6)
    resumed(world, Budget(rollouts=200), in_flight=8, pace=worlds.failing_at(call))
    pool = Pool.replay(world.journal())
    assert pool.open == {}
    assert pool.spent.rollouts <= 200


def test_a_finished_run_asked_again_pays_nothing_and_tells_nothing(worlds: Any) -> None:
    """Running a finished search again is reading it."""
    world = worlds.random(0, test=2)
    asyncio.run(world.session(Budget(rollouts=100)).run())
    before = world.journal()
    pool = asyncio.run(world.session(Budget(rollouts=100)).run())
    assert world.journal() == before
    assert pool == Pool.replay(before)
    assert (world.evaluator.started, world.model.prompts) == ([], [])


def test_a_larger_budget_goes_on_as_if_it_had_been_larger_from_the_start(worlds: Any) -> None:
    """Resuming a finished run with more to spend continues the same search."""
    whole = worlds.random(0, pareto=6)
    asyncio.run(whole.session(Budget(iterations=12)).run())
    world = worlds.random(0, pareto=6)
    asyncio.run(world.session(Budget(iterations=5)).run())
    asyncio.run(world.session(Budget(iterations=12)).run())
    assert world.candidates() == whole.candidates()


def test_a_stop_starts_no_further_try(worlds: Any) -> None:
    """A call that failed and would be tried again is left alone once the run was told to stop."""
    world = worlds.random(0, pareto=1)

    async def pace(texts: Any, example: Any) -> None:
        world.ledger.stop("asked to")
        raise worlds.Down

    with pytest.raises(Interrupted, match="asked to"):
        asyncio.run(world.session(Budget(rollouts=50), pace=pace, tries=3).run())
    assert len(world.evaluator.started) == 1
