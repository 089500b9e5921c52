"""Replies of the reflection model, of the user's proposer and of the critic: the ledger's side for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

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


class Replies:
    """Pays for replies at most once: each is stored in the journal before it is used.

    `reflection_calls` and `critic_calls` are the states of the two providers. `reports_usage` says whether the
    reflection model is of a kind that can report its usage.
    """

    def __init__(
        self,
        books: Books,
        model: LanguageModel,
        critic: LanguageModel | None,
        reflection_calls: Calls,
        critic_calls: Calls,
        *,
        reports_usage: bool = True,
    ) -> None:
        self._books = books
        self._model = model
        self._critic = critic
        self._calls = reflection_calls
        self._opinions = critic_calls
        self._can_report = reports_usage
        self._refused = 0

    def stop(self, reason: str) -> None:
        """Starts no further call and ends every wait for a provider; calls under way end and are kept."""
        self._calls.stop(reason)
        self._opinions.stop(reason)

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

        Raises `Unanswered` when it gives none although its provider is up, and `TooLong` as `reflection` does.
        """
        if self._critic is None:
            raise Unanswered("there is no critic")
        key = digest(["opinion", edit, iteration])
        async with self._books.lock(key):
            if (paid := self._books.paid(key)) is not None:
                return load(Reply, paid)
            with self._books.stopped_by_failure():
                reply = await self._judge(key, partial(self._critic.complete, prompt))
            if reply.usage.estimated:
                self._books.report_estimate("the critic", can_report=False)
            self._books.payments.paid(key, dump(reply), OpinionFinished(iteration, reply.usage, reply.seconds, key))
            return reply

    async def _judge(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Returns the critic's reply. Raises `Unanswered` for a failure after which the search goes on."""
        try:
            return await self._books.payments.make(key, "reply", call, self._opinions, who="critic")
        except TooLong:
            raise
        except Exception as failure:
            calls = self._opinions
            lasting = calls.patience.is_lasting(failure)
            if isinstance(failure, Interrupted) or self._books.failure is not None or calls.down or lasting:
                raise
            why = str(failure).rstrip(".") if isinstance(failure, Error) else type(failure).__name__
            self._books.report_once("critic", f"The critic gave no opinion ({why}). Edits are tried without one.")
            raise Unanswered(f"the critic gave no opinion ({why})") from failure

    async def _reply(self, key: str, call: Callable[[], Awaitable[Reply]], iteration: int, module: str) -> Reply:
        async with self._books.lock(key):
            if (paid := self._books.paid(key)) is not None:
                return load(Reply, paid)
            with self._books.stopped_by_failure():
                reply = await self._answer(key, call)
            if reply.usage.estimated:
                self._books.report_estimate("the reflection model", can_report=self._can_report)
            event = ReflectionFinished(iteration, module, reply.usage, reply.seconds, key)
            self._books.payments.paid(key, dump(reply), event)
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
        if self._books.paid(key) is not None:
            return
        with self._books.stopped_by_failure():
            try:
                reply = await self._call(key, partial(asked.complete, prompt))
            except Exception as failure:
                if not self._calls.patience.is_lasting(failure):
                    raise
                why = f"{type(failure).__name__}: {str(failure).rstrip('.')}"
                who = "critic" if critic else "reflection model"
                raise ModelError(
                    f"The {who} {model} does not answer ({why}). No rollout was paid for; check its name "
                    "and its key, and start again."
                ) from failure
        self._books.payments.paid(key, dump(reply), ModelTried(reply.usage, reply.seconds, key, critic))

    async def _call(self, key: str, call: Callable[[], Awaitable[Reply]]) -> Reply:
        return await self._books.payments.make(key, "reply", call, self._calls, who="reflection")

    def iteration(self, prompt: str, module: str) -> int | None:
        """The iteration in which the reply to this prompt was paid for; `None` if it was not."""
        return self._books.journal.pool.replies.get(_reply_key(prompt, module))

    def _refuses_only_this(self, failure: Exception) -> bool:
        """Whether only this prompt fails: others were answered, and not too many fail in a row."""
        lasting = self._calls.patience.is_lasting(failure)
        if isinstance(failure, Interrupted) or self._books.failure is not None or self._calls.down or lasting:
            return False
        self._refused += 1
        return self._refused <= REFUSALS and self._books.journal.pool.spent.reflections > 0


def _reply_key(prompt: str, module: str) -> str:
    return digest(["reply", prompt, module])
