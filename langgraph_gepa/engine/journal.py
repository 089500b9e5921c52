"""Appends events to the journal of a run: to the store, then the pool, then the observers."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from langgraph_gepa.core.endings import Loss
from langgraph_gepa.core.events import (
    Charged,
    Event,
    ModelTried,
    OpinionFinished,
    ReflectionFinished,
    RolloutCarried,
    RolloutFinished,
)
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.ports import Observer, Store
from langgraph_gepa.search.pool import Pool

Paid = RolloutFinished | ReflectionFinished | OpinionFinished | ModelTried | RolloutCarried
"""Events of what the ledger holds."""

_LOG = logging.getLogger(__name__)


class Journal:
    """Reads a run's events, and continues where they end. Writes happen inside `guard()`."""

    def __init__(
        self,
        store: Store,
        observers: Sequence[Observer],
        clock: Callable[[], float],
        guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.pool = Pool()
        self._store = store
        self._observers = list(observers)
        self._clock = clock
        self._guard = guard
        self._rollouts: set[str] = set()
        self._killed: dict[str, Usage] = {}
        before = 0.0
        for at, event in store.events():
            self._fold(event)
            before = at
        self._began = clock() - before

    @property
    def seconds(self) -> float:
        """Running time so far, over all sessions of the run."""
        return self._clock() - self._began

    def names(self, rollout: str) -> bool:
        """Whether an event is about the rollout with this key in the ledger."""
        return rollout in self._rollouts

    def killed(self, key: str) -> Usage:
        """Returns what was charged for the attempts under this key during which the process died."""
        return self._killed.get(key, Usage())

    def append(self, event: Event) -> None:
        with self._guard():
            self._store.append(event, self.seconds)
        self._show(event)

    def pay(self, key: str, body: str, event: Paid) -> None:
        """Appends the event and stores what was paid for under its key, in one transaction."""
        with self._guard():
            self._store.pay(key, body, event, self.seconds)
        self._show(event)

    def charge(self, key: str, usage: Usage, cause: Loss, reason: str = "") -> None:
        """Appends the cost of an attempt without a result, in place of the note of what it had spent so far."""
        event = Charged(key, usage, reason, cause)
        with self._guard():
            self._store.charge(key, event, self.seconds)
        self._show(event)

    def note(self, key: str, usage: Usage) -> None:
        """Notes what a call under way has spent so far, in case the process dies."""
        with self._guard():
            self._store.note(key, usage)

    def _fold(self, event: Event) -> None:
        self.pool.apply(event)
        if isinstance(event, RolloutFinished):
            self._rollouts.add(event.ledger)
        elif isinstance(event, Charged) and event.cause == "killed":
            self._killed[event.ledger] = self.killed(event.ledger) + event.usage

    def _show(self, event: Event) -> None:
        self._fold(event)
        for observer in self._observers[:]:
            try:
                observer(event, self.pool, self.seconds)
            except Exception as error:  # noqa: BLE001 - a display that breaks must not stop paid work
                self._observers.remove(observer)
                name = getattr(observer, "__qualname__", type(observer).__name__)
                trace = visible("".join(traceback.format_exception(error)))
                _LOG.error("The observer %s raised and is not called any more; the run goes on.\n%s", name, trace)
