"""Pay once: every rollout and every reply is stored before it is used, and looked up before it is paid for."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from time import monotonic
from typing import TypeVar
from weakref import WeakValueDictionary

from langgraph_gepa.engine.allowance import Allowance, BudgetSpent, Kind
from langgraph_gepa.engine.attempt import Attempt
from langgraph_gepa.engine.calls import Calls, going_on
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.limits import Patience, Slots
from langgraph_gepa.engine.meter import metered
from langgraph_gepa.engine.ports import (
    Evaluator,
    LanguageModel,
    Observer,
    Reply,
    Store,
    TooLong,
    Unanswered,
    Unfinished,
)
from langgraph_gepa.errors import Error, Interrupted, ModelError
from langgraph_gepa.search.budget import Budget
from langgraph_gepa.search.candidate import texts_key
from langgraph_gepa.search.events import Charged, Event, ModelTried, ReflectionFinished, RolloutFinished, Subset
from langgraph_gepa.search.example import Example, digest
from langgraph_gepa.search.module import Texts
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rollout import Rollout, Usage
from langgraph_gepa.visible import visible

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

REFUSALS = 5
"""Prompts in a row that may get no answer before that is the reflection model's fault and not theirs."""


class Ledger:
    """The one way to spend, and the one way to tell: journal, pool and observers move together.

    At most `concurrency` rollouts run at once, in the order they were asked for. `failure` is what the
    evaluator or the model raised last; it stops the ledger. `say` is told in words when the
    provider is down or limits its rate. Tokens and dollars go beyond `budget` by less than one call takes, and what is
    under way when its seconds are over is cut off.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        model: LanguageModel,
        store: Store,
        *,
        observers: Sequence[Observer] = (),
        concurrency: int = 16,
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.pool = Pool()
        self._evaluator = evaluator
        self._model = model
        self._store = store
        self._observers = list(observers)
        self._slots = Slots(concurrency)
        # Apart, as rollouts that succeed say nothing of the reflection model's provider, nor it of theirs.
        self._calls = Calls(patience, clock=clock, say=say)
        self._replies = Calls(patience, clock=clock, say=say, whom="The reflection model's provider")
        self._allowance = Allowance(lambda: self.pool.spent, lambda: self.seconds)
        self._clock = clock
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.failure: Exception | None = None
        self._attempts: dict[str, Attempt] = {}
        self._closed = False
        self._refused = 0
        before = 0.0
        self._told: set[str] = set()
        self._say = say
        self._estimated: set[str] = set()
        for at, event in store.events():
            self._fold(event)
            before = at
        self._began = clock() - before
        for key, spent in store.notes().items():
            self._charge(key, spent, "the process died under it")

    @property
    def seconds(self) -> float:
        """Running time so far, over all sessions of the run."""
        return self._clock() - self._began

    @property
    def budget(self) -> Budget:
        return self._allowance.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._allowance.budget = budget

    def stop(self, reason: str) -> None:
        """Starts nothing more and ends every wait for the world; what is under way ends and is kept."""
        for calls in (self._calls, self._replies):
            calls.stop(reason)

    def tell(self, event: Event) -> None:
        """Stores an event, folds it into the pool and shows it to the observers."""
        with self._stopped_by_failure():
            self._store.append(event, self.seconds)
        self._show(event)

    async def rollout(self, texts: Texts, example: Example, iteration: int, subset: Subset, turn: str) -> Rollout:
        """One rollout, paid for at most once for the same `turn` of the same iteration."""
        texts_id = texts_key(texts)
        what = [self._evaluator.fingerprint, texts_id, example.id, example.digest]
        key = digest(["rollout", *what, iteration, subset, turn])
        async with self._turn(key):
            if (paid := self._store.paid(key)) is None:
                return await self._roll(key, texts, texts_id, example, iteration, subset)
        rollout = load(Rollout, paid)
        if key not in self._told:  # paid for before the run was begun again
            self._tell_again(key, rollout, texts_id, iteration, subset)
        return rollout

    async def rollout_once(
        self, texts: Texts, example: Example, iteration: int, subset: Subset, repeat: int = 0
    ) -> Rollout:
        """The `repeat`-th rollout, from 0, of these texts on this content, paid for at most once in the run.

        Who asks first pays, whatever for; who asks meanwhile waits. Where the pool does not know the
        score in `subset` yet, it is told.
        """
        texts_id = texts_key(texts)
        key = digest(["once", self._evaluator.fingerprint, texts_id, example.digest, repeat])
        async with self._turn(key):
            if (paid := self._store.paid(key)) is None:
                return await self._roll(key, texts, texts_id, example, iteration, subset)
        rollout = replace(load(Rollout, paid), example=example.id)  # paid for under an equal example's id, perhaps
        if len(self.pool.known(subset, texts_id).get(example.id, ())) <= repeat:
            self._tell_again(key, rollout, texts_id, iteration, subset)
        return rollout

    def _tell_again(self, key: str, rollout: Rollout, texts_id: str, iteration: int, subset: Subset) -> None:
        """That a rollout which costs nothing any more is used."""
        score, error = rollout.score, rollout.error
        event = RolloutFinished(iteration, texts_id, rollout.example, subset, score, Usage(), 0.0, key, error, True)
        self.tell(event)

    def _turn(self, key: str) -> asyncio.Lock:
        """Held by who pays for `key`. It lives as long as somebody holds it or waits for it."""
        return self._asking.setdefault(key, asyncio.Lock())

    async def _roll(
        self, key: str, texts: Texts, texts_id: str, example: Example, iteration: int, subset: Subset
    ) -> Rollout:
        async with self._slots:
            kind: Kind | None = None if subset == "test" else "rollout"
            call = going_on(lambda: self._evaluator.evaluate(texts, example))
            with self._stopped_by_failure():
                rollout = await self._try(key, kind, call, self._slots, example.digest)
        event = RolloutFinished(
            iteration,
            texts_id,
            example.id,
            subset,
            rollout.score,
            rollout.usage,
            rollout.seconds,
            key,
            rollout.error,
        )
        self._allowance.unpriced |= {c.name for c in rollout.calls if c.kind == "model" and c.usage.dollars is None}
        for name in sorted({call.name for call in rollout.calls if call.usage.estimated}):
            self._tell_of_estimate(name)
        self._pay(key, dump(rollout), event)
        return rollout

    async def reply(self, prompt: str, iteration: int, module: str, *, longer: bool = False) -> Reply:
        """One reply of the reflection model, paid for at most once for the same prompt in the run.

        `longer` asks for a higher limit on its length. Raises `Unanswered` where only this prompt gets none and
        `TooLong` for one that the model does not take; a model that answers nothing stops the ledger.
        """
        key = _reply_key(prompt, module)
        async with self._turn(key):
            if (paid := self._store.paid(key)) is not None:
                return load(Reply, paid)
            more = {"longer": True} if longer else {}
            with self._stopped_by_failure():
                try:
                    reply = await self._try(key, "reply", lambda: self._model.complete(prompt, **more))
                except TooLong:
                    raise
                except Exception as failure:
                    if self._refuses_only_this(failure):
                        said = str(failure) if isinstance(failure, Error) else type(failure).__name__
                        raise Unanswered(f"the reflection model gave no answer ({said})") from failure
                    raise
            self._refused = 0
            if reply.usage.estimated:
                self._tell_of_estimate("the reflection model")
            self._pay(key, dump(reply), ReflectionFinished(iteration, module, reply.usage, reply.seconds, key))
            return reply

    async def try_model(self, prompt: str, model: str) -> None:
        """One call that finds out whether the reflection model called `model` answers, paid for once in the run.

        Raises `ModelError` where waiting does not help; any other failure of the world is waited for.
        """
        key = digest(["trial", prompt, model])
        if self._store.paid(key) is not None:
            return
        with self._stopped_by_failure():
            try:
                reply = await self._try(key, "reply", lambda: self._model.complete(prompt))
            except Exception as failure:
                if not self._replies.patience.lasts(failure):
                    raise
                why = f"{type(failure).__name__}: {str(failure).rstrip('.')}"
                raise ModelError(
                    f"The reflection model {model} does not answer ({why}). No rollout was paid for; check its name "
                    "and its key, and start again."
                ) from failure
        self._pay(key, dump(reply), ModelTried(reply.usage, reply.seconds, key))

    def asked_in(self, prompt: str, module: str) -> int | None:
        """The iteration in which the reply to this prompt was paid for."""
        return self.pool.replies.get(_reply_key(prompt, module))

    def _refuses_only_this(self, failure: Exception) -> bool:
        """Whether the failure to answer is the prompt's: others were answered, and not too many fail in a row."""
        lasts = self._replies.patience.lasts(failure)
        if isinstance(failure, Interrupted) or self.failure is not None or self._replies.down or lasts:
            return False
        self._refused += 1
        return self._refused <= REFUSALS and self.pool.spent.reflections > 0

    def _tell_of_estimate(self, model: str) -> None:
        if model not in self._estimated:
            self._estimated.add(model)
            self._say(
                f"No usage is reported by {model}: its tokens are estimated from the texts, for the budget as well. "
                "A chat model that streams may have a setting for it, such as stream_usage=True."
            )

    def close(self) -> None:
        """Accounts for what is still under way, and counts nothing more. The store is the caller's to close."""
        for attempt in list(self._attempts.values()):
            self._end(attempt, "the session ended")
        self._closed = True

    async def _try(
        self,
        key: str,
        kind: Kind | None,
        call: Callable[[], Awaitable[T]],
        slots: Slots | None = None,
        who: str = "reflection",
    ) -> T:
        """Until it succeeds. Without a `kind` it is on top of the budget. What it spent is left to `_pay`."""
        unfinished: Unfinished | None = None
        with ExitStack() as reserved:

            async def once() -> T:
                nonlocal unfinished
                if unfinished is not None and unfinished.go_on is None:
                    self._give_up(key, type(unfinished.cause).__name__)
                    reserved.close()
                attempt = self._attempts.get(key) or await self._begin(key, kind, reserved)
                try:
                    with metered(attempt.hear):
                        return await call()
                except Unfinished as failure:
                    unfinished = failure  # it may go on, or stand: until then what it spent is under way
                    raise
                except BaseException as failure:
                    self._give_up(key, type(failure).__name__)
                    reserved.close()
                    raise

            calls = self._replies if kind == "reply" else self._calls
            try:
                async with asyncio.timeout(self._seconds_left(kind)) as time:
                    return await calls.make(once, slots, who)
            except BaseException as failure:
                self._give_up(key, type(failure).__name__)
                if isinstance(failure, TimeoutError) and time.expired():
                    raise BudgetSpent("seconds") from None
                raise

    def _seconds_left(self, kind: Kind | None) -> float | None:
        """How long a call may take that counts in the budget, all its tries and the waits between them included."""
        if kind is None or self.budget.seconds is None:
            return None
        return max(0.0, self.budget.seconds - self.seconds)

    async def _begin(self, key: str, kind: Kind | None, reserved: ExitStack) -> Attempt:
        if kind is not None:
            await self._allowance.wait(kind)
            self._calls.check()
        attempt = self._attempts[key] = Attempt(key, self._heard)
        reserved.enter_context(self._allowance.reserved(kind or "rollout", attempt))
        return attempt

    @contextmanager
    def _stopped_by_failure(self) -> Iterator[None]:
        """Nothing more is started once a call failed for good, or what it cost cannot be written down."""
        try:
            yield
        except (Interrupted, Unanswered, TooLong):
            raise
        except Exception as error:
            self.failure = self.failure or error
            self.stop(f"a call failed: {error}")
            raise

    def _heard(self, attempt: Attempt) -> None:
        if self._closed:
            return
        if not attempt.ended:
            with self._stopped_by_failure():
                self._store.note(attempt.key, attempt.heard)
        elif (late := attempt.unaccounted) is not None:  # a node's thread that outlived its rollout
            attempt.accounted += late
            self._charge(attempt.key, late, "after the rollout had ended")

    def _give_up(self, key: str, reason: str) -> None:
        """Charges what the attempt under way for `key` has spent, if there is one."""
        if (attempt := self._attempts.get(key)) is not None:
            self._end(attempt, reason)

    def _end(self, attempt: Attempt, reason: str) -> None:
        attempt.ended = True
        self._attempts.pop(attempt.key, None)
        if (lost := attempt.unaccounted) is not None:
            attempt.accounted += lost
            self._charge(attempt.key, lost, reason)

    def _charge(self, key: str, usage: Usage, reason: str) -> None:
        event = Charged(key, usage, reason)
        with self._stopped_by_failure():
            self._store.charge(key, event, self.seconds)
        self._show(event)

    def _pay(self, key: str, body: str, event: RolloutFinished | ReflectionFinished | ModelTried) -> None:
        with self._stopped_by_failure():
            self._store.pay(key, body, event, self.seconds)
        self._show(event)
        attempt = self._attempts[key]
        attempt.accounted = event.usage
        self._end(attempt, "after the rollout had ended")

    def _fold(self, event: Event) -> None:
        self.pool.apply(event)
        if isinstance(event, RolloutFinished):
            self._told.add(event.ledger)

    def _show(self, event: Event) -> None:
        self._fold(event)
        for observer in self._observers[:]:
            try:
                observer(event, self.pool, self.seconds)
            except Exception as error:  # noqa: BLE001 - a panel that breaks is no reason to stop paying work
                self._observers.remove(observer)
                name = getattr(observer, "__qualname__", type(observer).__name__)
                trace = visible("".join(traceback.format_exception(error)))
                _LOG.error("The observer %s raised and is not called any more; the run goes on.\n%s", name, trace)


def _reply_key(prompt: str, module: str) -> str:
    return digest(["reply", prompt, module])
