"""Running examples: how many at once, tried again while the world fails, stopped by the first failure."""

from __future__ import annotations

import asyncio

import pytest

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.rollouts import Rollouts
from langgraph_gepa.errors import Interrupted, MetricError
from langgraph_gepa.testing import FakeEvaluator

RUNS = [({"a": "text"}, Example(f"e{n}", {"n": n})) for n in range(6)]


def number(_: Texts, example: Example) -> float:
    return float(example.inputs["n"])


async def no_wait(_: float) -> None: ...


def test_rollouts_come_back_in_order_and_no_more_run_at_once_than_allowed() -> None:
    """Whichever ends first; `ended` is called after each."""
    running = most = 0

    async def pace(_: Texts, example: Example) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (6 - example.inputs["n"]))
        running -= 1

    ended: list[None] = []
    rollouts = Rollouts(FakeEvaluator({"a": "text"}, number, pace=pace), concurrency=2)
    found = asyncio.run(rollouts.run_all(RUNS, lambda: ended.append(None)))
    assert [rollout.score for rollout in found] == [0, 1, 2, 3, 4, 5]
    assert (most, len(ended)) == (2, 6)


def test_a_failure_of_the_world_is_tried_again() -> None:
    """Until it succeeds, and the score is that of the try that did."""
    left = 2

    async def pace(_: Texts, __: Example) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise ConnectionError("reset")

    evaluator = FakeEvaluator({"a": "text"}, number, pace=pace)
    rollout = asyncio.run(Rollouts(evaluator, patience=Patience(sleep=no_wait)).run(*RUNS[3]))
    assert (rollout.score, len(evaluator.started)) == (3.0, 3)


def test_the_first_failure_for_good_is_raised_and_starts_nothing_more() -> None:
    """Not the interruption that it is for the others."""

    def score(_: Texts, example: Example) -> float:
        if example.id == "e1":
            raise MetricError("no score for e1")
        return 1.0

    evaluator = FakeEvaluator({"a": "text"}, score)
    with pytest.raises(MetricError, match="e1"):
        asyncio.run(Rollouts(evaluator, concurrency=1).run_all(RUNS))
    assert len(evaluator.started) == 2


def test_a_stop_interrupts_what_has_not_started() -> None:
    """With the reason that was given."""
    rollouts = Rollouts(FakeEvaluator({"a": "text"}, number))
    rollouts.calls.stop("Ctrl-C")
    with pytest.raises(Interrupted, match="Ctrl-C"):
        asyncio.run(rollouts.run_all(RUNS))
