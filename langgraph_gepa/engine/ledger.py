"""Pays once: stores every rollout and reply before it is used, and looks it up before paying for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import (
    MOST_SET_ASIDE,
    Event,
    ExampleSetAside,
    ModelTried,
    OpinionFinished,
    ReflectionFinished,
    RolloutCarried,
    RolloutFinished,
    Subset,
)
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.leakage import NAMES
from langgraph_gepa.core.media import Medium
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Pursued, objectives_of
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.allowance import Allowance, Kind
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.concurrency import Patience, Slots
from langgraph_gepa.engine.journal import Journal
from langgraph_gepa.engine.payments import Payments
from langgraph_gepa.engine.ports import (
    Evaluator,
    LanguageModel,
    Observer,
    Refused,
    Reply,
    Store,
    TooLong,
    Unanswered,
)
from langgraph_gepa.engine.retry import Calls
from langgraph_gepa.engine.rollouts import Rollouts
from langgraph_gepa.engine.weighing import weighed
from langgraph_gepa.errors import Error, Interrupted, ModelError
from langgraph_gepa.search.pool import Pool

REFUSALS = 5
"""Unanswered prompts in a row after which the reflection model is at fault rather than the prompts."""


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
        self.failure: Exception | None = None
        self.concurrency = concurrency
        self._evaluator = evaluator
        self._model = model
        self._critic = critic
        self._can_report = reports_usage
        self._store = store
        self._notify = notify
        self._objectives = objectives or {}
        # Apart: success with one of these proves nothing about the providers of the others.
        self._rollouts = Rollouts(evaluator, concurrency=concurrency, patience=patience, clock=clock, notify=notify)
        self._replies = Calls(patience, clock=clock, notify=notify, provider="The reflection model's provider")
        self._opinions = Calls(patience, clock=clock, notify=notify, provider="The critic's provider")
        self._journal = Journal(store, observers, clock, self._stopped_by_failure)
        self._rollouts.calls.answered = self.pool.spent.rollouts > 0
        self._allowance = Allowance(lambda: self.pool.spent, lambda: self.seconds)
        self._payments = Payments(self._journal, self._allowance)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._refused = 0
        self._reported: set[str] = set()
        for key, spent in store.notes().items():
            self._journal.charge(key, spent, "killed")

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
        for calls in (self._rollouts.calls, self._replies, self._opinions):
            calls.stop(reason)

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

    def carried(self, texts: Texts, example: Example, repeat: int = 0) -> bool:
        """Whether the `repeat`-th rollout of these texts on this content was taken over from an earlier run."""
        return self._once_key(texts_key(texts), example, repeat) in self.pool.carried

    def _once_key(self, texts: str, example: Example, repeat: int) -> str:
        return digest(["once", self._evaluator.fingerprint, texts, example.digest, repeat])

    async def _rollout(self, key: str, request: _Request, journalled: Callable[[], bool]) -> Rollout:
        """Pays for the rollout, or reads it; one that is not `journalled` for this request is journalled as reused."""
        async with self._lock(key):
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

        with self._stopped_by_failure():
            try:
                rollout = await self._rollouts.run(request.texts, request.example, pay)
            except Exception as failure:
                if isinstance(failure, Error) or request.example.digest not in self._rollouts.calls.given_up:
                    raise
                raise Refused(failure) from failure
            rollout = weighed(rollout, request.texts, self._objectives)
        self._allowance.unpriced |= {c.name for c in rollout.calls if c.kind == "model" and c.usage.dollars is None}
        for name in sorted({call.name for call in rollout.calls if call.usage.estimated}):
            self._report_estimate(name)
        self._payments.paid(key, dump(rollout), request.finished(rollout, key, rollout.usage, rollout.seconds))
        return rollout

    def set_aside(self, subset: Subset, failures: Mapping[str, Exception], *, whole: bool) -> None:
        """Leaves examples that were `Refused` out of their set for the rest of the run.

        Raises the first failure, which stops the ledger, where these are a `whole` batch or too many for the set: then
        the world is down.
        """
        place: Subset = "pareto" if subset == "gate" else subset
        known, started = self.pool.set_aside.get(place, {}), self.pool.started
        fresh = {id: failure for id, failure in failures.items() if id not in known}
        of = len(known) + (len(getattr(started, f"{place}_set")) if started else 0)
        with self._stopped_by_failure():
            if whole or len(known) + len(fresh) > MOST_SET_ASIDE * of:
                raise next(iter(failures.values()))
        for id, failure in fresh.items():
            self.append(ExampleSetAside(place, id, type(failure).__name__))
            self._notify(
                f"The {NAMES[place]} example {id} is set aside for the rest of this run, and counts for no prompts: "
                f"again and again its rollout failed, while others did not ({type(failure).__name__}: {failure})."
            )

    def _lock(self, key: str) -> asyncio.Lock:
        """Returns the lock of the caller that pays for `key`; it exists as long as it is held or waited for."""
        return self._locks.setdefault(key, asyncio.Lock())

    async def reply(
        self, prompt: str, iteration: int, module: str, *, longer: bool = False, media: Sequence[Medium] = ()
    ) -> Reply:
        """Returns one reply of the reflection model, paid for at most once for the same prompt in the run.

        `longer` raises the limit on its length; `media` are those that the prompt names. Raises `Unanswered` when only
        this prompt gets no answer and `TooLong` when the model does not accept it; a model that answers no prompt stops
        the ledger.
        """
        more: dict[str, Any] = {"longer": True} if longer else {}
        more |= {"media": media} if media else {}
        call = partial(self._model.complete, prompt, **more)
        return await self._reply(_reply_key(prompt, module), call, iteration, module)

    async def proposed(self, what: str, call: Callable[[], Awaitable[Reply]], iteration: int, module: str) -> Reply:
        """Returns the reply of the user's proposer, paid for at most once for the same `what` in the iteration.

        `call` asks the proposer. Raises `Unanswered` when only this call fails; one that never succeeds stops the
        ledger.
        """
        return await self._reply(digest(["proposed", what, iteration, module]), call, iteration, module)

    async def opinion(self, edit: str, prompt: str, iteration: int) -> Reply:
        """Returns the critic's reply to `prompt`, paid for at most once for the same `edit` in the iteration.

        Raises `Unanswered` when it gives none although its provider is up, and `TooLong` as `reply` does.
        """
        if self._critic is None:
            raise Unanswered("there is no critic")
        key = digest(["opinion", edit, iteration])
        async with self._lock(key):
            if (paid := self._store.paid(key)) is not None:
                return load(Reply, paid)
            with self._stopped_by_failure():
                reply = await self._judge(key, partial(self._critic.complete, prompt))
            if reply.usage.estimated:
                self._report_estimate("the critic", can_report=False)
            self._payments.paid(key, dump(reply), OpinionFinished(iteration, reply.usage, reply.seconds, key))
            return reply

    async def _judge(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Returns the critic's reply. Raises `Unanswered` for a failure after which the search goes on."""
        try:
            return await self._payments.make(key, "reply", call, self._opinions, who="critic")
        except TooLong:
            raise
        except Exception as failure:
            calls = self._opinions
            lasting = calls.patience.is_lasting(failure)
            if isinstance(failure, Interrupted) or self.failure is not None or calls.down or lasting:
                raise
            why = str(failure).rstrip(".") if isinstance(failure, Error) else type(failure).__name__
            self._report_once("critic", f"The critic gave no opinion ({why}). Edits are tried without one.")
            raise Unanswered(f"the critic gave no opinion ({why})") from failure

    async def _reply(self, key: str, call: Callable[[], Awaitable[Reply]], iteration: int, module: str) -> Reply:
        async with self._lock(key):
            if (paid := self._store.paid(key)) is not None:
                return load(Reply, paid)
            with self._stopped_by_failure():
                reply = await self._answer(key, call)
            if reply.usage.estimated:
                self._report_estimate("the reflection model", can_report=self._can_report)
            event = ReflectionFinished(iteration, module, reply.usage, reply.seconds, key)
            self._payments.paid(key, dump(reply), event)
            return reply

    async def _answer(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Returns the reply. Raises `Unanswered` in place of a failure that is this call's alone."""
        try:
            reply = await self._call(key, call)
        except TooLong:
            raise
        except Exception as failure:
            if not self._refuses_only_this(failure):
                raise
            why = str(failure) if isinstance(failure, Error) else type(failure).__name__
            raise Unanswered(f"the reflection model gave no answer ({why})") from failure
        self._refused = 0
        return reply

    async def try_model(self, prompt: str, model: str, *, critic: bool = False) -> None:
        """Makes one call to find out whether the reflection model `model` answers, paid for once in the run.

        With `critic` it is made to the critic. Raises `ModelError` when waiting does not help; other failures of the
        world are retried.
        """
        key = digest(["trial", prompt, model])
        asked = self._critic if critic and self._critic is not None else self._model
        if self._store.paid(key) is not None:
            return
        with self._stopped_by_failure():
            try:
                reply = await self._call(key, partial(asked.complete, prompt))
            except Exception as failure:
                if not self._replies.patience.is_lasting(failure):
                    raise
                why = f"{type(failure).__name__}: {str(failure).rstrip('.')}"
                who = "critic" if critic else "reflection model"
                raise ModelError(
                    f"The {who} {model} does not answer ({why}). No rollout was paid for; check its name "
                    "and its key, and start again."
                ) from failure
        self._payments.paid(key, dump(reply), ModelTried(reply.usage, reply.seconds, key, critic))

    async def _call(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        return await self._payments.make(key, "reply", call, self._replies, who="reflection")

    def reply_iteration(self, prompt: str, module: str) -> int | None:
        """The iteration in which the reply to this prompt was paid for; `None` if it was not."""
        return self.pool.replies.get(_reply_key(prompt, module))

    def _refuses_only_this(self, failure: Exception) -> bool:
        """Whether only this prompt fails: others were answered, and not too many fail in a row."""
        lasting = self._replies.patience.is_lasting(failure)
        if isinstance(failure, Interrupted) or self.failure is not None or self._replies.down or lasting:
            return False
        self._refused += 1
        return self._refused <= REFUSALS and self.pool.spent.reflections > 0

    def _report_estimate(self, model: str, *, can_report: bool = True) -> None:
        hint = " A chat model that streams may have a setting for it, such as stream_usage=True."
        self._report_once(
            f"usage of {model}",
            f"No usage is reported by {model}: its tokens are estimated from the texts, for the budget as well."
            f"{hint if can_report else ''}",
        )

    def _report_once(self, what: str, message: str) -> None:
        if what not in self._reported:
            self._reported.add(what)
            self._notify(message)

    def close(self) -> None:
        """Accounts for calls that are still under way, and counts nothing more. The caller closes the store."""
        self._payments.close()

    @contextmanager
    def _stopped_by_failure(self) -> Iterator[None]:
        """Stops the ledger when a call failed for good, or its cost cannot be written down."""
        try:
            yield
        except (Interrupted, Refused, Unanswered, TooLong):
            raise
        except Exception as error:
            self.failure = self.failure or error
            self.stop(f"a call failed: {error}")
            raise


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


def _reply_key(prompt: str, module: str) -> str:
    return digest(["reply", prompt, module])
