"""Calls that cost: failures of the world are tried again, and what is under way is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from langgraph_gepa.errors import Error

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries a call up to `tries` times, waiting about `first` seconds, then twice as long each time, at most `most`.

    The wait is drawn between half and the whole, so that calls that failed together do not
    return together; it is longer where `asked` says that the provider asked for more. Not
    tried again: an `Error` of ours, which is no failure of the world, and a failure that
    `lasts`. The last failure is raised as it is.
    """

    tries: int = 6
    first: float = 1.0
    most: float = 60.0
    lasts: Callable[[BaseException], bool] = lambda _: False
    asked: Callable[[BaseException], float | None] = lambda _: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: Random = field(default_factory=Random)

    async def call(self, thunk: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(self.tries - 1):
            try:
                return await thunk()
            except Error:
                raise
            except Exception as failure:
                if self.lasts(failure):
                    raise
                wait = min(self.most, self.first * 2**attempt) * self.rng.uniform(0.5, 1.0)
                await self.sleep(max(wait, self.asked(failure) or 0.0))
        return await thunk()


async def settle(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Waits for every call even when one fails, as the others are paid for; then raises the first failure."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
