"""The test set: scored for the seed while the last iterations end, and for the best candidate after them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import IterationFinished, RolloutFinished
from langgraph_gepa.errors import Interrupted


def first_test_and_last_iteration(world: Any) -> tuple[int, int]:
    """The places of these two in the journal."""
    journal = world.journal()
    tests = [at for at, event in enumerate(journal) if isinstance(event, RolloutFinished) and event.subset == "test"]
    return tests[0], max(at for at, event in enumerate(journal) if isinstance(event, IterationFinished))


def paid_once(world: Any, tests: int) -> bool:
    """Whether the seed and the best were scored once on each of the `tests` examples, and nobody else."""
    ran = [e for e in world.journal() if isinstance(e, RolloutFinished) and e.subset == "test"]
    pool = world.ledger.pool
    wanted = {pool.candidates[0].key, pool.best.key}
    return Counter((event.texts, event.example) for event in ran) == Counter(
        {(key, f"t{place}"): 1 for key in wanted for place in range(tests)}
    )


@pytest.mark.parametrize("salt", range(3))
def test_the_seed_is_tested_while_the_last_iterations_end(worlds: Any, salt: int) -> None:
    """With several in flight; both candidates are scored once on each example, on top of the budget."""
    world = worlds.random(salt, pareto=6, test=20)
    pool = asyncio.run(world.session(Budget(rollouts=150), in_flight=4, pace=worlds.shuffling(salt)).run())
    first, last = first_test_and_last_iteration(world)
    assert first < last
    assert paid_once(world, 20)
    assert pool.spent.rollouts <= 150


@pytest.mark.parametrize(
    ("budget", "in_flight"),
    [
        (Budget(rollouts=150), 1),
        (Budget(rollouts=150, dollars=100.0), 4),
        (Budget(rollouts=150, tokens=10**9), 4),
        (Budget(rollouts=150, seconds=10**6), 4),
    ],
)
def test_tests_do_not_take_from_a_search(worlds: Any, budget: Budget, in_flight: int) -> None:
    """One iteration at a time is reproducible, and what tests cost would end iterations in these budgets."""
    world = worlds.random(0, pareto=6, test=20)
    asyncio.run(world.session(budget, in_flight=in_flight, pace=worlds.shuffling(0)).run())
    first, last = first_test_and_last_iteration(world)
    assert first > last
    assert paid_once(world, 20)


def test_tests_leave_half_of_the_rollouts_to_the_search(worlds: Any) -> None:
    """However large the test set is."""
    world, under_way, most = worlds.random(0, pareto=6, test=40), Counter[bool](), 0

    async def pace(_texts: Any, example: Any) -> None:
        nonlocal most
        under_way[example.id.startswith("t")] += 1
        if not world.ledger.pool.finished and world.ledger.pool.open:
            most = max(most, under_way[True])
        for _ in range(5):
            await asyncio.sleep(0)
        under_way[example.id.startswith("t")] -= 1

    asyncio.run(world.session(Budget(rollouts=150), in_flight=4, concurrency=8, pace=pace).run())
    assert 0 < most <= 4


@pytest.mark.parametrize("call", [150, 155, 160, 165])
def test_a_run_that_stops_while_it_tests_goes_on_without_paying_twice(worlds: Any, call: int) -> None:
    """Whether an iteration or a test failed, everything under way ends, and what ended is kept."""
    world = worlds.random(1, pareto=6, test=20)
    budget = Budget(rollouts=150)
    with pytest.raises((OSError, Interrupted)):
        asyncio.run(world.session(budget, in_flight=4, pace=worlds.failing_at(call)).run())
    asyncio.run(world.session(budget, in_flight=4).run())
    assert paid_once(world, 20)


def test_a_cancelled_run_ends_its_tests(worlds: Any) -> None:
    """No task is left behind."""
    world = worlds.random(1, pareto=6, test=20)

    async def cancel() -> None:
        testing = asyncio.Event()

        async def pace(_texts: Any, example: Any) -> None:
            if example.id.startswith("t"):
                testing.set()
                await asyncio.Event().wait()

        run = asyncio.create_task(world.session(Budget(rollouts=150), in_flight=4, pace=pace).run())
        await testing.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())
