"""Counts the cost of a call while it runs, so that neither a kill nor a failure loses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from langgraph_gepa.core.rollout import Usage

Meter = Callable[[Usage], None]


def meter() -> Meter:
    """Returns where an evaluator or a model reports each model call's usage as that call ends, from any thread.

    The usage of the finished rollout or reply includes what was reported; it is counted once. A call that does not
    report is counted when it is finished, and not at all if it fails.
    """
    return _meter.get()


@contextmanager
def metered(by: Meter) -> Iterator[None]:
    """Makes `meter()` return `by` inside the context, and in the tasks and threads that start in it."""
    token = _meter.set(by)
    try:
        yield
    finally:
        _meter.reset(token)


def paying() -> Attempt | None:
    """Returns the attempt that a ledger pays for in this context, by whose key a rollout elsewhere is found again.

    `None` where nothing is kept, as in `evaluate`.
    """
    return _paying.get()


@contextmanager
def paid_for(attempt: Attempt) -> Iterator[None]:
    """Makes `meter()` report to `attempt` and `paying()` return it inside the context, and in what starts in it."""
    token = _paying.set(attempt)
    try:
        with metered(attempt.report):
            yield
    finally:
        _paying.reset(token)


def _nobody(_: Usage) -> None:
    """Counts nothing, outside a ledger."""


_meter: ContextVar[Meter] = ContextVar("meter", default=_nobody)
_paying: ContextVar[Attempt | None] = ContextVar("paying", default=None)


@dataclass(slots=True, eq=False)
class Attempt:
    """One try at a paid call: adds up what is reported from any thread, and then calls `changed` in its event loop.

    `accounted` is what the journal already holds of it, once it has `ended`. `killed` is what it was charged for the
    attempts under this key during which the process died. The functions `when_paid` are called when its result is
    stored.
    """

    key: str
    changed: Callable[[Attempt], None]
    killed: Usage = Usage()
    when_paid: list[Callable[[], object]] = field(default_factory=list)
    ended: bool = False
    accounted: Usage = Usage()
    _reported: Usage = Usage()
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _thread: int = field(default_factory=threading.get_ident)

    def report(self, usage: Usage) -> None:
        """The meter of this attempt."""
        with self._guard:
            self._reported += usage
        if threading.get_ident() == self._thread:
            self.changed(self)
        else:
            with suppress(RuntimeError):  # the loop is closed: a thread outlived the session
                self._loop.call_soon_threadsafe(self.changed, self)

    def go_on_with_killed(self) -> None:
        """Continues the attempt that outlived the process that started it: its cost so far is in the journal."""
        self.accounted = self.killed

    @property
    def reported(self) -> Usage:
        with self._guard:
            return self._reported

    @property
    def unaccounted(self) -> Usage | None:
        """The reported usage that is not in the journal; `None` when there is none."""
        left = self.reported.beyond(self.accounted)
        return left if left.tokens else None
