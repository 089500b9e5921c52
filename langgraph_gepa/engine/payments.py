"""Accounts for paid calls: reserved before they start, metered while they run, charged when they give no result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from langgraph_gepa.core.endings import Loss
from langgraph_gepa.core.events import ModelTried, OpinionFinished, ReflectionFinished, RolloutFinished
from langgraph_gepa.engine.allowance import Allowance, BudgetSpent, Kind
from langgraph_gepa.engine.concurrency import Slots
from langgraph_gepa.engine.journal import Journal
from langgraph_gepa.engine.meter import Attempt, paid_for
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.engine.retry import Calls

T = TypeVar("T")


class Payments:
    """Ends every attempt at a call in one of two ways: `paid` for its result, or charged as lost."""

    def __init__(self, journal: Journal, allowance: Allowance) -> None:
        self.allowance = allowance
        self._journal = journal
        self._attempts: dict[str, Attempt] = {}
        self._closed = False

    async def make(
        self,
        key: str,
        kind: Kind | None,
        call: Callable[[], Awaitable[T]],
        calls: Calls,
        slots: Slots | None = None,
        who: str = "",
    ) -> T:
        """Makes a call, and retries it as `calls` does; `paid` then accounts for its cost.

        Without a `kind` it does not count in the budget. Raises `BudgetSpent` when the budget leaves no room for it.
        """
        try:
            async with asyncio.timeout(self._seconds_left(kind)) as time:
                return await calls.make(_Tries(self, key, kind, call, calls).next, slots, who)
        except BaseException as failure:
            self.lose(key, "failed", type(failure).__name__)
            if isinstance(failure, TimeoutError) and time.expired():
                raise BudgetSpent("seconds") from None
            raise

    def paid(
        self, key: str, body: str, event: RolloutFinished | ReflectionFinished | OpinionFinished | ModelTried
    ) -> None:
        """Stores the result of the call, and accounts for its cost."""
        attempt = self._attempts[key]
        usage = event.usage
        self._journal.pay(key, body, replace(event, usage=usage.beyond(attempt.accounted)))
        attempt.accounted = usage
        self.lose(key, "late")
        for call in attempt.when_paid:
            call()

    def lose(self, key: str, cause: Loss, reason: str = "") -> None:
        """Ends the attempt under way for `key`, if any, and charges its cost that is not accounted for."""
        if (attempt := self._attempts.pop(key, None)) is None:
            return
        attempt.ended = True
        self._charge(attempt, cause, reason)
        self.allowance.release(key)

    def close(self) -> None:
        """Charges attempts that are still under way, and counts nothing more."""
        for key in list(self._attempts):
            self.lose(key, "closed")
        self._closed = True

    async def attempt(self, key: str, kind: Kind | None, calls: Calls) -> Attempt:
        """Returns the attempt under way for `key`, or a new one, once the budget has room for it."""
        if (under_way := self._attempts.get(key)) is not None:
            return under_way
        if kind is not None:
            await self.allowance.wait(kind)
            calls.check()
        attempt = self._attempts[key] = Attempt(key, self._spends, self._journal.killed(key))
        self.allowance.reserve(kind or "rollout", attempt)
        return attempt

    def _seconds_left(self, kind: Kind | None) -> float | None:
        """Returns how long a call that counts in the budget may take, with all its tries and the waits between them."""
        seconds = self.allowance.budget.seconds
        return None if kind is None or seconds is None else max(0.0, seconds - self._journal.seconds)

    def _spends(self, attempt: Attempt) -> None:
        if self._closed:
            return
        if attempt.ended:
            self._charge(attempt, "late")  # a node's thread outlived its rollout
        else:
            self._journal.note(attempt.key, attempt.reported)

    def _charge(self, attempt: Attempt, cause: Loss, reason: str = "") -> None:
        if (lost := attempt.unaccounted) is not None:
            attempt.accounted += lost
            self._journal.charge(attempt.key, lost, cause, reason)


class _Tries(Generic[T]):
    """The tries at one call. Each is a new attempt, unless it continues one that was `Unfinished`."""

    def __init__(
        self, payments: Payments, key: str, kind: Kind | None, call: Callable[[], Awaitable[T]], calls: Calls
    ) -> None:
        self._payments, self._key, self._kind, self._call, self._calls = payments, key, kind, call, calls
        self._unfinished: Unfinished | None = None

    async def next(self) -> T:
        if self._unfinished is not None and self._unfinished.go_on is None:
            self._payments.lose(self._key, "failed", type(self._unfinished.cause).__name__)
        attempt = await self._payments.attempt(self._key, self._kind, self._calls)
        try:
            with paid_for(attempt):
                return await self._call()
        except Unfinished as failure:
            self._unfinished = failure  # it may go on, or stand: until then what it spent is under way
            raise
        except BaseException as failure:
            self._payments.lose(self._key, "failed", type(failure).__name__)
            raise
