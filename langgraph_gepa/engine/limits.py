"""Patience with the world: failures that are nobody's score are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from langgraph_gepa.errors import Error

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries a call up to `tries` times, waiting about `first` seconds, then twice as long each time, at most `most`.

    The wait is drawn between half and the whole, so that calls that failed together do not
    return together. An `Error` of ours is no failure of the world and is raised at once, and
    so is the last failure.
    """

    tries: int = 5
    first: float = 1.0
    most: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: Random = field(default_factory=Random)

    async def call(self, thunk: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(self.tries - 1):
            try:
                return await thunk()
            except Error:
                raise
            except Exception:  # noqa: BLE001  the evaluator's contract: what it raises is the world's failure
                await self.sleep(min(self.most, self.first * 2**attempt) * self.rng.uniform(0.5, 1.0))
        return await thunk()
