"""How many calls at once, how long to wait for the world, and waiting for all that is under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long calls that the world failed are tried again.

    The wait is about `first` seconds, then twice as long each time, at most `most`; drawn between
    half of that and the whole, so that calls that failed together do not return together. It is
    longer where `asked` says that the provider asked for more, but never longer than `longest`.

    A call that fails `tries` times while others succeed is given up. When `tries` calls in a row
    fail and none succeeds, the world is down: it is given up once that has lasted `outage` seconds,
    or `unanswered` seconds when nothing has answered since we began and nothing is there, or nothing that can be read.
    Given up at once is a failure that `lasts`, which no waiting helps. `presses` tells the failures
    that ask for fewer calls at once, `garbled` those that are answers nobody can read. `absent` names the address
    at which nothing answers, `trouble` says of a service what its failure means: `"is down (ConnectError)"`.

    A failure that may be the example's own has had its chance after `few` tries while others succeed (after
    `tries` when it `presses` or is `garbled`, which come and go), after `tries` when fewer than `crowd` examples
    fail, which is no outage.
    """

    tries: int = 6
    few: int = 3
    crowd: int = 3
    first: float = 1.0
    most: float = 60.0
    longest: float = 900.0
    outage: float = 0.0
    unanswered: float = 60.0
    lasts: Callable[[BaseException], bool] = lambda _: False
    asked: Callable[[BaseException], float | None] = lambda _: None
    presses: Callable[[BaseException], bool] = lambda _: False
    garbled: Callable[[BaseException], bool] = lambda _: False
    absent: Callable[[BaseException], str | None] = lambda _: None
    trouble: Callable[[BaseException], str] = lambda failure: f"is down ({type(failure).__name__})"
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: Random = field(default_factory=Random)

    def chances(self, failure: BaseException) -> int:
        """How often a call is made whose failure may be the example's own."""
        return self.tries if self.presses(failure) or self.garbled(failure) else min(self.few, self.tries)

    def wait(self, failure: BaseException, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th failure, from 1."""
        own = min(self.most, self.first * 2.0 ** min(attempt - 1, 60)) * self.rng.uniform(0.5, 1.0)
        return min(max(own, self.asked(failure) or 0.0), self.longest)


class Slots:
    """Calls at once: first come, first served; halved under pressure, and one more after as many successes.

    Additive increase, multiplicative decrease, as TCP does it; so calls share whatever rate the
    provider allows without being told what it is. `async with slots:` waits for a place.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"slots for {most} calls at once: it takes at least one")
        self.most = most
        self.round = 0
        self._limit = float(most)
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._limit)

    def press(self, round: int) -> bool:
        """A call that began in `round` met pressure. Halves the limit, once for all calls of a round."""
        if round != self.round:
            return False
        self.round += 1
        self._limit = max(1.0, self._limit / 2)
        return True

    def ease(self) -> None:
        """A call succeeded."""
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
