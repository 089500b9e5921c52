"""Patience with the world, and waiting for all that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from langgraph_gepa.engine.limits import Patience, settle
from langgraph_gepa.errors import MetricError


class Clock:
    """Sleeps by writing down how long."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def raising(*failures: BaseException) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    """A call that fails in these ways, then returns; and the number of times it was made."""
    left, made = list(failures), [0]

    async def call() -> str:
        made[0] += 1
        if left:
            raise left.pop(0)
        return "done"

    return call, made


def test_a_failure_of_the_world_is_tried_again() -> None:
    """Two failures, then success: three calls, two waits."""
    clock = Clock()
    call, made = raising(OSError(), TimeoutError())
    assert asyncio.run(Patience(sleep=clock.sleep).call(call)) == "done"
    assert (made, len(clock.waits)) == ([3], 2)


def test_the_last_failure_is_raised_as_it_is() -> None:
    """After `tries` calls patience ends, without a last wait."""
    clock, last = Clock(), OSError("third")
    call, made = raising(OSError("first"), OSError("second"), last)
    with pytest.raises(OSError, match="third") as raised:
        asyncio.run(Patience(tries=3, sleep=clock.sleep).call(call))
    assert raised.value is last
    assert (made, len(clock.waits)) == ([3], 2)


def test_a_single_try_waits_for_nothing() -> None:
    """With `tries=1` the first failure is the last."""
    clock = Clock()
    call, made = raising(OSError())
    with pytest.raises(OSError):
        asyncio.run(Patience(tries=1, sleep=clock.sleep).call(call))
    assert (made, clock.waits) == ([1], [])


@pytest.mark.parametrize("error", [MetricError("nan"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_is_no_failure_of_the_world_is_raised_at_once(error: BaseException) -> None:
    """A mistake of the user's, a cancellation and Ctrl-C are not tried again."""
    clock = Clock()
    call, made = raising(error)

    async def attempt() -> None:
        with pytest.raises(type(error)):
            await Patience(sleep=clock.sleep).call(call)

    asyncio.run(attempt())
    assert (made, clock.waits) == ([1], [])


def test_a_failure_that_lasts_is_raised_at_once() -> None:
    """Waiting mends no wrong key."""
    clock = Clock()
    call, made = raising(PermissionError("no such key"))
    with pytest.raises(PermissionError):
        asyncio.run(Patience(sleep=clock.sleep, lasts=lambda e: isinstance(e, PermissionError)).call(call))
    assert (made, clock.waits) == ([1], [])


def test_waits_double_up_to_the_most_and_are_spread() -> None:
    """Each wait lies between half of its turn's length and the whole."""
    waits: list[float] = []
    for seed in range(50):
        clock = Clock()
        call, _ = raising(*(OSError() for _ in range(6)))
        patience = Patience(tries=7, first=1.0, most=10.0, sleep=clock.sleep, rng=Random(seed))
        assert asyncio.run(patience.call(call)) == "done"
        for wait, whole in zip(clock.waits, (1, 2, 4, 8, 10, 10), strict=True):
            assert whole / 2 <= wait <= whole
        waits.append(clock.waits[0])
    assert len(set(waits)) == 50


def test_a_provider_that_asks_for_more_time_gets_it() -> None:
    """A longer wait than ours is honoured, a shorter one is not."""
    clock = Clock()
    call, _ = raising(OSError("30"), OSError("0"))
    patience = Patience(sleep=clock.sleep, asked=lambda e: float(str(e)))
    assert asyncio.run(patience.call(call)) == "done"
    assert clock.waits[0] == 30
    assert clock.waits[1] >= 1


def test_settling_waits_for_all_and_raises_the_first_failure() -> None:
    """What is paid for is waited for, even when another call failed long before."""
    ended: list[str] = []

    async def late(name: str, turns: int, error: Exception | None = None) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        ended.append(name)
        if error:
            raise error
        return name

    async def both() -> None:
        with pytest.raises(OSError, match="a"):
            await settle([late("slow", 9), late("a", 3, OSError("a")), late("b", 1, OSError("b"))])
        assert ended == ["b", "a", "slow"]
        assert await settle([late("two", 2), late("one", 1)]) == ["two", "one"]

    asyncio.run(both())
