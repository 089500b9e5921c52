"""Reflects on one module: a conversation with the reflection model that ends in a new text, or in a reason for none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.excerpt import CHARS_PER_TOKEN
from langgraph_gepa.core.media import Kind as MediumKind
from langgraph_gepa.core.media import Medium, numbers_in
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.allowance import BudgetSpent
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Evaluator, Proposer, TooLong, Unanswered
from langgraph_gepa.reflection.directions import AS_USUAL, Directions
from langgraph_gepa.reflection.follow_ups import doubt_prompt, retry_prompt, tried_prompt, unread_prompt
from langgraph_gepa.reflection.prompt import TOKENS, joining_prompt, media_of, reflection_prompt, summary_prompt
from langgraph_gepa.reflection.proposal import CUT_SHORT, Proposal
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.reflection.summaries import GROUP, Summary, groups, summary_in

T = TypeVar("T")

TRIED = 3
"""The most earlier texts that a prompt shows when it was answered before."""

_ENDLESS = 1_000_000_000
"""Tokens of a prompt in which nothing is shortened."""

_Objection = Literal["unread", "refused", "unchanged"]


@dataclass(frozen=True, slots=True)
class Reflector:
    """Proposes texts with the reflection model.

    `tokens` bounds a prompt, which is shortened further when the model does not accept it. `objective` is the user's
    description of the graph's purpose, `directions` are the user's for single modules. `sees` are the kinds of media
    that are sent with a prompt.
    """

    ledger: Ledger
    evaluator: Evaluator
    tokens: int = TOKENS
    objective: str = ""
    directions: Mapping[str, Directions] = field(default_factory=dict)
    sees: Collection[MediumKind] = ()

    async def propose(
        self, module: Module, text: str, records: Sequence[Record], iteration: int, rejected: Sequence[Edit] = ()
    ) -> Proposal:
        """Returns a new text for `module`, given `records` of what it did, or why there is none.

        `rejected` are earlier edits of it that did not help. More than `GROUP` records that do not fit one prompt whole
        are summarised in groups first, with a call for each. A prompt that is too long for the model is shortened and
        sent again; since only replies are stored, a resumed run begins with the longest prompt once more.
        """
        directions = self.directions.get(module.name, AS_USUAL)
        how: dict[str, Any] = {"objective": self.objective, "directions": directions}
        media = media_of(module, text, records, self.sees)

        def of_records(tokens: int, records: Sequence[Record]) -> str:
            return reflection_prompt(module, text, records, tokens=tokens, rejected=rejected, media=media, **how)

        def of_summaries(tokens: int, summaries: Sequence[Summary]) -> str:
            return joining_prompt(module, text, summaries, tokens=tokens, rejected=rejected, **how)

        async def summary_of(records: Sequence[Record]) -> Summary:
            def prompt(tokens: int, records: Sequence[Record]) -> str:
                return summary_prompt(module, text, records, tokens=tokens, media=media, **how)

            reply = await _first_taken(
                _ever_shorter(prompt, self.tokens, records),
                lambda prompt: self.ledger.replies.reflection(
                    prompt, iteration, module.name, media=_media_in(prompt, media)
                ),
            )
            return Summary(summary_in(reply.text), tuple(record.rollout.score for record in records))

        conversation = _Conversation(
            self.ledger, self.evaluator, module, text, records, iteration, directions.template, media
        )
        try:
            if len(records) > GROUP and len(of_records(_ENDLESS, records)) > self.tokens * CHARS_PER_TOKEN:
                summaries = await settle(map(summary_of, groups(records)))
                prompts = _ever_shorter(of_summaries, self.tokens, summaries)
            else:
                prompts = _ever_shorter(of_records, self.tokens, records)
            return await _first_taken(prompts, conversation.new_text)
        except Unanswered as unanswered:
            return Proposal(reason="unanswered", detail=str(unanswered))
        except BudgetSpent as spent:
            return _without_reply(spent)


async def _first_taken(prompts: Iterable[str], ask: Callable[[str], Awaitable[T]]) -> T:
    """Returns what `ask` makes of the first prompt that is not too long. Raises `Unanswered` if all are too long."""
    why = ""
    for prompt in prompts:
        try:
            return await ask(prompt)
        except TooLong as refused:
            why = str(refused)
    raise Unanswered(f"{why}, even with a single record cut short")


@dataclass(frozen=True, slots=True)
class OwnReflector:
    """Proposes the texts of the user's `proposer`, which are judged as a reflection model's are."""

    ledger: Ledger
    evaluator: Evaluator
    proposer: Proposer

    async def propose(
        self, module: Module, text: str, records: Sequence[Record], iteration: int, _rejected: Sequence[Edit] = ()
    ) -> Proposal:
        """Returns a new text for `module`, or why there is none. The proposer is not asked again for a better one."""
        rollouts = [dump(record.rollout) for record in records]
        copies = [  # a proposer may change what it is given
            replace(
                record,
                inputs=deepcopy(record.inputs),
                rollout=load(Rollout, kept),
                reference=deepcopy(record.reference),
            )
            for record, kept in zip(records, rollouts, strict=True)
        ]
        what = digest([text, *rollouts])
        call = partial(self.proposer.propose, module, text, copies)
        try:
            reply = await self.ledger.replies.proposed(what, call, iteration, module.name)
        except Unanswered as unanswered:
            return Proposal(reason="unanswered", detail=str(unanswered))
        except BudgetSpent as spent:
            return _without_reply(spent)
        proposal = parse_reply(reply.text, text)
        broken = "" if proposal.text is None else self.evaluator.check(module.name, proposal.text) or ""
        return _judged(proposal, broken)


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A conversation with the reflection model about one module's text, in one iteration."""

    ledger: Ledger
    evaluator: Evaluator
    module: Module
    text: str
    records: Sequence[Record]
    iteration: int
    template: str
    media: Mapping[str, Medium]

    async def new_text(self, prompt: str) -> Proposal:
        """Returns a text that `prompt` did not lead to before.

        When another iteration sent the same prompt, its replies are not paid for again: the model is asked for a text
        that differs from those. Raises `TooLong` for a prompt that the model does not take.
        """
        tried: list[str] = []
        while True:
            question = tried_prompt(prompt, tried[-TRIED:]) if tried else prompt
            proposal = await self.carry_on(question)
            if proposal.text in tried:
                return Proposal(reason="repeated")
            if proposal.text is None or self.ledger.replies.iteration(question, self.module.name) == self.iteration:
                return proposal
            tried.append(proposal.text)

    async def carry_on(self, prompt: str) -> Proposal:
        """Returns the proposal that `prompt` leads to, after at most one follow-up for each kind of objection."""
        question, objected, longer = prompt, set[_Objection](), False
        proposal, broken = Proposal(), ""
        while True:
            try:
                reply = await self.ledger.replies.reflection(
                    question, self.iteration, self.module.name, longer=longer, media=_media_in(question, self.media)
                )
            except (TooLong, BudgetSpent) as refused:
                if not objected or (isinstance(refused, BudgetSpent) and refused.limit != "reflections"):
                    raise
                return _judged(proposal, broken)
            proposal = parse_reply(reply.text, self.text, reply.ending, self.template)
            broken = self._refusal(proposal)
            objection = self._objection(proposal, broken)
            if objection is None or objection in objected:
                return _judged(proposal, broken)
            objected.add(objection)
            longer = longer or proposal.reason in CUT_SHORT
            question = self._follow_up(prompt, reply.text, proposal, broken)

    def _refusal(self, proposal: Proposal) -> str:
        """Returns why the module cannot take the proposed text; empty when it can, or when there is none."""
        return "" if proposal.text is None else self.evaluator.check(self.module.name, proposal.text) or ""

    def _objection(self, proposal: Proposal, broken: str) -> _Objection | None:
        if proposal.unchanged:
            return "unchanged" if 2 * self._failed > len(self.records) else None
        if proposal.text is None:
            return "unread"
        return "refused" if broken else None

    def _follow_up(self, prompt: str, reply: str, proposal: Proposal, broken: str) -> str:
        if proposal.text is not None:
            return retry_prompt(prompt, proposal.text, broken)
        if proposal.unchanged:
            return doubt_prompt(prompt, self._failed, len(self.records))
        return unread_prompt(prompt, "" if proposal.reason in CUT_SHORT else reply, proposal.why)

    @property
    def _failed(self) -> int:
        """How many of the records' rollouts have the lowest score there is."""
        lowest = self.ledger.pool.scale.range[0]
        return sum(record.rollout.score <= lowest for record in self.records)


def _media_in(prompt: str, media: Mapping[str, Medium]) -> list[Medium]:
    """Returns the media that a prompt names, in its order."""
    return [media[number] for number in numbers_in(prompt) if number in media]


def _without_reply(spent: BudgetSpent) -> Proposal:
    """Returns why there is no new text where the budget's reflections are spent, so that what others proposed is tried.

    Other limits, which leave nothing to try it with, are raised again: the iteration waits for a larger budget.
    """
    if spent.limit != "reflections":
        raise spent
    return Proposal(reason="spent")


def _judged(proposal: Proposal, broken: str) -> Proposal:
    """Returns the proposal, or that it was refused when its text is `broken`."""
    return Proposal(reason="refused", detail=broken, refused=proposal.text or "") if broken else proposal


def _ever_shorter(written: Callable[[int, Sequence[T]], str], tokens: int, records: Sequence[T]) -> Iterator[str]:
    """Yields ever shorter prompts: half the tokens each time, then half the records or summaries."""
    shortest: int | None = None
    while True:
        prompt = written(tokens, records)
        if shortest is None or len(prompt) < shortest:
            yield prompt
            shortest, tokens = len(prompt), tokens // 2
        elif len(records) > 1:
            records = records[: len(records) // 2]
        else:
            return
