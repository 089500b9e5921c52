"""How long to wait for the world, how many calls at once, and waiting for all that is under way."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from langgraph_gepa.engine.concurrency import Patience, Slots, settle


def test_waits_double_up_to_the_most_and_are_spread() -> None:
    """Each wait lies between half of its turn's length and the whole."""
    firsts = set()
    for seed in range(50):
        patience = Patience(first=1.0, most=10.0, rng=Random(seed))
        waits = [patience.wait(OSError(), attempt) for attempt in range(1, 7)]
        assert all(whole / 2 <= wait <= whole for wait, whole in zip(waits, (1, 2, 4, 8, 10, 10), strict=True))
        firsts.add(waits[0])
    assert len(firsts) == 50


def test_a_provider_that_asks_for_more_time_gets_it_within_reason() -> None:
    """A longer wait than ours is honoured, a shorter one is not, and a clock that jumped cannot ask for a year."""
    patience = Patience(first=1.0, longest=900.0, retry_after=lambda e: float(str(e)))
    assert patience.wait(OSError("30"), 1) == 30
    assert patience.wait(OSError("0"), 1) >= 0.5
    assert patience.wait(OSError("31536000"), 1) == 900


def test_no_number_of_attempts_is_too_many_to_wait_after() -> None:
    """A provider that is down for days makes no overflow."""
    assert Patience(most=60.0).wait(OSError(), 10**6) <= 60


def test_slots_are_given_in_the_order_they_were_asked_for() -> None:
    """First come, first served, and never more at once than the limit."""
    order: list[int] = []
    running, most = 0, 0

    async def call(slots: Slots, number: int) -> None:
        nonlocal running, most
        async with slots:
            order.append(number)
            running += 1
            most = max(most, running)
            for _ in range(number % 3):
                await asyncio.sleep(0)
            running -= 1

    async def all_calls() -> None:
        slots = Slots(3)
        await settle(call(slots, number) for number in range(20))

    asyncio.run(all_calls())
    assert (order, most) == (list(range(20)), 3)


def test_pressure_halves_once_a_round_and_success_grows_back() -> None:
    """Sixteen calls that were refused together halve the limit once; each full round of successes adds one."""
    slots = Slots(16)
    assert [slots.press(0) for _ in range(16)] == [True] + [False] * 15
    assert slots.limit == 8
    for _ in range(9):
        slots.ease()
    assert slots.limit == 9
    for number in range(1, 10):
        slots.press(number)
    assert slots.limit == 1
    for _ in range(1000):
        slots.ease()
    assert slots.limit == 16


def test_an_overload_halves_only_when_many_calls_meet_it() -> None:
    """A judge that refuses every fourth call does not slow the search down; one that refuses all halves the limit."""
    slots = Slots(8)
    for _ in range(100):
        assert not slots.press(0, overload=True)
        for _ in range(3):
            slots.ease()
    assert [slots.press(0, overload=True) for _ in range(8)] == [False] * 3 + [True] + [False] * 4
    assert slots.limit == 4


def test_a_lower_limit_lets_nobody_in_until_enough_have_left() -> None:
    """Who is inside stays; the next comes in when there is room below the new limit."""

    async def scenario() -> list[str]:
        slots, seen, leave = Slots(4), [], [asyncio.Event() for _ in range(5)]

        async def call(number: int) -> None:
            async with slots:
                seen.append(f"in {number}")
                await leave[number].wait()

        tasks = [asyncio.create_task(call(number)) for number in range(5)]
        await turns()
        slots.press(0)
        for number in range(3):
            leave[number].set()
            await turns()
            seen.append(f"out {number}")
        leave[3].set()
        leave[4].set()
        await asyncio.gather(*tasks)
        return seen

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    assert asyncio.run(scenario()) == ["in 0", "in 1", "in 2", "in 3", "out 0", "out 1", "in 4", "out 2"]


def test_a_call_cancelled_while_it_waits_takes_nobodys_place() -> None:
    """Cancelled before its turn, or in the very moment of it, a waiting call leaves the slot to the next."""

    async def scenario() -> bool:
        slots = Slots(1)
        await slots.__aenter__()
        waiting = [asyncio.create_task(slots.__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        await slots.__aexit__()  # hands the slot to the second
        waiting[1].cancel()  # who goes in the same moment
        await asyncio.wait(waiting)
        return waiting[0].cancelled() and waiting[1].cancelled() and not waiting[2].cancelled()

    assert asyncio.run(scenario())


def test_slots_for_nobody_are_a_mistake() -> None:
    """Zero at once would wait for ever."""
    with pytest.raises(ValueError, match="at least one"):
        Slots(0)


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
