"""Pays once: stores every rollout and reply before it is used, and looks it up before paying for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import (
    MOST_SET_ASIDE,
    Event,
    ExampleSetAside,
    RolloutCarried,
    RolloutFinished,
    Subset,
)
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.leakage import NAMES
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Pursued, objectives_of
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.allowance import Kind
from langgraph_gepa.engine.books import Books
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.concurrency import Patience, Slots
from langgraph_gepa.engine.ports import Evaluator, LanguageModel, Observer, Refused, Store
from langgraph_gepa.engine.purpose import Purpose
from langgraph_gepa.engine.replies import PaidModel, Replies
from langgraph_gepa.engine.retry import Calls
from langgraph_gepa.engine.rollouts import Rollouts
from langgraph_gepa.engine.weighing import weighed
from langgraph_gepa.errors import Error
from langgraph_gepa.search.pool import Pool


class Ledger:
    """The only way to pay for rollouts and replies: each is stored in the journal before it is used.

    At most `concurrency` rollouts run at once, first come, first served. `failure` is the last exception of the
    evaluator or the model; it stops the ledger. `notify` is called with a message when the provider is down or limits
    its rate; `reports_usage` says whether the reflection model is of a kind that can report its usage. Tokens and
    dollars exceed `budget` by less than one call takes, and calls that run when its seconds are over are cut off.
    Rollouts are scored by `objectives`, or by the metric's score without any.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        model: LanguageModel,
        store: Store,
        *,
        critic: LanguageModel | None = None,
        observers: Sequence[Observer] = (),
        concurrency: int = 16,
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
        notify: Callable[[str], None] = lambda _: None,
        reports_usage: bool = True,
        objectives: Pursued | None = None,
    ) -> None:
        self.concurrency = concurrency
        self._evaluator = evaluator
        self._store = store
        self._notify = notify
        self._objectives = objectives or {}
        self._books = Books(store, observers, stop=lambda reason: self.stop(reason), clock=clock, notify=notify)
        # Apart: success with one of these proves nothing about the providers of the others.
        self._rollouts = Rollouts(evaluator, concurrency=concurrency, patience=patience, clock=clock, notify=notify)
        reflection = Calls(patience, clock=clock, notify=notify, provider="The reflection model's provider")
        judging = Calls(patience, clock=clock, notify=notify, provider="The critic's provider")
        self.replies = Replies(
            self._books,
            PaidModel("reflection model", model, reflection, reports_usage),
            None if critic is None else PaidModel("critic", critic, judging, reports_usage=False),
        )
        self._journal = self._books.journal
        self._payments = self._books.payments
        self._allowance = self._books.allowance
        self._rollouts.calls.answered = self.pool.spent.rollouts > 0 or bool(self.pool.carried)
        for key, spent in store.notes().items():
            self._journal.charge(key, spent, "killed")

    @property
    def failure(self) -> Exception | None:
        return self._books.failure

    @property
    def pool(self) -> Pool:
        return self._journal.pool

    @property
    def seconds(self) -> float:
        """Running time so far, over all sessions of the run."""
        return self._journal.seconds

    @property
    def budget(self) -> Budget:
        return self._allowance.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._allowance.budget = budget

    def stop(self, reason: str) -> None:
        """Starts no further call and ends every wait for a provider; calls under way end and are kept."""
        self._rollouts.calls.stop(reason)
        self.replies.stop(reason)

    def append(self, event: Event) -> None:
        """Stores an event, folds it into the pool and passes it to the observers."""
        self._journal.append(event)

    async def rollout(self, texts: Texts, example: Example, iteration: int, subset: Subset, turn: str) -> Rollout:
        """Returns one rollout, paid for at most once for the same `turn` of the same iteration."""
        request = _Request(texts, texts_key(texts), example, iteration, subset)
        what = [self._evaluator.fingerprint, request.texts_key, example.id, example.digest]
        key = digest(["rollout", *what, iteration, subset, turn])
        # It may have been paid for before the run began again, with another journal.
        return await self._rollout(key, request, lambda: self._journal.names(key))

    async def rollout_once(
        self, texts: Texts, example: Example, iteration: int, subset: Subset, repeat: int = 0
    ) -> Rollout:
        """Returns the `repeat`-th rollout, from 0, of these texts on this content, paid for at most once in the run.

        The first caller pays, and callers meanwhile wait. A score that the pool does not know in `subset` yet is
        journalled again, at no cost.
        """
        request = _Request(texts, texts_key(texts), example, iteration, subset)
        key = self._once_key(request.texts_key, example, repeat)
        known = self.pool.known
        return await self._rollout(
            key, request, lambda: len(known(subset, request.texts_key).get(example.id, ())) > repeat
        )

    def carry(self, texts: Texts, example: Example, repeat: int, rollout: Rollout) -> None:
        """Takes over the `repeat`-th rollout of these texts on this content, which an earlier run paid for.

        A run that began again has it in its ledger already, and no longer in its journal.
        """
        key = self._once_key(texts_key(texts), example, repeat)
        if key not in self.pool.carried:
            self._journal.pay(key, dump(rollout), RolloutCarried(key))
        self._rollouts.calls.answered = True

    def carried(self, texts: Texts, example: Example, repeat: int = 0) -> bool:
        """Whether the `repeat`-th rollout of these texts on this content was taken over from an earlier run."""
        return self._once_key(texts_key(texts), example, repeat) in self.pool.carried

    def _once_key(self, texts: str, example: Example, repeat: int) -> str:
        return digest(["once", self._evaluator.fingerprint, texts, example.digest, repeat])

    async def _rollout(self, key: str, request: _Request, journalled: Callable[[], bool]) -> Rollout:
        """Pays for the rollout, or reads it; one that is not `journalled` for this request is journalled as reused."""
        async with self._books.lock(key):
            if (paid := self._store.paid(key)) is None:
                return await self._pay(key, request)
        # An equal example with another id may have paid for it.
        rollout = replace(load(Rollout, paid), example=request.example.id)
        if not journalled():
            self.append(request.finished(rollout, key, Usage(), 0.0, reused=True))
        return rollout

    async def _pay(self, key: str, request: _Request) -> Rollout:
        kind: Kind | None = None if request.subset == "test" else "rollout"

        def pay(call: Callable[[], Awaitable[Rollout]], slots: Slots, who: str) -> Awaitable[Rollout]:
            return self._payments.make(key, kind, call, self._rollouts.calls, slots, who)

        with self._books.stopped_by_failure():
            try:
                rollout = await self._rollouts.run(request.texts, request.example, pay, self._purpose(request))
            except Exception as failure:
                if isinstance(failure, Error) or request.example.digest not in self._rollouts.calls.given_up:
                    raise
                raise Refused(failure) from failure
            rollout = weighed(rollout, request.texts, self._objectives)
        self._allowance.unpriced |= {c.name for c in rollout.calls if c.kind == "model" and c.usage.dollars is None}
        for name in sorted({call.name for call in rollout.calls if call.usage.estimated}):
            self._books.report_estimate(name)
        self._payments.paid(key, dump(rollout), request.finished(rollout, key, rollout.usage, rollout.seconds))
        return rollout

    def _purpose(self, request: _Request) -> Purpose:
        known = {candidate.key: candidate.id for candidate in self.pool.candidates}
        if not known and (started := self.pool.started) is not None:
            known = {texts_key(started.seed): 0}
        return Purpose(known.get(request.texts_key, "proposed"), request.subset, request.iteration)

    def set_aside(self, subset: Subset, failures: Mapping[str, Exception], *, whole: bool) -> None:
        """Leaves examples that were `Refused` out of their set for the rest of the run.

        Raises the first failure, which stops the ledger, where these are a `whole` batch or too many for the set: then
        the world is down.
        """
        place: Subset = "pareto" if subset == "gate" else subset
        known, started = self.pool.set_aside.get(place, {}), self.pool.started
        fresh = {id: failure for id, failure in failures.items() if id not in known}
        of = len(known) + (len(started.examples(place)) if started else 0)
        with self._books.stopped_by_failure():
            if whole or len(known) + len(fresh) > MOST_SET_ASIDE * of:
                raise next(iter(failures.values()))
        for id, failure in fresh.items():
            self.append(ExampleSetAside(place, id, type(failure).__name__))
            self._notify(
                f"The {NAMES[place]} example {id} is set aside for the rest of this run, and counts for no prompts: "
                f"again and again its rollout failed, while others did not ({type(failure).__name__}: {failure})."
            )

    def close(self) -> None:
        """Accounts for calls that are still under way, and counts nothing more. The caller closes the store."""
        self._payments.close()


@dataclass(frozen=True, slots=True)
class _Request:
    """What a rollout is run on, and what for."""

    texts: Texts
    texts_key: str
    example: Example
    iteration: int
    subset: Subset

    def finished(
        self, rollout: Rollout, key: str, usage: Usage, seconds: float, *, reused: bool = False
    ) -> RolloutFinished:
        """The event of the rollout that the ledger keeps under `key`."""
        of = (self.iteration, self.texts_key, self.example.id, self.subset)
        return RolloutFinished(*of, rollout.score, usage, seconds, key, rollout.error, reused, objectives_of(rollout))
