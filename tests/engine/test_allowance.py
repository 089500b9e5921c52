"""Budgets hold: rollouts to the one, tokens and dollars to what is under way, seconds, and prices that are unknown."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from random import Random
from time import monotonic
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import Charged, ReflectionFinished, RolloutFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.meter import meter
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel

RUNS = int(os.environ.get("BUDGET_RUNS", "200"))
"""All 1,000 take most of a minute."""


class Spender:
    """A random world in which every call costs something else, ends when it likes, and sometimes fails half-way.

    `paid` is what the provider would bill. At every start it is noted what the run had spent.
    """

    def __init__(self, salt: int, failing: float = 0.0) -> None:
        self.rng = Random(f"spender {salt}")
        self.failing = failing
        self.paid = Usage()
        self.starts: list[Usage] = []
        self.rollouts = 0
        self.under_way = 0
        self.largest = Usage()
        self.ledger: Ledger

    async def spend(self, most: int) -> Usage:
        self.starts.append(self.ledger.pool.spent.usage)
        self.under_way += 1
        total = Usage()
        for _ in range(self.rng.randint(1, 3)):
            for _ in range(self.rng.randrange(4)):
                await asyncio.sleep(0)
            if self.rng.random() < self.failing:
                self.under_way -= 1
                raise ConnectionError
            usage = Usage(self.rng.randint(1, most), self.rng.randint(1, most), self.rng.randint(1, most) / 1024)
            self.paid += usage
            total += usage
            self.largest = self.largest.at_least(total)
            meter()(usage)
        self.under_way -= 1
        return total


class SpendingEvaluator(FakeEvaluator):
    def __init__(self, spender: Spender, *args: Any) -> None:
        super().__init__(*args)
        self.spender = spender

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        usage = await self.spender.spend(20)
        self.spender.rollouts += 1
        return replace(await super().evaluate(texts, example), usage=usage)


class SpendingModel(FakeLanguageModel):
    def __init__(self, spender: Spender, *args: Any) -> None:
        super().__init__(*args)
        self.spender = spender

    async def complete(self, prompt: str) -> Reply:
        usage = await self.spender.spend(60)
        return replace(await super().complete(prompt), usage=usage)


def optimizer(worlds: Any, salt: int, budget: Budget, spender: Spender, store: MemoryStore) -> Optimizer:
    rng = Random(f"sizes {salt}")
    evaluator = SpendingEvaluator(spender, {"m0": "seed"}, worlds.chance(salt, 1))
    spender.ledger = ledger = Ledger(
        evaluator,
        SpendingModel(spender, worlds.fenced_digest),
        store,
        concurrency=rng.choice((1, 4, 16)),
        patience=Patience(tries=20, first=0.0),
        clock=lambda: 0.0,
    )
    examples = Examples(worlds.numbered("f", rng.randint(1, 6)), worlds.numbered("p", rng.randint(1, 8)))
    in_flight = rng.choice((1, 3, 8))
    return Optimizer(ledger, Reflector(ledger, evaluator), evaluator.modules, examples, budget, in_flight=in_flight)


def random_budget(salt: int) -> Budget:
    rng = Random(f"budget {salt}")
    limits: dict[str, Any] = {
        "rollouts": rng.randint(20, 80),
        "tokens": rng.randint(500, 3000),
        "dollars": rng.randint(200, 1500) / 1024,
    }
    return Budget(**{name: limits[name] for name in rng.sample(sorted(limits), rng.randint(1, 3))})


@pytest.mark.parametrize("block", range(10))
def test_no_budget_is_overshot(worlds: Any, block: int) -> None:
    """No rollout beyond the limit; no call starts once a limit is reached; tokens and dollars go beyond it by less than
    one call takes, however many are under way; every token spent is accounted for."""
    for salt in range(block * RUNS // 10, (block + 1) * RUNS // 10):
        budget, spender, store = random_budget(salt), Spender(salt, failing=0.03), MemoryStore()
        with suppress(UsageError, Interrupted):  # too little to score the seed; what was spent is checked all the same
            asyncio.run(optimizer(worlds, salt, budget, spender, store).run())
        spent = Pool.replay(event for _, event in store.events()).spent
        assert spent.usage == spender.paid
        assert spent.rollouts == spender.rollouts <= (budget.rollouts or spender.rollouts)
        assert spent.usage.tokens < (budget.tokens or 1e9) + spender.largest.tokens
        assert (spent.usage.dollars or 0.0) < (budget.dollars or 1e9) + (spender.largest.dollars or 0.0)
        for before in spender.starts:
            assert before.tokens < (budget.tokens or before.tokens + 1)
            assert (before.dollars or 0.0) < (budget.dollars or 1e9)


def test_what_is_under_way_is_reserved(worlds: Any) -> None:
    """When all calls cost the same, sixteen at once do not go beyond the limit at all."""
    world = worlds.random(1, modules=1, pareto=8)
    optimizer = world.session(Budget(tokens=5000), in_flight=8, usage=Usage(10, 5, 0.001))
    pool = asyncio.run(optimizer.run())
    assert 5000 - 300 <= pool.spent.usage.tokens <= 5000
    assert pool.finished is not None
    assert pool.finished.ended == "tokens"


def test_a_run_stopped_by_its_budget_goes_on_with_a_larger_one(worlds: Any) -> None:
    """An iteration that money ended in the middle is taken up where it was, and the run ends like a rich one."""
    whole = worlds.random(0, pareto=6)
    asyncio.run(whole.session(Budget(tokens=8000)).run())
    world = worlds.random(0, pareto=6)
    for tokens in (500, 1000, 1500, 2500, 5000, 8000):
        pool = asyncio.run(world.session(Budget(tokens=tokens)).run())
        assert pool.finished is not None
        assert pool.finished.ended == "tokens"
    assert world.candidates() == whole.candidates()
    keys = [e.ledger for e in world.journal() if isinstance(e, RolloutFinished | ReflectionFinished)]
    assert len(keys) == len(set(keys))


def test_seconds_end_a_run_between_two_calls(worlds: Any) -> None:
    """Time is looked at before every call, not only between iterations."""
    now = 0.0
    world = worlds.random(0, pareto=6)

    async def pace(texts: Texts, example: Example) -> None:
        nonlocal now
        now += 1.0

    optimizer = world.session(Budget(seconds=9.5), pace=pace, concurrency=1, clock=lambda: now)
    pool = asyncio.run(optimizer.run())
    assert pool.spent.rollouts == 10
    assert pool.finished is not None
    assert pool.finished.ended == "seconds"


class Stuck(FakeLanguageModel):
    """Never answers."""

    async def complete(self, prompt: str) -> Reply:
        meter()(Usage(5, 0, 0.0))
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("stuck", ["rollouts", "reflections"])
def test_seconds_cut_off_what_is_under_way(worlds: Any, stuck: str) -> None:
    """A call that takes for ever is not waited for and not scored; what it spent is charged, and a run goes on."""
    world = worlds.random(0, pareto=6)

    async def pace(texts: Texts, example: Example) -> None:
        if stuck == "rollouts" and len(world.evaluator.started) > 8:
            meter()(Usage(5, 0, 0.0))
            await asyncio.Event().wait()

    model = Stuck([]) if stuck == "reflections" else None
    optimizer = world.session(Budget(seconds=0.2), pace=pace, clock=monotonic, in_flight=2, model=model)
    began = monotonic()
    pool = asyncio.run(optimizer.run())
    assert monotonic() - began < 2
    assert pool.finished is not None
    assert pool.finished.ended == "seconds"
    assert pool.spent.lost.tokens >= 5
    assert pool.spent.rollouts == len(world.evaluator.finished)
    assert {e.score for e in world.journal() if isinstance(e, RolloutFinished) and e.error} == set()
    longer = world.session(Budget(iterations=4), clock=monotonic)
    assert asyncio.run(longer.run()).spent.iterations >= 4


def test_a_wait_for_a_provider_ends_with_the_seconds(worlds: Any) -> None:
    """The budget holds for an outage too."""
    world = worlds.random(0, pareto=6)

    async def down(texts: Texts, example: Example) -> None:
        if len(world.evaluator.started) > 8:
            raise ConnectionError

    optimizer = world.session(Budget(seconds=0.2), pace=down, clock=monotonic)
    world.ledger._rollouts.calls.patience = Patience(tries=3, first=60.0, outage=1e6)
    pool = asyncio.run(optimizer.run())
    assert pool.finished is not None
    assert pool.finished.ended == "seconds"


def test_a_budget_that_ends_before_the_seed_is_scored_says_so(worlds: Any) -> None:
    """A run without a single candidate is no result, and what was paid for is kept."""
    world = worlds.random(0, pareto=8)
    with pytest.raises(Interrupted, match="before the graph as it is was scored"):
        asyncio.run(world.session(Budget(tokens=40), concurrency=1).run())
    assert sum(isinstance(e, RolloutFinished) for e in world.journal()) == 2
    asyncio.run(world.session(Budget(tokens=500), concurrency=1).run())
    assert world.candidates()


def test_dollars_that_cannot_be_counted_stop_the_run_with_the_fix(worlds: Any) -> None:
    """An unknown price is never taken for nothing."""
    world = worlds.random(0, pareto=8)
    with pytest.raises(UsageError, match=r"the price of .* is unknown.*RunnerOptions\(prices=") as refused:
        asyncio.run(world.session(Budget(dollars=5.0), concurrency=2, usage=Usage(10, 5, None)).run())
    assert len(world.evaluator.finished) == 1
    assert "m0" not in str(refused.value)
    asyncio.run(world.session(Budget(rollouts=60), usage=Usage(10, 5, None)).run())


def test_what_a_failed_attempt_had_spent_is_charged(worlds: Any) -> None:
    """A rollout the world failed half-way is tried again, and both tries are on the account."""
    spender, store = Spender(3, failing=0.2), MemoryStore()
    asyncio.run(optimizer(worlds, 3, Budget(iterations=4), spender, store).run())
    events = [event for _, event in store.events()]
    lost = sum((e.usage for e in events if isinstance(e, Charged)), Usage())
    assert lost.tokens > 0
    assert Pool.replay(events).spent.lost == lost
    assert Pool.replay(events).spent.usage == spender.paid
    assert store.notes() == {}


def test_what_a_killed_process_had_noted_is_charged_on_resume(worlds: Any) -> None:
    """A note left in the store becomes an event of the journal, once."""
    world = worlds.random(0)
    world.store.note("r9", Usage(70, 30, 0.5))
    for _ in range(2):
        world.session(Budget(rollouts=50))
        assert world.ledger.pool.spent.usage == Usage(70, 30, 0.5)
    assert [e for e in world.journal() if isinstance(e, Charged)] == [Charged("r9", Usage(70, 30, 0.5), cause="killed")]


def test_a_call_that_ends_after_its_rollout_is_charged_too(worlds: Any) -> None:
    """A thread that outlives a timed-out rollout still spends, and is still counted; after the session nobody is."""
    late: list[Any] = []

    async def pace(texts: Texts, example: Example) -> None:
        late.append(meter())

    world = worlds.random(0, pareto=1, feedback=1)
    optimizer = world.session(Budget(rollouts=9), pace=pace)

    async def session() -> None:
        pool = await optimizer.run()
        before = pool.spent.usage
        late[0](Usage(10, 5, 0.001))  # what the rollout said it had spent
        assert pool.spent.usage == before
        await asyncio.to_thread(late[0], Usage(7, 3, 0.5))
        await asyncio.sleep(0)
        assert pool.spent.usage == before + Usage(7, 3, 0.5)
        world.ledger.close()
        late[0](Usage(1, 1, 1.0))
        assert pool.spent.usage == before + Usage(7, 3, 0.5)

    asyncio.run(session())
