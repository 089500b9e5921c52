"""Runs coroutines from synchronous code in one event loop, and stops them on Ctrl-C with what was paid for kept."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from types import FrameType
from typing import Any, TypeVar

from langgraph_gepa.adapter.rollout.own_loop import OwnLoop, own_loop
from langgraph_gepa.adapter.tracing.traces import outside_traces
from langgraph_gepa.errors import Interrupted, UsageError

T = TypeVar("T")

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
LOADING = "LANGGRAPH_GEPA_LOADING"
"""Set in the environment of a process that only loads a project, where nothing may be paid for."""
BLINK = 0.2
"""Seconds between two looks of the waiting thread: on Windows a wait without a timeout cannot be interrupted."""
GRACE = 1.5
"""Seconds that a run which is stopped at once has to close its accounts.

A run that cannot, because the user's code blocks the event loop or swallows the cancellation, is left behind: what it
spent is noted, and charged when it goes on.
"""


_cut_off = threading.Event()


def leave(code: int) -> None:
    """Ends the process if a run was stopped at once in it; otherwise does nothing.

    Threads that hang in the run's nodes would keep the process alive: graphs that nodes call synchronously run in
    threads that Python waits for.
    """
    if _cut_off.is_set():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@dataclass
class Brake:
    """Stops a run: gently the first time (what is under way ends and is kept), at once the second time.

    `on_pull` is what a gentle stop does, set by the code that is stopped. `by` names the signal that pulled the brake
    first, `again` the one that pulled it next, and `at_once` is when that was.
    """

    on_pull: Callable[[str], None] = field(default=lambda _: None)
    by: str | None = None
    again: str | None = None
    at_once: float | None = None
    _task: asyncio.Task[Any] | None = field(default=None, init=False, repr=False)

    def pull(self, by: str, loop: asyncio.AbstractEventLoop) -> None:
        """Is called from a signal handler, and acts in the event loop."""
        if self.by is None:
            self.by = by
            loop.call_soon_threadsafe(self.on_pull, by)
        else:
            if self.at_once is None:
                self.again, self.at_once = by, monotonic()
            _cut_off.set()
            loop.call_soon_threadsafe(self._cancel)

    @property
    def pulls(self) -> str:
        """Who pulled the brake twice, in words."""
        return f"{self.by}, twice" if self.again in (None, self.by) else f"{self.by}, then {self.again}"

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _hold(self, coroutine: Coroutine[Any, Any, T], loop: OwnLoop) -> T:
        self._task = asyncio.current_task()
        loop.runs += 1
        try:
            return await coroutine
        finally:
            loop.runs -= 1
            loop.close_connections()


def run(make: Callable[[Brake], Coroutine[Any, Any, T]]) -> T:
    """Runs `make(brake)` in the package's own event loop and waits, also where another loop runs (as in a notebook).

    The coroutine does not join a LangSmith trace of the caller, and does not call the caller's callbacks.
    Raises `KeyboardInterrupt` after Ctrl-C, once the coroutine has ended; `Interrupted` when another signal cut it off;
    and `UsageError` in a process that only loads a project, or in the package's own event loop, which would wait for
    itself.
    """
    if os.environ.get(LOADING):
        raise UsageError(
            "This file is loaded again only to see what its graph says. Put what runs the graph, such as "
            "`optimize(...)`, under `if __name__ == '__main__':`."
        )
    brake, loop = Brake(), own_loop(os.getpid())
    if asyncio._get_running_loop() is loop:
        raise UsageError(
            "A run was started in the event loop of another one (from an async node, tool or metric). "
            "Start it in a thread: `await asyncio.to_thread(evaluate, ...)`."
        )
    try:
        with _signals(lambda by: brake.pull(by, loop)):
            with outside_traces():
                future = asyncio.run_coroutine_threadsafe(brake._hold(make(brake), loop), loop)
            return _outcome(future, brake)
    except Exception as error:
        if "Ctrl-C" in (brake.by, brake.again):
            # A traceback of the stop itself would say nothing, and in a notebook it fills the screen.
            raise KeyboardInterrupt from (None if isinstance(error, Interrupted | CancelledError) else error)
        if brake.by and isinstance(error, CancelledError):
            raise Interrupted(brake.pulls) from error
        raise


def _outcome(future: Future[T], brake: Brake) -> T:
    while True:
        try:
            return future.result(BLINK)
        except TimeoutError:
            if future.done():  # it is the coroutine's own
                return future.result()
            if brake.at_once is not None and monotonic() - brake.at_once > GRACE:
                raise CancelledError from None


@contextmanager
def _signals(pull: Callable[[str], Any]) -> Iterator[None]:
    """Has Ctrl-C and SIGTERM pull the brake, where this thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def caught(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
        pull(SIGNALS[signal.Signals(number)])

    before = {number: signal.signal(number, caught) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: the handler was not set from Python, and cannot be restored from there.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
