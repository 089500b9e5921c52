"""What was granted before a run stopped is still promised after it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.search.rules import RACING
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel


def examples(name: str, count: int) -> list[Example]:
    return [Example(f"{name}{n}", {"q": f"{name}{n}"}) for n in range(count)]


async def session(store: MemoryStore, budget: int, stop_after: int | None, seed: int, in_flight: int) -> int:
    """Runs until `stop_after` rollouts or the end; the rollouts paid for in all."""
    started, replies = 0, len(list(store.events()))

    async def pace(texts: Texts, example: Example) -> None:
        nonlocal started
        started += 1
        if started == stop_after:
            ledger.stop("enough for now")
        for _ in range(Random(started + seed).randrange(5)):
            await asyncio.sleep(0)

    def reply(prompt: str) -> str:
        nonlocal replies
        replies += 1
        return f"```\nnew text {replies}\n```"

    def score(texts: Texts, example: Example) -> float:
        return int(digest([dict(texts), example.id])[:4], 16) % 100 / 100

    evaluator = FakeEvaluator({"a": "text", "b": "text b"}, score, pace=pace)
    ledger = Ledger(evaluator, FakeLanguageModel(reply), store, concurrency=8)
    sets = Examples(examples("f", 30), examples("p", 40))
    limits = Budget(rollouts=budget, iterations=200)
    reflector = Reflector(ledger, evaluator)
    optimizer = Optimizer(ledger, reflector, evaluator.modules, sets, limits, RACING, seed, in_flight)
    with suppress(Interrupted):
        await optimizer.run()
    return ledger.pool.spent.rollouts


@pytest.mark.parametrize("seed", range(50, 60))
def test_a_run_stopped_again_and_again_never_overshoots(seed: int) -> None:
    """Races under way when a run stops keep their share of the rollouts when it goes on."""
    rng, store = Random(seed), MemoryStore()
    budget = rng.randrange(120, 400)
    for _ in range(6):
        assert asyncio.run(session(store, budget, rng.randrange(1, 60), seed, rng.choice([2, 4, 6]))) <= budget
    assert asyncio.run(session(store, budget, None, seed, 4)) <= budget
