"""Retries failed calls: slows down under pressure, and holds calls back while the provider is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar, cast

from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.concurrency import Patience, Slots
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.errors import Error, Interrupted

T = TypeVar("T")

IN_THE_METRIC = "A call of the metric failed, none of the graph's."
"""The note on an exception that ends a run because the metric cannot score what the graph did."""
_OF_THE_METRIC = "A model or service that the metric calls"
_NO_OTHERS = (
    " Only this example fails so far: with a concurrency above 1 (--concurrency) other examples run meanwhile and "
    "show sooner whether it alone is at fault."
)


@dataclass(slots=True)
class _Failures:
    """The failures of one call: their count, since when, and how many calls had succeeded and outages ended by then."""

    since: float
    successes: int
    outages: int
    count: int = 0


def going_on(call: Callable[[], Awaitable[Rollout]]) -> Callable[[], Awaitable[Rollout]]:
    """Returns `call` as a function that does only what is missing when it is called again after `Unfinished`."""
    next_call = call

    async def made() -> Rollout:
        nonlocal next_call
        try:
            return await next_call()
        except Unfinished as unfinished:
            next_call = unfinished.go_on or call
            raise

    return made


class Calls:
    """The state shared by all calls to one provider: whether it is up, and whether to continue at all.

    While the provider is down one call tries and the others wait; they continue when it is back. `notify` is called
    with a message about both, in which `provider` names what is called, except where it is the metric that calls.
    `given_up` names the purposes of calls whose failure was raised although others succeed; `answered` says that a call
    has succeeded, maybe in an earlier session.
    """

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        notify: Callable[[str], None] = lambda _: None,
        provider: str = "The provider",
    ) -> None:
        self.patience = patience or Patience()
        self.stopping: str | None = None
        self._clock = clock
        self._notify = notify
        self._provider = provider
        self._stopped = asyncio.Event()
        self._probe = asyncio.Lock()
        self._successes = 0
        self._outages = 0
        self._down_since: float | None = None
        self._absent: str | None = None
        self._lowest: int | None = None
        self._failing: set[str] = set()
        self._at_fault: set[str] = set()
        self.given_up: set[str] = set()
        self.answered = False

    @property
    def down(self) -> bool:
        return self._down_since is not None

    def stop(self, reason: str) -> None:
        """Starts no further call and ends every wait; calls under way run to their end."""
        self.stopping = self.stopping or reason
        self._stopped.set()

    def check(self) -> None:
        """Raises `Interrupted` once stopped."""
        if self.stopping is not None:
            raise Interrupted(self.stopping)

    async def make(self, thunk: Callable[[], Awaitable[T]], slots: Slots | None = None, who: str = "") -> T:
        """Calls `thunk` until it succeeds, or until the rollout of an `Unfinished` one counts. `who` names its purpose.

        Raises errors of this package at once, `Interrupted` when stopped, and the failure itself when patience ends.
        """
        own: _Failures | None = None
        while True:
            async with self._gate():
                self.check()
                round = slots.round if slots else 0
                stands: Any = None
                ended = False
                try:
                    result = await thunk()
                except Error:
                    raise
                except Unfinished as unfinished:
                    failure, stands, ended = unfinished.cause, unfinished.stands, unfinished.ended
                    service = _OF_THE_METRIC if unfinished.only_scoring else self._provider
                except Exception as raised:  # noqa: BLE001 - of the world, as evaluators and models raise no other
                    failure, service = raised, self._provider
                else:
                    self._succeeded(slots)
                    return result
                own = self._failed(own, who)
                overload = self.patience.is_overload(failure)
                if self.patience.is_pressure(failure) and slots and slots.press(round, overload=overload):
                    self._report_pressure(f"{service} {self.patience.describe(failure)}", slots.limit)
                if stands is not None and self._has_to_stand(failure, own, who, ended=ended):
                    return cast("T", stands)
                patience = self._patience_for(failure, own, who, slots)
                self._report_absence(failure, patience)
                lends = slots is not None and self._lets_others_try(failure, own, slots)
                doubtful = stands is not None
                if not lends and self._hopeless(failure, own, who, slots, patience, service, doubtful=doubtful):
                    self._note_who_is_at_fault(failure, own, who, service)
                    raise failure
                left = own.since + patience - self._clock()
                wait = self.patience.wait(failure, own.count)
                wait = min(wait, left) if left > 0 else wait
                if not lends:
                    await self._rest(wait)
            if lends and slots is not None:  # outside the gate, which a call with the lent slot may have to pass
                async with slots.lent():
                    await self._rest(wait)

    def _note_who_is_at_fault(self, failure: Exception, own: _Failures, who: str, service: str) -> None:
        """Notes whether the metric made the call whose failure is raised, and whether `who` alone fails."""
        if service == _OF_THE_METRIC:
            failure.add_note(IN_THE_METRIC)
        (self.given_up.add if self._fails_alone(failure, own, who) else self.given_up.discard)(who)

    @asynccontextmanager
    async def _gate(self) -> AsyncIterator[None]:
        """Lets every call through while the provider is up, one at a time while it is down."""
        if self.down:
            async with self._probe:
                if self.down:
                    yield
                    return
        yield

    def _failed(self, own: _Failures | None, who: str) -> _Failures:
        if own is None or own.outages != self._outages:  # failures during an outage do not count against a call
            own = _Failures(self._clock(), self._successes, self._outages)
        own.count += 1
        if who not in self._at_fault:
            self._failing.add(who)
        return own

    def _has_to_stand(self, failure: Exception, own: _Failures, who: str, *, ended: bool) -> bool:
        """Whether a failure that may be the example's own is so: others succeed, or too few fail for an outage.

        A rollout that `ended` in spite of it is no sign of an outage, unless the provider limits the rate.
        """
        chances = self.patience.chances(failure)
        known = who in self._at_fault
        if known and not self.patience.is_pressure(failure):
            chances = max(1, chances - 1)
        alone = self._successes > own.successes or known
        lonely = own.count >= self.patience.tries and len(self._failing) < self.patience.crowd and not self.down
        no_outage = ended and not self.patience.is_pressure(failure)
        if not ((alone or no_outage) and own.count >= chances) and not lonely:
            return False
        self._at_fault.add(who)
        self._failing.discard(who)
        return True

    def _hopeless(
        self,
        failure: Exception,
        own: _Failures,
        who: str,
        slots: Slots | None,
        patience: float,
        service: str,
        *,
        doubtful: bool,
    ) -> bool:
        if self.patience.is_lasting(failure) and (not doubtful or own.count >= self.patience.tries):
            return True
        if own.count < self.patience.tries:
            return False
        if self._successes == own.successes and not self.down:
            self._down_since = own.since
            if self.patience.outage and self._absent is None:
                unaided = _NO_OTHERS if slots and slots.most == 1 and self._fails_alone(failure, own, who) else ""
                self._notify(f"{service} {self.patience.describe(failure)}. {self._waiting(patience)}{unaided}")
        if self.down or self.patience.is_pressure(failure):
            since = own.since if self._down_since is None else self._down_since
            return self._clock() - since >= patience
        return True

    def _lets_others_try(self, failure: Exception, own: _Failures, slots: Slots) -> bool:
        """Whether calls that wait for a slot are to show whether the provider is down or a few examples fail."""
        if self.patience.is_lasting(failure) or self.patience.is_pressure(failure) or self._never_there(failure):
            return False
        if not self.patience.outage:  # there is no wait that they could shorten
            return False
        undecided = own.count == self.patience.tries and self._successes == own.successes and not self.down
        return undecided and len(self._failing) < self.patience.crowd and slots.wanted

    def _fails_alone(self, failure: Exception, own: _Failures, who: str) -> bool:
        """Whether others succeeded while a call failed, or nobody else has failed since the last success."""
        if self.patience.is_lasting(failure) or self.patience.is_pressure(failure):
            return False
        if not self.answered or own.count < 2:  # a failure that was not tried again may be anybody's
            return False
        return self._successes > own.successes or self._failing <= {who}

    def _patience_for(self, failure: Exception, own: _Failures, who: str, slots: Slots | None) -> float:
        """Returns for how many seconds this failure may last before the call is given up."""
        if self._never_there(failure):
            return min(self.patience.outage, self.patience.unanswered)
        answers = self._successes > 0 and self.patience.absent_address(failure) is None
        alone = slots is not None and answers and self._fails_alone(failure, own, who)
        return min(self.patience.outage, self.patience.alone) if alone else self.patience.outage

    def _never_there(self, failure: Exception) -> bool:
        """Whether nothing has answered in this session, and no server or none whose answers can be read is there."""
        nobody = self.patience.absent_address(failure) is not None or self.patience.is_garbled(failure)
        return not self._successes and nobody

    def _succeeded(self, slots: Slots | None) -> None:
        self._successes += 1
        self.answered = True
        self._failing.clear()
        self._absent = None
        if slots:
            slots.ease()
        if self._down_since is not None:
            self._notify(f"It is back after {_duration(self._clock() - self._down_since)}. Going on.")
            self._down_since = None
            self._outages += 1

    async def _rest(self, seconds: float) -> None:
        """Sleeps for `seconds`, or until stopped."""
        sleep = asyncio.ensure_future(self.patience.sleep(seconds))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((sleep, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stopped.cancel()

    def _report_absence(self, failure: Exception, patience: float) -> None:
        where = self.patience.absent_address(failure)
        if where is not None and self._absent is None and self.patience.outage:
            self._absent = where
            self._notify(f"Nothing answers at {where}. {self._waiting(patience)}")

    def _waiting(self, seconds: float) -> str:
        return f"Waiting for it, at most {_duration(seconds)}; what was paid for is kept."

    def _report_pressure(self, trouble: str, limit: int) -> None:
        if self._lowest is None or limit < self._lowest:
            rollouts = "1 rollout" if limit == 1 else f"{limit} rollouts"
            self._notify(f"{trouble}: {rollouts} at once for now.")
            self._lowest = limit


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
