"""The ledger's side for replies: each is paid for once, and failures count for the model that they came from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from langgraph_gepa.core.events import ModelTried, OpinionFinished, ReflectionFinished
from langgraph_gepa.engine.books import Books
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.ports import TooLong, Unanswered
from langgraph_gepa.engine.replies import REFUSALS, PaidModel, Replies
from langgraph_gepa.engine.retry import Calls
from langgraph_gepa.errors import ModelError
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeLanguageModel


class WrongKeyError(Exception):
    """A failure that waiting does not help."""


class Desk:
    """Replies over a store of their own, from scripted models; `messages` is what the user reads."""

    def __init__(self, answers: Iterable[Any] = (), opinions: Iterable[Any] = ()) -> None:
        self.store = MemoryStore()
        self.messages: list[str] = []
        self.answering, self.judging = self._calls(), self._calls()
        self.model, self.critic = FakeLanguageModel(answers), FakeLanguageModel(opinions)
        self.books = Books(self.store, (), stop=lambda _: None, clock=lambda: 0.0, notify=self.messages.append)
        self.replies = Replies(
            self.books,
            PaidModel("reflection model", self.model, self.answering),
            PaidModel("critic", self.critic, self.judging),
        )

    def _calls(self) -> Calls:
        patience = Patience(tries=1, first=0.0, is_lasting=lambda failure: isinstance(failure, WrongKeyError))
        return Calls(patience, clock=lambda: 0.0, notify=self.messages.append)

    def events(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.store.events() if isinstance(event, kind)]

    def reflect(self, prompt: str, iteration: int = 1, module: str = "writer") -> str:
        return asyncio.run(self.replies.reflection(prompt, iteration, module)).text

    def judge(self, edit: str, prompt: str = "prompt", iteration: int = 1) -> str:
        return asyncio.run(self.replies.opinion(edit, prompt, iteration)).text


def test_a_reflection_is_paid_for_once_and_known_by_its_iteration() -> None:
    """Callers at once share it, later iterations read it; another module with the same prompt has its own."""
    desk = Desk(["first", "second"])

    async def both() -> list[str]:
        calls = [desk.replies.reflection("prompt", number, "writer") for number in (1, 2)]
        return [reply.text for reply in await asyncio.gather(*calls)]

    assert asyncio.run(both()) == ["first", "first"]
    assert [desk.reflect("prompt", 3), desk.reflect("prompt", 3, "planner")] == ["first", "second"]
    assert len(desk.events(ReflectionFinished)) == len(desk.model.prompts) == 2
    assert [desk.replies.iteration("prompt", module) for module in ("writer", "planner", "judge")] == [1, 3, None]


def test_an_opinion_is_paid_for_once_for_an_edit_of_an_iteration() -> None:
    """Whatever the prompt: a resumed run may know more earlier edits to write into it."""
    desk = Desk(opinions=["first", "second"])
    assert [desk.judge("edit", "short"), desk.judge("edit", "long"), desk.judge("edit", "short", 2)] == [
        "first",
        "first",
        "second",
    ]
    assert len(desk.events(OpinionFinished)) == 2


def test_a_failure_is_the_prompts_once_others_were_answered() -> None:
    """Before any answer it is the model's, and after more than `REFUSALS` in a row; an answer begins the count anew."""
    failure = ModelError("no")
    with pytest.raises(ModelError):
        Desk([failure]).reflect("prompt")
    desk = Desk(["yes", *[failure] * REFUSALS, "yes", *[failure] * (REFUSALS + 1)])
    outcomes: list[object] = []
    for number in range(2 * REFUSALS + 3):
        try:
            outcomes.append(desk.reflect(f"prompt {number}"))
        except (Unanswered, ModelError) as raised:
            outcomes.append(type(raised))
    assert outcomes == ["yes", *[Unanswered] * REFUSALS, "yes", *[Unanswered] * REFUSALS, ModelError]
    assert desk.books.failure is failure


def test_a_critic_that_fails_is_no_reason_to_stop() -> None:
    """Edits are tried without an opinion, which one message says; a wrong key does stop, and a long prompt is told."""
    desk = Desk(opinions=[ModelError("no."), ModelError("no."), TooLong("too long"), WrongKeyError()])
    for edit in ("a", "b"):
        with pytest.raises(Unanswered, match=r"gave no opinion \(no\)"):
            desk.judge(edit)
    assert desk.messages == ["The critic gave no opinion (no). Edits are tried without one."]
    with pytest.raises(TooLong):
        desk.judge("c")
    assert desk.books.failure is None
    with pytest.raises(WrongKeyError):
        desk.judge("d")
    assert isinstance(desk.books.failure, WrongKeyError)


def test_each_trial_proves_that_its_own_model_answers() -> None:
    """The critic's says nothing about the provider of the reflection model; both are paid for once."""
    desk = Desk(["yes"], ["yes"])
    for _ in range(2):
        asyncio.run(desk.replies.try_model("Are you there?", "a-critic", critic=True))
        assert (desk.answering.answered, desk.judging.answered) == (False, True)
    asyncio.run(desk.replies.try_model("Are you there?", "a-model"))
    assert desk.answering.answered
    assert [event.critic for event in desk.events(ModelTried)] == [True, False]


@pytest.mark.parametrize(("critic", "who"), [(False, "reflection model"), (True, "critic")])
def test_a_trial_with_a_wrong_key_names_the_model(critic: bool, who: str) -> None:
    """The error says which of the two it is, and that nothing was paid."""
    desk = Desk([WrongKeyError("401")], [WrongKeyError("401")])
    with pytest.raises(ModelError, match=rf"The {who} a-model does not answer \(WrongKeyError: 401\)\. No rollout"):
        asyncio.run(desk.replies.try_model("Are you there?", "a-model", critic=critic))
