"""How a candidate came about: what its reflections saw, what the model reasoned, and which texts came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    Event,
    IterationStarted,
    ModulesChosen,
    OfIteration,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.reflection.fences import block_at
from langgraph_gepa.report.progress import Journal
from langgraph_gepa.report.words import clip

LoadReply = Callable[[str], str | None]
"""The text of the reply under a ledger key, `None` when the run has lost it."""

TEXT = 20_000
"""The most characters that are shown of a reply."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """A module's text in the parent and in the child; both are the same where the child keeps it."""

    module: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """A rollout of the parent that a reflection read. `ledger` is its key in the ledger."""

    example: str
    score: float
    comment: str
    ledger: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the reflection model wrote about a module, without the texts in fences."""

    module: str
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """The proposals of an iteration. `children` holds the texts of each child, changed or not.

    `refused` are texts that their module cannot take.
    """

    iteration: int
    parent: int | None
    records: tuple[RecordSeen, ...]
    reasoning: tuple[Reasoning, ...]
    children: tuple[tuple[TextChange, ...], ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)  # without slots, so that `cached_property` works
class Stories:
    """Finds the stories of a run's iterations in its journal."""

    journal: Journal
    load_reply: LoadReply = lambda _: None
    load_rollout: Callable[[str], Rollout | None] = lambda _: None

    @cached_property
    def candidates(self) -> dict[int, CandidateAdmitted]:
        """The admissions by the id of the candidate."""
        return {e.candidate.id: e for _, e in self.journal if isinstance(e, CandidateAdmitted)}

    @cached_property
    def _by_iteration(self) -> Mapping[int, list[Event]]:
        found: dict[int, list[Event]] = {}
        for _, event in self.journal:
            if isinstance(event, OfIteration) and not isinstance(event, RolloutFinished):
                found.setdefault(event.iteration, []).append(event)
        return found

    @cached_property
    def _learned_from(self) -> Mapping[tuple[str, str], list[RolloutFinished]]:
        """The rollouts on the feedback set, by the key of the texts and the example."""
        found: dict[tuple[str, str], list[RolloutFinished]] = {}
        for _, event in self.journal:
            if isinstance(event, RolloutFinished) and event.subset == "feedback":
                found.setdefault((event.texts, event.example), []).append(event)
        return found

    def of_candidate(self, id: int) -> Story | None:
        """The story of the iteration that a candidate came from, with its texts as the only child."""
        admitted = self.candidates.get(id)
        return None if admitted is None else self._story(admitted.iteration, admitted.candidate.texts)

    def of_iteration(self, number: int) -> Story | None:
        """The story of an iteration, also of one that led to no candidate."""
        return self._story(number, None) if number in self._by_iteration else None

    @property
    def rollouts(self) -> set[str]:
        """The keys of all rollouts in the ledger."""
        return {event.ledger for _, event in self.journal if isinstance(event, RolloutFinished)}

    def rollouts_of(self, id: int) -> list[RolloutFinished]:
        """A candidate's rollouts on the validation and the held-out examples."""
        key = self.candidates[id].candidate.key
        return [
            event
            for _, event in self.journal
            if isinstance(event, RolloutFinished) and event.texts == key and event.subset in ("pareto", "test")
        ]

    def _story(self, number: int, admitted: Texts | None) -> Story:
        events = self._by_iteration.get(number, [])
        started = next((event for event in events if isinstance(event, IterationStarted)), None)
        proposed = next((event for event in events if isinstance(event, ChildrenProposed)), None)
        parent = started.parents[0] if started and started.parents else None
        texts = self.candidates[parent].candidate.texts if parent in self.candidates else (admitted or {})
        given = [started.texts] if started is not None and started.texts is not None else []
        children = [admitted] if admitted is not None else [*given, *(proposed.children if proposed else ())]
        return Story(
            number,
            parent,
            tuple(self._records(events, parent)),
            tuple(self._reasoning(events)),
            tuple(_changes(texts, child) for child in children),
            tuple(proposed.refused.items()) if proposed else (),
        )

    def _records(self, events: Sequence[Event], parent: int | None) -> Iterator[RecordSeen]:
        chosen = next((event for event in events if isinstance(event, ModulesChosen)), None)
        if chosen is None or parent is None or parent not in self.candidates:
            return
        started = next((event for event in events if isinstance(event, IterationStarted)), None)
        key = self.candidates[parent].candidate.key
        for example in chosen.records or (started.minibatch if started else ()):  # the first runs named none
            ran = [e for e in self._learned_from.get((key, example), ()) if e.iteration <= chosen.iteration]
            if not ran:
                continue
            rollout = self.load_rollout(ran[-1].ledger)
            comment = rollout.feedback.comment if rollout else ""
            words = [f"{name}: {text}" for name, text in rollout.feedback.by_module.items()] if rollout else []
            yield RecordSeen(example, ran[-1].score, "\n".join(filter(None, [comment, *words])), ran[-1].ledger)

    def _reasoning(self, events: Sequence[Event]) -> Iterator[Reasoning]:
        for event in events:
            if isinstance(event, ReflectionFinished) and (reply := self.load_reply(event.ledger)) is not None:
                yield Reasoning(event.module, clip(prose(reply), TEXT))


def prose(reply: str) -> str:
    """What a reply says beside its fenced blocks, in which the new text stands."""
    lines, kept, at = reply.replace("\r\n", "\n").split("\n"), list[str](), 0
    while at < len(lines):
        block = block_at(lines, at)
        kept.append(lines[at] if block is None else "[a text in a fence]")
        at = at + 1 if block is None else block.last + 1
    return "\n".join(kept).strip()


def _changes(before: Texts, after: Texts) -> tuple[TextChange, ...]:
    """The texts of a child, which may be given as those that it changes; those that differ come first."""
    names = dict.fromkeys([*before, *after])
    changes = [TextChange(name, before.get(name, ""), after.get(name, before.get(name, ""))) for name in names]
    return tuple(sorted(changes, key=lambda change: change.before == change.after))
