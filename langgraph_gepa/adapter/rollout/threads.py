"""An executor with as many threads as synchronous nodes need: one for each rollout under way, not for each core."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = Callable[[], None]


def executor(width: int) -> ThreadPoolExecutor:
    """Returns an executor for `loop.set_default_executor`, in which `ainvoke` runs synchronous nodes.

    `width` is the number of idle threads kept for the next jobs. A job never waits for a thread: a node that never
    returns, whose rollout has timed out, would otherwise hold a thread for ever and in the end starve every other
    rollout. The rollouts under way bound how many run at once. Threads are daemons and `shutdown` does not wait for
    them, so that a hung node cannot keep the process alive.
    """
    return _Threads(width)


class _Threads(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` by type only, as asyncio requires it of a default executor."""

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width}")
        super().__init__(max_workers=1)
        self._width = width
        self._idle = 0
        self._closed = False
        self._guard = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - the future carries it to whoever waits
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._guard:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            reuse = self._idle > 0
            self._idle -= reuse
        if reuse:
            self._jobs.put(job)
        else:
            threading.Thread(target=self._work, args=(job,), name="rollout", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - see `executor`
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._jobs.put(None)

    def _work(self, first: _Job) -> None:
        job: _Job | None = first
        while job is not None:
            job()
            with self._guard:
                if self._closed or self._idle >= self._width:
                    return
                self._idle += 1
            job = self._jobs.get()
