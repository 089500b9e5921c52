"""What the two sides of the ledger, rollouts and replies, have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakValueDictionary

from langgraph_gepa.engine.allowance import Allowance
from langgraph_gepa.engine.journal import Journal
from langgraph_gepa.engine.payments import Payments
from langgraph_gepa.engine.ports import Observer, Refused, Store, TooLong, Unanswered
from langgraph_gepa.errors import Interrupted


class Books:
    """The journal, the budget and the payments of a run, shared by both sides of the ledger.

    `failure` is the first exception of `stopped_by_failure`, which calls `stop` with the reason. `notify` is called
    with messages.
    """

    def __init__(
        self,
        store: Store,
        observers: Sequence[Observer],
        *,
        stop: Callable[[str], None],
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        self.failure: Exception | None = None
        self.journal = Journal(store, observers, clock, self.stopped_by_failure)
        self.allowance = Allowance(lambda: self.journal.pool.spent, lambda: self.journal.seconds)
        self.payments = Payments(self.journal, self.allowance)
        self.paid = store.paid
        self._stop = stop
        self._notify = notify
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._reported: set[str] = set()

    def lock(self, key: str) -> asyncio.Lock:
        """Returns the lock of the caller that pays for `key`; it exists as long as it is held or waited for."""
        return self._locks.setdefault(key, asyncio.Lock())

    def report_estimate(self, model: str, *, can_report: bool = True) -> None:
        """Reports once that the tokens of `model` are estimated; `can_report` adds how it may report them itself."""
        hint = " A chat model that streams may have a setting for it, such as stream_usage=True."
        self.report_once(
            f"usage of {model}",
            f"No usage is reported by {model}: its tokens are estimated from the texts, for the budget as well."
            f"{hint if can_report else ''}",
        )

    def report_once(self, what: str, message: str) -> None:
        """Passes a message on, unless one about the same `what` was passed on before."""
        if what not in self._reported:
            self._reported.add(what)
            self._notify(message)

    @contextmanager
    def stopped_by_failure(self) -> Iterator[None]:
        """Stops the ledger when a call failed for good, or its cost cannot be written down."""
        try:
            yield
        except (Interrupted, Refused, Unanswered, TooLong):
            raise
        except Exception as error:
            self.failure = self.failure or error
            self._stop(f"a call failed: {error}")
            raise
