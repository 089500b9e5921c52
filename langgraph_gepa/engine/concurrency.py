"""How many calls run at once, how long failed ones are retried, and waiting for a group of calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long failed calls to the world are tried again.

    A retry waits about `first` seconds, then twice as long each time, at most `most`; drawn between half of that and
    the whole, so that calls that failed together do not return together. Where `retry_after` gives what the provider
    asks for, the wait is at least that, but never longer than `longest`.

    A call that fails `tries` times while others succeed is given up. When `tries` calls in a row fail and none
    succeeds, calls that wait for a slot are tried, until `crowd` examples fail; then the world is down: the call is
    given up after `outage` seconds of that. It is after `unanswered` seconds when nothing has answered since the
    session began and there is no server, or none whose answers can be read; and a rollout is after `alone` seconds
    when others succeeded before, none has failed since, and none is left to run beside it. A failure that
    `is_lasting`, which no waiting helps, is given up at once.

    `is_pressure` recognises failures that ask for fewer calls at once, `is_overload` those of them that may be due to
    the calls of others; `is_garbled` answers that cannot be read.
    `absent_address` gives the address at which nothing answers; `describe` says what a failure means for a service:
    `"is down (ConnectError)"`.

    A failure that may be the example's own is final after `few` tries while others succeed (after `tries` when it is
    pressure or garbled, which come and go), and after `tries` when fewer than `crowd` examples fail: no outage.
    """

    tries: int = 6
    few: int = 3
    crowd: int = 3
    first: float = 1.0
    most: float = 60.0
    longest: float = 900.0
    outage: float = 0.0
    unanswered: float = 60.0
    alone: float = inf
    is_lasting: Callable[[BaseException], bool] = lambda _: False
    retry_after: Callable[[BaseException], float | None] = lambda _: None
    is_pressure: Callable[[BaseException], bool] = lambda _: False
    is_overload: Callable[[BaseException], bool] = lambda _: False
    is_garbled: Callable[[BaseException], bool] = lambda _: False
    absent_address: Callable[[BaseException], str | None] = lambda _: None
    describe: Callable[[BaseException], str] = lambda failure: f"is down ({type(failure).__name__})"
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: Random = field(default_factory=Random)

    def chances(self, failure: BaseException) -> int:
        """How often a call is made whose failure may be the example's own."""
        return self.tries if self.is_pressure(failure) or self.is_garbled(failure) else min(self.few, self.tries)

    def wait(self, failure: BaseException, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th failure, from 1."""
        own = min(self.most, self.first * 2.0 ** min(attempt - 1, 60)) * self.rng.uniform(0.5, 1.0)
        return min(max(own, self.retry_after(failure) or 0.0), self.longest)


class Slots:
    """Limits calls at once, first come, first served: half as many under pressure, one more after as many successes.

    Additive increase, multiplicative decrease, as in TCP: calls share the rate that the provider allows, which nobody
    knows in advance. `async with slots:` waits for a free slot.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"slots for {most} calls at once: it takes at least one")
        self.most = most
        self.round = 0
        self._overloads = 0
        self._limit = float(most)
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._limit)

    @property
    def wanted(self) -> bool:
        """Whether calls wait for a slot."""
        return any(not turn.done() for turn in self._waiting)

    def press(self, round: int, *, overload: bool = False) -> bool:
        """A call that began in `round` met pressure. Halves the limit, once for all calls of a round, if it can.

        An `overload` may be due to others: it halves when there were more of them than successes, by half of the limit
        and by at least two.
        """
        if round != self.round:
            return False
        self._overloads += overload
        if overload and self._overloads < max(2, self.limit // 2):
            return False
        self._overloads = 0
        self.round += 1
        before = self.limit
        self._limit = max(1.0, self._limit / 2)
        return self.limit < before

    def ease(self) -> None:
        """A call succeeded."""
        self._overloads = max(0, self._overloads - 1)
        self._limit = min(float(self.most), self._limit + 1 / self._limit)
        self._let_in()

    async def __aenter__(self) -> None:
        if self._taken < self.limit and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place came at the same moment
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Gives the caller's slot to the calls that wait for one; the caller gets a slot again after these."""
        self._leave()
        try:
            yield
            await self.__aenter__()
        except BaseException:
            self._taken += 1  # the caller leaves in any case
            raise

    def _leave(self) -> None:
        self._taken -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._taken < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


async def settle(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Waits for every call even when one fails, as the others are paid for; then raises the first failure."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
