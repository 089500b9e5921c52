"""Replays a recorded rollout with a mark added to each module's text, and sees which marks reach a model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from langsmith.run_helpers import tracing_context

from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.replay import Replay, ReplayEnded, Sent, replaying
from langgraph_gepa.adapter.rollout.runner import Graph, run
from langgraph_gepa.adapter.tracing import attribution
from langgraph_gepa.adapter.tracing.message_text import single_spaced, single_spaced_literals
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core import matching
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Call
from langgraph_gepa.errors import Error

Bind = Callable[[Texts], Graph]
"""Makes the graph with other texts."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A rollout to replay: its texts, its calls with their outcomes, and the modules that it used."""

    texts: Texts
    example: Example
    watched: Sequence[WatchedCall]
    calls: Sequence[Call]
    used: frozenset[str]

    def nodes(self, module: Module | None = None) -> Counter[str]:
        """Counts the model calls of each node, or only those that carried the module's text."""
        calls = (call for call in self.calls if call.kind == "model")
        return Counter(call.node for call in calls if module is None or module.name in call.modules)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The outcome of one replay.

    `arrived` are the modules whose marks reached a model. `wrong` gives the reason for those whose marks should have
    and did not, or changed something else. `calls` are the model calls without the marks. `failed` means that the
    replay did not come to its end.
    """

    arrived: frozenset[str]
    wrong: Mapping[str, NoEffect]
    calls: Counter[Sent]
    failed: bool

    @property
    def nodes(self) -> Counter[str]:
        """Counts the model calls of each node."""
        return Counter(one.node for one in self.calls.elements())


class MarkedReplay:
    """The replays of one recording. `bind` makes the graph with other texts."""

    def __init__(self, recording: Recording, survey: Survey, bind: Bind, options: RunnerOptions) -> None:
        self._recording = recording
        self._survey = survey
        self._bind = bind
        self._options = options
        self._own = {module.name: recording.texts.get(module.name, module.text) for module in survey.modules}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._unchanged: Counter[Sent] = Counter()
        self._varying: set[str] = set()
        """Nodes that send something else each time, such as the time, or nothing a second time."""

    async def verdicts(self, names: Sequence[str]) -> dict[str, NoEffect | None]:
        """Decides for the named modules whether a new text takes effect: `None`, or the reason why it does not.

        Modules that the recording cannot decide are left out.
        """
        control = await self._replayed(())
        if control.failed:
            return {}
        self._unchanged, recorded = control.calls, self._recording.nodes()
        self._varying = {node for node, count in recorded.items() if control.nodes[node] != count}
        found = await self._decided(names)
        if altering := [name for name, reason in found.items() if reason == "alters"]:
            again = (await self._replayed(())).calls
            self._varying |= {one.node for one in (again - control.calls) + (control.calls - again)}
            found |= await self._decided(altering)
        return found

    async def _decided(self, names: Sequence[str]) -> dict[str, NoEffect | None]:
        """Marks all texts at once, then the undecided ones in ever smaller groups, as one mark may hinder another."""
        outcome = await self._replayed(names)
        found: dict[str, NoEffect | None] = dict.fromkeys(outcome.arrived)
        undecided = [n for n in names if n in outcome.wrong or (outcome.failed and n not in outcome.arrived)]
        if not undecided:
            return found
        if len(names) == 1:
            if names[0] not in outcome.arrived and names[0] in (await self._replayed(names, in_front=True)).arrived:
                return {names[0]: None}  # the program cuts the end off
            return dict(outcome.wrong) if names[0] in outcome.arrived or not outcome.failed else {names[0]: "breaks"}
        half = len(undecided) // 2 if len(undecided) == len(names) else len(undecided)
        for group in filter(None, (undecided[:half], undecided[half:])):
            found |= await self._decided(group)
        return found

    async def _replayed(self, names: Sequence[str], in_front: bool = False) -> _Outcome:
        """Replays the recording with marks at the ends of the texts, or in front of them."""
        marks = {name: _mark(number) for number, name in enumerate(names)}
        texts = {n: f"{mark} {self._own[n]}" if in_front else f"{self._own[n]} {mark}" for n, mark in marks.items()}
        texts = {name: text for name, text in texts.items() if self._survey.check(name, text) is None}
        replay = Replay(self._recording.watched, _unmarked)
        failed = await self._fails(replay, {**self._recording.texts, **texts}, marked=bool(names))
        carrying = {name: [one for one in replay.sent if one.contains(marks[name])] for name in texts}
        wrong = {
            module.name: reason
            for module in self._survey.modules
            if module.name in texts
            if (reason := self._wrong(module, replay.sent, carrying[module.name])) is not None
        }
        arrived = frozenset(name for name, calls in carrying.items() if calls)
        return _Outcome(arrived, wrong, Counter(map(_without_marks, replay.sent)), failed)

    async def _fails(self, replay: Replay, texts: Texts, *, marked: bool) -> bool:
        """Whether the graph with these texts fails; with marks, going another way than recorded is no failure."""
        with replaying(replay), tracing_context(enabled=False):
            try:
                unscored = await run(self._bind(texts), self._recording.example, self._options, scored=False)
            except (ReplayEnded, Error):
                return not marked
            except Exception as failure:  # noqa: BLE001 - of the user's classes, when they are made again
                return not marked or not self._options.is_world_failure(failure)
            return unscored.error is not None

    def _wrong(self, module: Module, sent: Sequence[Sent], carrying: Sequence[Sent]) -> NoEffect | None:
        """Why the module's mark did not arrive where it should have, or that it changed something else."""
        if carrying:
            same = any(one.node in self._varying or _without_marks(one) in self._unchanged for one in carrying)
            return None if same else "alters"
        if self._is_stale(module, sent):
            return "stale"
        before = self._recording.nodes(module)
        again = Counter(one.node for one in sent)
        injected = bool(module.note) and bool(before)
        return "varies" if injected and all(again[node] >= count for node, count in before.items()) else None

    def _is_stale(self, module: Module, sent: Sequence[Sent]) -> bool:
        """Whether its unchanged text was sent, and cannot be taken for another module's."""
        parts = self._literals(module)
        return (
            sum(map(matching.letters, parts)) >= attribution.ELSEWHERE
            and any(
                matching.carries(single_spaced(_unmarked(text)), parts, module.style)
                for one in sent
                if module.kind != "prompt" or not module.nodes or one.node in module.nodes
                for text in one.texts
            )
            and not any(o is not module and _are_within(parts, self._literals(o)) for o in self._survey.modules)
        )

    def _literals(self, module: Module) -> tuple[str, ...]:
        """The module's text between its placeholders."""
        if module.name not in self._parts:
            self._parts[module.name] = single_spaced_literals(module, self._own[module.name])
        return self._parts[module.name]


def _are_within(parts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each part of a text is contained in a part of another text."""
    return all(any(part in other for other in others) for part in parts)


def _mark(number: int) -> str:
    """A word that occurs in no text. It has letters only, so that no template language or markup gives it a meaning."""
    return "gepaqz" + "".join(chr(ord("a") + number // 26**place % 26) for place in (2, 1, 0)) + "zq"


def _unmarked(text: str) -> str:
    return _MARK.sub("", text)


def _without_marks(sent: Sent) -> Sent:
    return Sent(sent.node, tuple(single_spaced(_unmarked(text)) for text in sent.texts))


_MARK = re.compile(r"[\s_-]?gepaqz[a-z]{3}zq", re.IGNORECASE)
