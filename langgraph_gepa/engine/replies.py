"""Replies of the reflection model, of the user's proposer and of the critic: the ledger's side for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from langgraph_gepa.core.events import ModelTried, OpinionFinished, ReflectionFinished
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.media import Medium
from langgraph_gepa.engine.books import Books
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.ports import LanguageModel, Reply, TooLong, Unanswered
from langgraph_gepa.engine.retry import Calls
from langgraph_gepa.errors import Error, Interrupted, ModelError

REFUSALS = 5
"""Unanswered prompts in a row after which the reflection model is at fault rather than the prompts."""


@dataclass(frozen=True, slots=True)
class PaidModel:
    """A language model whose replies are paid for, and the state of its provider.

    `name` is what messages call it; `reports_usage` says whether it is of a kind that can report its usage.
    """

    name: Literal["reflection model", "critic"]
    model: LanguageModel
    calls: Calls
    reports_usage: bool = True


class Replies:
    """Pays for replies at most once: each is stored in the journal before it is used."""

    def __init__(self, books: Books, reflection: PaidModel, critic: PaidModel | None = None) -> None:
        self._books = books
        self._reflection = reflection
        self._critic = critic
        self._refused = 0

    def stop(self, reason: str) -> None:
        """Starts no further call and ends every wait for a provider; calls under way end and are kept."""
        self._reflection.calls.stop(reason)
        if self._critic is not None:
            self._critic.calls.stop(reason)

    def iteration(self, prompt: str, module: str) -> int | None:
        """Returns the iteration in which the reply to this prompt was paid for; `None` if it was not."""
        return self._books.journal.pool.replies.get(_reply_key(prompt, module))

    async def try_model(self, prompt: str, name: str, *, critic: bool = False) -> None:
        """Makes one call to find out whether the reflection model `name`, or the critic, answers; once in the run.

        Raises `ModelError` when waiting does not help; other failures of the world are retried.
        """
        key = digest(["trial", prompt, name])
        tried = self._critic if critic else self._reflection
        if tried is None or self._books.paid(key) is not None:
            return
        with self._books.stopped_by_failure():
            try:
                reply = await self._make(key, partial(tried.model.complete, prompt), tried)
            except Exception as failure:
                if not tried.calls.patience.is_lasting(failure):
                    raise
                why = f"{type(failure).__name__}: {str(failure).rstrip('.')}"
                raise ModelError(
                    f"The {tried.name} {name} does not answer ({why}). No rollout was paid for; check its name "
                    "and its key, and start again."
                ) from failure
        self._books.payments.paid(key, dump(reply), ModelTried(reply.usage, reply.seconds, key, critic))

    async def reflection(
        self, prompt: str, iteration: int, module: str, *, longer: bool = False, media: Sequence[Medium] = ()
    ) -> Reply:
        """Returns one reply of the reflection model, paid for at most once for the same prompt in the run.

        `longer` raises the limit on its length; `media` are those that the prompt names. Raises `Unanswered` when only
        this prompt gets no answer and `TooLong` when the model does not accept it; a model that answers no prompt stops
        the ledger.
        """
        more: dict[str, Any] = {"longer": True} if longer else {}
        more |= {"media": media} if media else {}
        call = partial(self._reflection.model.complete, prompt, **more)
        return await self._reflect(_reply_key(prompt, module), call, iteration, module)

    async def proposed(self, what: str, call: Callable[[], Awaitable[Reply]], iteration: int, module: str) -> Reply:
        """Returns the reply of the user's proposer, paid for at most once for the same `what` in the iteration.

        `call` asks the proposer. Raises `Unanswered` when only this call fails; one that never succeeds stops the
        ledger.
        """
        return await self._reflect(digest(["proposed", what, iteration, module]), call, iteration, module)

    async def opinion(self, edit: str, prompt: str, iteration: int) -> Reply:
        """Returns the critic's reply to `prompt`, paid for at most once for the same `edit` in the iteration.

        Raises `Unanswered` when it gives none although its provider is up, and `TooLong` as `reflection` does.
        """
        if (critic := self._critic) is None:
            raise Unanswered("there is no critic")
        key = digest(["opinion", edit, iteration])
        return await self._once(
            key,
            lambda: self._judge(key, partial(critic.model.complete, prompt), critic),
            critic,
            lambda reply: OpinionFinished(iteration, reply.usage, reply.seconds, key),
        )

    async def _reflect(self, key: str, call: Callable[[], Awaitable[Reply]], iteration: int, module: str) -> Reply:
        return await self._once(
            key,
            lambda: self._answer(key, call),
            self._reflection,
            lambda reply: ReflectionFinished(iteration, module, reply.usage, reply.seconds, key),
        )

    async def _once(
        self,
        key: str,
        call: Callable[[], Awaitable[Reply]],
        model: PaidModel,
        finished: Callable[[Reply], ReflectionFinished | OpinionFinished],
    ) -> Reply:
        """Returns the reply that is in the ledger, or makes the call and stores its reply; others wait for it."""
        async with self._books.lock(key):
            if (paid := self._books.paid(key)) is not None:
                return load(Reply, paid)
            with self._books.stopped_by_failure():
                reply = await call()
            if reply.usage.estimated:
                self._books.report_estimate(f"the {model.name}", can_report=model.reports_usage)
            self._books.payments.paid(key, dump(reply), finished(reply))
            return reply

    async def _answer(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Returns the reply. Raises `Unanswered` for a failure of this prompt alone: others were answered before it."""
        try:
            reply = await self._make(key, call, self._reflection)
        except TooLong:
            raise
        except Exception as failure:
            if not self._is_of_one_call(failure, self._reflection):
                raise
            self._refused += 1
            if self._refused > REFUSALS or not self._books.journal.pool.spent.reflections:
                raise
            raise Unanswered(f"the reflection model gave no answer ({_why(failure)})") from failure
        self._refused = 0
        return reply

    async def _judge(self, key: str, call: Callable[[], Awaitable[Reply]], critic: PaidModel) -> Reply:
        """Returns the critic's reply. Raises `Unanswered` for a failure after which the search goes on."""
        try:
            return await self._make(key, call, critic)
        except TooLong:
            raise
        except Exception as failure:
            if not self._is_of_one_call(failure, critic):
                raise
            why = _why(failure).rstrip(".")
            self._books.report_once("critic", f"The critic gave no opinion ({why}). Edits are tried without one.")
            raise Unanswered(f"the critic gave no opinion ({why})") from failure

    def _is_of_one_call(self, failure: Exception, model: PaidModel) -> bool:
        """Whether a failure may be this call's alone: the run goes on, and the provider is up and accepts the key."""
        if isinstance(failure, Interrupted) or self._books.failure is not None:
            return False
        return not (model.calls.down or model.calls.patience.is_lasting(failure))

    async def _make(self, key: str, call: Callable[[], Awaitable[Reply]], model: PaidModel) -> Reply:
        return await self._books.payments.make(key, "reply", call, model.calls, who=model.name)


def _reply_key(prompt: str, module: str) -> str:
    return digest(["reply", prompt, module])


def _why(failure: Exception) -> str:
    return str(failure) if isinstance(failure, Error) else type(failure).__name__
