"""The ledger in a world that fills up and jumps about."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from langgraph_gepa.errors import RunError
from langgraph_gepa.search.budget import Budget
from langgraph_gepa.search.events import Event, RolloutFinished
from langgraph_gepa.store.memory import MemoryStore


class FullStore(MemoryStore):
    """Takes five payments."""

    def pay(self, key: str, value: str, event: Event, at: float) -> None:
        if len(self._ledger) == 5:
            raise RunError("The disk is full. Nothing is half-written: make room, then resume the run.")
        super().pay(key, value, event, at)


def test_a_disk_that_fills_up_stops_the_run_with_that_word(worlds: Any) -> None:
    """The cause is raised, nothing more is started, and what was written stands."""
    world = worlds.random(0, pareto=8)
    world.store = FullStore()
    with pytest.raises(RunError, match="disk is full"):
        asyncio.run(world.session(Budget(rollouts=60), concurrency=2).run())
    assert len(world.evaluator.started) <= 5 + 2
    assert sum(isinstance(event, RolloutFinished) for event in world.journal()) == 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1e12, 1e12), min_size=1))
@example([0.0, 1e12, -1e12, 0.0])
def test_clocks_that_jump_lose_nothing(worlds: Any, jumps: list[float]) -> None:
    """Forwards, backwards, standing still: every rollout is kept in order, and a resumed run goes on."""
    world = worlds.random(0, pareto=3, feedback=3)
    ticks = iter(range(10**9))

    def clock() -> float:
        return jumps[next(ticks) % len(jumps)]

    for iterations in (1, 2):
        optimizer = world.session(Budget(iterations=iterations), clock=clock)
        pool = asyncio.run(optimizer.run())
    assert pool.spent.iterations == 2
    finished = [event.ledger for event in world.journal() if isinstance(event, RolloutFinished)]
    assert len(finished) == len(set(finished)) == pool.spent.rollouts
