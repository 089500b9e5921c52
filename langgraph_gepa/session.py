"""Running a coroutine to its end from ordinary code, stoppable from the keyboard without losing what was paid for."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Brake:
    """Stops a run: gently the first time (what is under way ends and is kept), at once the second time.

    `on_pull` is what a gentle stop does; set by whoever has something to stop. `by` names the
    signal that pulled it first.
    """

    on_pull: Callable[[str], None] = field(default=lambda _: None)
    by: str | None = None
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False, repr=False)
    _task: asyncio.Task[Any] | None = field(default=None, init=False, repr=False)

    def pull(self, by: str) -> None:
        """Safe from any thread and from a signal handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pull, by)

    def _pull(self, by: str) -> None:
        if self.by is None:
            self.by = by
            self.on_pull(by)
        elif self._task is not None:
            self._task.cancel()

    async def _hold(self, coroutine: Coroutine[Any, Any, T], executor: Executor | None) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if isinstance(executor, ThreadPoolExecutor):
            self._loop.set_default_executor(executor)
        with _signals(self):
            return await coroutine


def run(make: Callable[[Brake], Coroutine[Any, Any, T]], executor: Executor | None = None) -> T:
    """Runs `make(brake)` in an event loop of its own, in another thread when one already runs here (a notebook).

    Synchronous nodes run on `executor`. Raises `KeyboardInterrupt` after Ctrl-C, once the
    coroutine has ended.
    """
    brake = Brake()
    coroutine = brake._hold(make(brake), executor)
    try:
        return _in_thread(coroutine, brake) if _loop_runs() else asyncio.run(coroutine)
    except (Exception, asyncio.CancelledError) as error:
        if brake.by == "Ctrl-C":
            raise KeyboardInterrupt from error
        raise


def _in_thread(coroutine: Coroutine[Any, Any, T], brake: Brake) -> T:
    with ThreadPoolExecutor(1, thread_name_prefix="langgraph-gepa") as pool:
        future = pool.submit(asyncio.run, coroutine)
        while True:
            try:
                return future.result()
            except KeyboardInterrupt:
                brake.pull("Ctrl-C")


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _signals(brake: Brake) -> Iterator[None]:
    """Ctrl-C and a polite kill pull the brake, where the platform and the thread allow handlers."""
    loop = asyncio.get_running_loop()
    caught = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    installed = []
    try:
        for number, name in caught.items():
            try:
                loop.add_signal_handler(number, brake._pull, name)
            except NotImplementedError:  # Windows: Ctrl-C cancels the main task by itself
                break
            installed.append(number)
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
