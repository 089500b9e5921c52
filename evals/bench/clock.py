"""An event loop that jumps over waits: an hour of waiting for models takes as long as its computing does.

Computing counts at its full length, so the clock of such a loop is what a watch would have shown. It
is for what waits by `asyncio.sleep`: sockets would be late by every jump.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class JumpingLoop(asyncio.SelectorEventLoop):
    """Where every task waits for a timer, the clock goes on to the first of them. `jumped` is how far, in seconds."""

    def __init__(self) -> None:
        self.jumped = 0.0
        self._in_threads = 0
        super().__init__(_Selector(self._jump))

    def time(self) -> float:
        return super().time() + self.jumped

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """What runs in a thread takes real time, and is waited for."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._left_thread)
        return future

    async def shutdown_default_executor(self, *timeout: float | None) -> None:
        """Waits for threads to end, which takes real time as well: since Python 3.12 there is a limit to it."""
        self._in_threads += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._in_threads -= 1

    def _left_thread(self, _: asyncio.Future[Any]) -> None:
        self._in_threads -= 1

    def _jump(self, seconds: float) -> bool:
        if self._in_threads:
            return False
        self.jumped += seconds
        return True


class _Selector(selectors.DefaultSelector):
    """Asks `jump` instead of waiting; waits where it says no."""

    def __init__(self, jump: Callable[[float], bool]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        return super().select(0) or ([] if self._jump(timeout) else super().select(timeout))
