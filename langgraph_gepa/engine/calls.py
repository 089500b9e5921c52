"""Calls to a world that fails: tried again, slowed down under pressure, held back while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from langgraph_gepa.engine.limits import Patience, Slots
from langgraph_gepa.errors import Error, Interrupted

T = TypeVar("T")


@dataclass(slots=True)
class _Failures:
    """Those of one call: how many, since when, and how many calls had succeeded by then."""

    since: float
    successes: int
    count: int = 0


class Calls:
    """What all calls of a run know together: whether the world is up, and whether to go on at all.

    While the world is down one call tries and the others wait; they go on by themselves when it
    is back. `say` is told of both, in words for people.
    """

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.patience = patience or Patience()
        self.stopping: str | None = None
        self._clock = clock
        self._say = say
        self._stopped = asyncio.Event()
        self._probe = asyncio.Lock()
        self._successes = 0
        self._down_since: float | None = None
        self._lowest: int | None = None

    @property
    def down(self) -> bool:
        return self._down_since is not None

    def stop(self, reason: str) -> None:
        """Starts nothing more and ends every wait; what is under way goes on to its end."""
        self.stopping = self.stopping or reason
        self._stopped.set()

    def check(self) -> None:
        """Raises `Interrupted` once stopped."""
        if self.stopping is not None:
            raise Interrupted(self.stopping)

    async def make(self, thunk: Callable[[], Awaitable[T]], slots: Slots | None = None) -> T:
        """Calls until it succeeds. Raises our own errors at once, `Interrupted` when stopped, and a
        failure of the world as it is when patience ends."""
        failures: _Failures | None = None
        while True:
            async with self._gate():
                self.check()
                round = slots.round if slots else 0
                try:
                    result = await thunk()
                except Error:
                    raise
                except Exception as failure:
                    failures = failures or _Failures(self._clock(), self._successes)
                    failures.count += 1
                    if self.patience.presses(failure) and slots and slots.press(round):
                        self._tell_of_pressure(slots.limit)
                    if self._hopeless(failure, failures):
                        raise
                    await self._rest(self.patience.wait(failure, failures.count))
                else:
                    self._succeeded(slots)
                    return result

    @asynccontextmanager
    async def _gate(self) -> AsyncIterator[None]:
        """Open while the world is up; one at a time while it is down."""
        if self.down:
            async with self._probe:
                if self.down:
                    yield
                    return
        yield

    def _hopeless(self, failure: Exception, own: _Failures) -> bool:
        if self.patience.lasts(failure):
            return True
        if own.count < self.patience.tries:
            return False
        if self._successes == own.successes and not self.down:
            self._down_since = own.since
            if self.patience.outage:
                self._say(
                    f"The provider is down ({type(failure).__name__}). Waiting for it, at most "
                    f"{_duration(self.patience.outage)}; what was paid for is kept."
                )
        if self.down or self.patience.presses(failure):
            since = own.since if self._down_since is None else self._down_since
            return self._clock() - since >= self.patience.outage
        return True

    def _succeeded(self, slots: Slots | None) -> None:
        self._successes += 1
        if slots:
            slots.ease()
        if self._down_since is not None:
            self._say(f"It is back after {_duration(self._clock() - self._down_since)}. Going on.")
            self._down_since = None

    async def _rest(self, seconds: float) -> None:
        """Sleeps, or less when stopped."""
        sleep = asyncio.ensure_future(self.patience.sleep(seconds))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((sleep, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stopped.cancel()

    def _tell_of_pressure(self, limit: int) -> None:
        if self._lowest is None or limit < self._lowest:
            self._say(f"The provider asks for less: {limit} rollouts at once for now.")
            self._lowest = limit


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
