"""Calls to a world that fails: tried again, slowed down, held back while it is down, stopped at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

import pytest

from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.concurrency import Patience, Slots
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.engine.retry import IN_THE_METRIC, Calls
from langgraph_gepa.errors import Interrupted, MetricError


class Clock:
    """Time passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Pressed(OSError):
    """A rate limit."""


def calls(clock: Clock, say: Callable[[str], None] = lambda _: None, **patience: Any) -> Calls:
    kind = Patience(sleep=clock.sleep, rng=Random(1), is_pressure=lambda e: isinstance(e, Pressed), **patience)
    return Calls(kind, clock=clock, notify=say)


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
    assert asyncio.run(calls(clock).make(call)) == "done"
    assert (made, len(clock.waits)) == ([3], 2)


def test_the_last_failure_is_raised_as_it_is() -> None:
    """After `tries` calls patience ends, without a last wait."""
    clock, last = Clock(), OSError("third")
    call, made = raising(OSError("first"), OSError("second"), last)
    with pytest.raises(OSError, match="third") as raised:
        asyncio.run(calls(clock, tries=3).make(call))
    assert raised.value is last
    assert (made, len(clock.waits)) == ([3], 2)


def test_a_single_try_waits_for_nothing() -> None:
    """With `tries=1` the first failure is the last."""
    clock = Clock()
    call, made = raising(OSError())
    with pytest.raises(OSError):
        asyncio.run(calls(clock, tries=1).make(call))
    assert (made, clock.waits) == ([1], [])


@pytest.mark.parametrize("error", [MetricError("nan"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_is_no_failure_of_the_world_is_raised_at_once(error: BaseException) -> None:
    """A mistake of the user's, a cancellation and Ctrl-C are not tried again."""
    clock = Clock()
    call, made = raising(error)

    async def attempt() -> None:
        with pytest.raises(type(error)):
            await calls(clock).make(call)

    asyncio.run(attempt())
    assert (made, clock.waits) == ([1], [])


def test_a_failure_that_lasts_is_raised_at_once() -> None:
    """Waiting mends no wrong key."""
    clock = Clock()
    call, made = raising(PermissionError("no such key"))
    with pytest.raises(PermissionError):
        asyncio.run(calls(clock, outage=1e6, is_lasting=lambda e: isinstance(e, PermissionError)).make(call))
    assert (made, clock.waits) == ([1], [])


def test_an_outage_is_waited_out_and_told() -> None:
    """A provider that is down for twenty minutes costs twenty minutes, two sentences and nothing else."""
    clock, said = Clock(), []

    async def call() -> str:
        if clock.now < 1200:
            raise ConnectionError
        return "back"

    assert asyncio.run(calls(clock, said.append, outage=1800.0).make(call)) == "back"
    assert 1200 <= clock.now <= 1260
    assert [line.split(".")[0] for line in said] == [
        "The provider is down (ConnectionError)",
        f"It is back after {clock.now / 60:.0f} minutes",
    ]


def test_an_outage_ends_after_its_limit_with_the_cause() -> None:
    """What is still down after half an hour is raised; the run can be resumed then."""
    clock = Clock()

    async def call() -> str:
        raise ConnectionError("nobody there")

    with pytest.raises(ConnectionError, match="nobody there"):
        asyncio.run(calls(clock, outage=1800.0).make(call))
    assert 1800 <= clock.now <= 1860


@pytest.mark.parametrize(("concurrency", "advised"), [(1, True), (2, False)])
def test_a_failing_example_with_nothing_to_run_beside_it_is_waited_for_less(concurrency: int, advised: bool) -> None:
    """After a success nobody else fails: a judge may refuse it. The wait says so, and what helps with one at a time."""
    clock, notes, slots = Clock(), [], Slots(concurrency)
    refused, _ = raising(*[ConnectionError("no verdict")] * 99)

    async def scenario() -> None:
        world = calls(clock, notes.append, outage=1800.0, alone=300.0)
        await world.make(raising()[0], slots, "good")
        with pytest.raises(ConnectionError):
            await world.make(refused, slots, "bad")
        assert world.given_up == {"bad"}

    asyncio.run(scenario())
    assert 300 <= clock.now <= 360
    assert ["at most 5 minutes" in note for note in notes] == [True]
    assert [("--concurrency" in note) for note in notes] == [advised]


@pytest.mark.parametrize("why", ["nothing answered", "nobody there", "a model", "two fail"])
def test_an_outage_that_may_be_one_is_waited_for_in_full(why: str) -> None:
    """Before the first success, at an address where nothing answers, of a model that has no examples, or of several."""
    clock, slots = Clock(), None if why == "a model" else Slots(2)
    failing = 2 if why == "two fail" else 1
    absent = {"absent_address": lambda _: "localhost:1"} if why == "nobody there" else {}

    async def scenario() -> list[Any]:
        world = calls(clock, outage=1800.0, alone=300.0, **absent)
        if why != "nothing answered":
            await world.make(raising()[0], slots, "good")
        bad = (raising(*[ConnectionError()] * 999)[0] for _ in range(failing))
        return await asyncio.gather(
            *(world.make(call, slots, f"bad {n}") for n, call in enumerate(bad)), return_exceptions=True
        )

    assert [type(one) for one in asyncio.run(scenario())] == [ConnectionError] * failing
    assert clock.now >= 1800


async def one_by_one(world: Calls, slots: Slots, calls: dict[str, Callable[[], Awaitable[str]]]) -> list[Any]:
    """Makes calls that wait for a slot, and returns their results and failures in order."""

    async def placed(who: str, call: Callable[[], Awaitable[str]]) -> str:
        async with slots:
            return await world.make(call, slots, who)

    return await asyncio.gather(*(placed(*one) for one in calls.items()), return_exceptions=True)


@pytest.mark.parametrize(("bad", "concurrency"), [(1, 1), (2, 1), (2, 2)])
def test_calls_that_wait_for_a_slot_show_that_only_some_examples_fail(bad: int, concurrency: int) -> None:
    """One or two that are always refused hold all slots: the others run in between, and nobody waits for an outage."""
    clock, notes, slots = Clock(), [], Slots(concurrency)
    world = calls(clock, notes.append, outage=1800.0)
    failing = {f"bad {n}": raising(*[ConnectionError("no verdict")] * 99)[0] for n in range(bad)}
    good = {f"good {n}": raising()[0] for n in range(3)}
    *refused, one, two, three = asyncio.run(one_by_one(world, slots, {**failing, **good}))
    assert [type(failure) for failure in refused] == [ConnectionError] * bad
    assert (one, two, three) == ("done",) * 3
    assert world.given_up == failing.keys()
    assert clock.now < 130
    assert notes == []
    assert not slots.wanted


@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_an_outage_is_waited_out_by_the_calls_that_wait_for_a_slot_too(concurrency: int) -> None:
    """Where three examples fail it is an outage: all wait until it is over, and none of them is at fault."""
    clock, notes, slots, most, inside = Clock(), [], Slots(concurrency), 0, 0

    async def call() -> str:
        nonlocal most, inside
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        if clock.now < 1200:
            raise ConnectionError
        return "back"

    world = calls(clock, notes.append, outage=1800.0)
    assert asyncio.run(one_by_one(world, slots, {str(n): call for n in range(9)})) == ["back"] * 9
    assert (world.given_up, most) == (set(), concurrency)
    down, back = notes
    assert down.startswith("The provider is down (ConnectionError). Waiting for it, at most 30 minutes")
    assert back.startswith("It is back")


def test_a_stop_ends_a_wait_for_a_slot_that_was_lent() -> None:
    """Also where the call that has the slot runs on; everybody gets the slot back in the end."""
    clock, slots = Clock(), Slots(1)
    world = calls(clock, outage=1800.0)

    async def stopping() -> str:
        world.stop("enough")
        await asyncio.sleep(0)
        return "done"

    refused, _ = raising(*[ConnectionError()] * 99)
    found = asyncio.run(one_by_one(world, slots, {"bad": refused, "good": stopping, "late": stopping}))
    assert [type(one) for one in found] == [Interrupted, str, Interrupted]


@pytest.mark.parametrize("waits_for", ["time", "slot"])
def test_a_cancelled_call_gives_back_what_it_holds_of_a_lent_slot(waits_for: str) -> None:
    """While another has the slot it holds none; afterwards as many calls run at once as ever."""

    async def scenario() -> None:
        slots, lent, back = Slots(1), asyncio.Event(), asyncio.Event()

        async def lender() -> None:
            async with slots:
                await asyncio.sleep(0)  # until the other one waits
                async with slots.lent():
                    lent.set()
                    if waits_for == "time":
                        await asyncio.Event().wait()

        async def borrower() -> None:
            async with slots:
                await back.wait()

        first, second = asyncio.create_task(lender()), asyncio.create_task(borrower())
        await asyncio.wait((first, asyncio.create_task(lent.wait())), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        back.set()
        await second
        async with asyncio.timeout(1), slots:
            assert not slots.wanted
            third = asyncio.create_task(borrower())
            await asyncio.sleep(0)
            assert slots.wanted
        await third

    asyncio.run(scenario())


def test_while_the_world_is_down_one_call_tries_at_a_time() -> None:
    """Sixteen calls do not knock at a closed door together, and all go on when it opens."""
    clock, inside, most = Clock(), 0, []

    async def call() -> str:
        nonlocal inside
        inside += 1
        most.append((clock.now, inside))
        await asyncio.sleep(0)
        inside -= 1
        if clock.now < 1200:
            raise ConnectionError
        return "back"

    async def sixteen() -> list[str]:
        world = calls(clock, outage=36000.0, most=10.0)
        return await asyncio.gather(*(world.make(call) for _ in range(16)))

    assert asyncio.run(sixteen()) == ["back"] * 16
    assert max(n for _, n in most) == 16
    assert max(n for at, n in most if 700 < at < 1200) == 1


def test_a_call_that_alone_keeps_failing_is_given_up_while_others_succeed() -> None:
    """A request the provider always chokes on is no outage."""
    clock = Clock()

    async def poison() -> str:
        raise ConnectionError("always")

    async def scenario() -> None:
        world = calls(clock, outage=1800.0)
        poisoned = asyncio.create_task(world.make(poison))
        while not poisoned.done():
            await world.make(raising()[0])
            await asyncio.sleep(0)
        await poisoned

    with pytest.raises(ConnectionError, match="always"):
        asyncio.run(scenario())
    assert len(clock.waits) == 5


def test_a_rate_limit_is_never_given_up_while_others_succeed() -> None:
    """Refused twenty times while others got through: it is our turn at the twenty-first."""
    clock = Clock()
    refused, _ = raising(*(Pressed() for _ in range(20)))

    async def scenario() -> str:
        world = calls(clock, outage=1800.0)
        waiting = asyncio.create_task(world.make(refused))
        while not waiting.done():
            await world.make(raising()[0])
            await asyncio.sleep(0)
        return await waiting

    assert asyncio.run(scenario()) == "done"


def test_pressure_lowers_the_slots_and_success_raises_them() -> None:
    """A rate limit halves what runs at once; other failures do not."""
    clock, said, slots = Clock(), [], Slots(8)

    async def scenario() -> None:
        world = calls(clock, said.append, describe=lambda _: "limits the rate of calls")
        await world.make(raising(ConnectionError())[0], slots)
        assert slots.limit == 8
        await world.make(raising(Pressed(), Pressed())[0], slots)

    asyncio.run(scenario())
    assert slots.limit == 2
    assert said == [f"The provider limits the rate of calls: {n} rollouts at once for now." for n in (4, 2)]


def test_a_stop_ends_a_wait_at_once() -> None:
    """Ctrl-C in the middle of a back-off of minutes is obeyed now."""

    async def scenario() -> None:
        async def for_ever(_: float) -> None:
            await asyncio.Event().wait()

        world = Calls(Patience(sleep=for_ever))
        failed = asyncio.Event()

        async def call() -> str:
            failed.set()
            raise ConnectionError

        waiting = asyncio.create_task(world.make(call))
        await failed.wait()
        await asyncio.sleep(0)
        world.stop("Ctrl-C")
        with pytest.raises(Interrupted, match="Ctrl-C"):
            await waiting

    asyncio.run(scenario())


ZERO = Rollout("e", None, Feedback(0.0), error="TimeoutError")


class Flaky:
    """A service that rollouts call; while it is down, or for an example it chokes on, it is either's failure."""

    def __init__(self, clock: Clock, *, down_until: float = 0.0, chokes_on: tuple[str, ...] = ()) -> None:
        self.clock, self.down_until, self.chokes_on = clock, down_until, chokes_on
        self.tries: dict[str, int] = {}
        self.world = calls(clock, outage=1800.0)

    async def rollout(self, who: str) -> Any:
        async def once() -> str:
            self.tries[who] = self.tries.get(who, 0) + 1
            await asyncio.sleep(0)
            if self.clock.now < self.down_until or who in self.chokes_on:
                raise Unfinished(TimeoutError("the search took too long"), stands=ZERO)
            return "done"

        return await self.world.make(once, None, who)

    async def healthy_until(self, other: asyncio.Task[Any]) -> Any:
        while not other.done():
            await self.rollout("healthy")
        return await other

    def all(self, *names: str) -> list[Any]:
        async def scenario() -> list[Any]:
            return await asyncio.gather(*map(self.rollout, names))

        return asyncio.run(scenario())


def test_an_example_that_a_service_chokes_on_is_scored_while_others_succeed() -> None:
    """Three tries the first time, two when it is known to be so: it neither stops nor holds up the run."""
    clock = Clock()
    flaky = Flaky(clock, chokes_on=("bad",))

    async def scenario() -> list[Any]:
        return [await flaky.healthy_until(asyncio.create_task(flaky.rollout("bad"))) for _ in range(2)]

    assert asyncio.run(scenario()) == [ZERO, ZERO]
    assert (flaky.tries["bad"], clock.now < 10) == (5, True)


def test_examples_that_fail_alone_are_scored_without_a_long_wait() -> None:
    """With nobody beside them, two do not make an outage: after six tries each stands as it is."""
    clock = Clock()
    flaky = Flaky(clock, chokes_on=("bad", "worse"))
    assert flaky.all("bad", "worse") == [ZERO, ZERO]
    assert (flaky.tries, clock.now < 120) == ({"bad": 6, "worse": 6}, True)


@pytest.mark.parametrize("minutes", [0.2, 2, 20])
def test_when_many_examples_fail_at_once_it_is_the_service_and_nobody_is_scored(minutes: float) -> None:
    """Sixteen rollouts wait until it is back, however long within the half hour, then all end well."""
    names = [f"e{n}" for n in range(16)]
    flaky = Flaky(Clock(), down_until=minutes * 60)
    assert flaky.all(*names) == ["done"] * 16


def test_a_bad_example_in_an_outage_waits_with_the_others_and_is_scored_afterwards() -> None:
    """What failed while everything failed says nothing: its tries are counted anew when the service is back."""
    names = [f"e{n}" for n in range(8)]
    flaky = Flaky(Clock(), down_until=600.0, chokes_on=("e3",))
    assert flaky.all(*names) == [ZERO if name == "e3" else "done" for name in names]


@pytest.mark.parametrize(("failure", "outcome"), [(TimeoutError("slow"), ZERO), (Pressed(), "done")])
def test_a_rollout_that_ended_in_spite_of_a_failure_stands_after_some_tries(failure: Exception, outcome: Any) -> None:
    """However many fail beside it: what a graph goes on after is no outage. Only a rate limit may be one."""
    clock, made = Clock(), list[str]()

    async def scenario() -> list[Any]:
        world = calls(clock, outage=1800.0)

        async def once(who: str) -> Any:
            made.append(who)
            await asyncio.sleep(0)
            if isinstance(failure, Pressed) and clock.now > 300:
                return "done"
            raise Unfinished(failure, stands=ZERO, ended=True)

        return await asyncio.gather(*(world.make(partial(once, who), None, who) for who in "abcd"))

    assert asyncio.run(scenario()) == [outcome] * 4
    assert made.count("a") == 3 or clock.now > 300


def test_what_cannot_be_read_gets_all_its_tries_and_little_patience_before_anything_succeeded() -> None:
    """A mistake in how a client is called looks like it: the run ends within a minute, with the cause."""
    clock = Clock()

    async def garbled() -> str:
        raise ValueError("null choices")

    with pytest.raises(ValueError, match="null choices"):
        asyncio.run(calls(clock, outage=1800.0, is_garbled=lambda e: isinstance(e, ValueError)).make(garbled))
    assert 60 <= clock.now < 61


def test_what_is_the_matter_with_a_service_is_said_in_its_own_words() -> None:
    """A rate limit is not called an outage."""
    clock, said = Clock(), list[str]()
    call, _ = raising(*[Pressed()] * 7)
    asyncio.run(calls(clock, said.append, outage=1800.0, describe=lambda _: "limits the rate of calls").make(call))
    assert said[0].startswith("The provider limits the rate of calls. Waiting for it, at most 30 minutes")


async def score_again() -> Rollout:
    return ZERO


@pytest.mark.parametrize(
    ("go_on", "whose"), [(None, "The provider"), (score_again, "A model or service that the metric calls")]
)
def test_messages_say_whether_the_graph_or_the_metric_calls(go_on: Any, whose: str) -> None:
    """A judge that is overloaded is not taken for the model of the graph, while it lasts nor when it ends the run."""
    clock, said = Clock(), list[str]()
    call, _ = raising(*[Unfinished(Pressed("busy"), go_on=go_on)] * 99)
    with pytest.raises(Pressed, match="busy") as raised:
        asyncio.run(calls(clock, said.append, outage=300.0, describe=lambda _: "is busy").make(call, Slots(2)))
    assert said == [
        f"{whose} is busy: 1 rollout at once for now.",
        f"{whose} is busy. Waiting for it, at most 5 minutes; what was paid for is kept.",
    ]
    assert (IN_THE_METRIC in getattr(raised.value, "__notes__", [])) is (go_on is not None)


def test_a_service_that_stays_down_stops_the_run_with_its_failure() -> None:
    """After half an hour, to be resumed; nobody was scored."""
    flaky = Flaky(Clock(), down_until=1e9)
    with pytest.raises(TimeoutError, match="the search took too long"):
        flaky.all("a", "b", "c", "d")
    assert flaky.clock.now >= 1800


def absent(_: BaseException) -> str:
    return "http://127.0.0.1:9"


def test_where_nothing_answers_is_said_at_once() -> None:
    """At the first failure, with the address and how long it will be tried."""
    clock, said = Clock(), list[str]()
    call, _ = raising(*[ConnectionError()] * 3)
    asyncio.run(calls(clock, said.append, outage=1800.0, absent_address=absent).make(call))
    waits = "Waiting for it, at most 60 seconds; what was paid for is kept."
    assert said == [f"Nothing answers at http://127.0.0.1:9. {waits}"]


@pytest.mark.parametrize(("answered", "seconds"), [(False, 60), (True, 1800)])
def test_what_never_answered_is_waited_for_a_minute_only(answered: bool, seconds: float) -> None:
    """A wrong address is a mistake to mend; a provider that went away will come back."""
    clock = Clock()

    async def scenario() -> None:
        world = calls(clock, outage=1800.0, absent_address=absent)
        if answered:
            await world.make(raising()[0])
        await world.make(raising(*[ConnectionError("refused")] * 999)[0])

    with pytest.raises(ConnectionError, match="refused"):
        asyncio.run(scenario())
    assert seconds <= clock.now < seconds + 1
