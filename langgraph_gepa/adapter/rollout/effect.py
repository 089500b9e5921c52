"""Proof that a module's new text reaches a model, from rollouts that were run anyway.

A recorded rollout is run again with a mark at the end of each text and the models' replies replayed, which costs
no model call. A text whose mark arrives takes effect. One that arrives without its mark is a copy that was made
before the change, such as a schema that was frozen when a model was bound.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.outputs import ChatGeneration, LLMResult
from langsmith.run_helpers import tracing_context

from langgraph_gepa.adapter.observed.sightings import seen
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.replay import Replay, ReplayEnded, Sent, replaying
from langgraph_gepa.adapter.rollout.runner import Graph, UnscoredRollout, run
from langgraph_gepa.adapter.tracing import attribution
from langgraph_gepa.adapter.tracing.message_text import single_spaced, single_spaced_literals
from langgraph_gepa.adapter.tracing.payloads import first_generation
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core import matching
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.errors import Error
from langgraph_gepa.reflection.relevance import ran_unseen

_TRIES = 3
"""Recordings on which a module is tried before it is left undecided."""


class Surveyed(Protocol):
    """What is known of a graph, and which texts may stand in it."""

    @property
    def modules(self) -> tuple[Module, ...]: ...

    def check(self, name: str, text: str) -> str | None: ...


Bind = Callable[[Texts], Graph]


@dataclass(frozen=True, slots=True)
class Recording:
    """A rollout to replay: its texts, its calls with their outcomes, and the modules it is to decide."""

    texts: Texts
    example: Example
    watched: Sequence[WatchedCall]
    calls: Sequence[Call]
    used: frozenset[str]

    def nodes(self, module: Module | None = None) -> Counter[str]:
        """How often each node called a model, or sent the module's text to one."""
        calls = (call for call in self.calls if call.kind == "model")
        return Counter(call.node for call in calls if module is None or module.name in call.modules)


class Effects:
    """Decides for each of `names`, once, whether a new text of it takes effect.

    `keep` is given rollouts as they end and holds on to those that decide something; `settle` replays them.
    `bind` makes the graph with given texts. `arrived` are the modules of which a new text was seen to reach a model,
    whether or not the recorded calls could be told to carry it; `None` until a replay went through.
    """

    def __init__(self, surveyed: Surveyed, names: Iterable[str], bind: Bind, options: RunnerOptions) -> None:
        self._surveyed = surveyed
        self._bind = bind
        self._options = options
        self._names = tuple(names)
        self._open = dict.fromkeys(self._names)
        self._tries: Counter[str] = Counter()
        self._recordings: list[Recording] = []
        self._one_at_a_time = asyncio.Lock()
        self.arrived: set[str] | None = None

    def keep(self, texts: Texts, example: Example, unscored: UnscoredRollout, rollout: Rollout) -> None:
        """Records `unscored` where it used modules not yet decided; `rollout` is what is kept of it.

        Not one in which models may have been called past LangChain: they would be called again.
        """
        used = {name for call in rollout.calls for name in call.modules if self._tries[name] < _TRIES}
        used &= self._open.keys()
        if (
            used
            and unscored.error is None
            and all(map(_replayable, unscored.watched))
            and not self._unseen(texts, rollout)
        ):
            self._tries.update(used)
            self._recordings.append(Recording(texts, example, unscored.watched, rollout.calls, frozenset(used)))

    def _unseen(self, texts: Texts, rollout: Rollout) -> bool:
        """Whether a node used one of the modules, and no call that carries it was seen anywhere."""
        modules = [module for module in self._surveyed.modules if module.name in self._names]
        said = {module.name: texts.get(module.name, module.text) for module in modules}
        carried = seen(rollout.calls, modules, said)
        return any(module.name not in carried and ran_unseen(module, rollout) for module in modules)

    async def settle(self) -> dict[str, NoEffect]:
        """The modules that what was recorded proves to have no effect. They are not decided again."""
        async with self._one_at_a_time:
            found: dict[str, NoEffect] = {}
            while self._recordings and self._open:
                recording = self._recordings.pop()
                if not recording.used & self._open.keys():
                    continue
                probe = _Probe(recording, self._surveyed, self._bind, self._options)
                judged = await probe.judged(list(self._open))
                if judged:
                    self.arrived = (self.arrived or set()) | {name for name, why in judged.items() if why is None}
                for name, why in judged.items():
                    if why is None:
                        found.pop(name, None)
                        self._open.pop(name, None)
                    else:
                        found[name] = why
            self._recordings.clear()
            for name in found:
                self._open.pop(name, None)
            return found


def _replayable(seen: WatchedCall) -> bool:
    """Not a call of a model that only completes text: those are not replayed."""
    return not isinstance(seen.outcome, LLMResult) or isinstance(first_generation(seen.outcome), ChatGeneration)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of a replay: the modules whose mark arrived, those of which it should have or had others on the way, with why;
    the calls without marks; and whether the replay failed."""

    arrived: frozenset[str]
    wrong: Mapping[str, NoEffect]
    calls: Counter[Sent]
    failed: bool

    @property
    def nodes(self) -> Counter[str]:
        """How often each node called a model."""
        return Counter(one.node for one in self.calls.elements())


class _Probe:
    """The replays of one recording."""

    def __init__(self, recording: Recording, surveyed: Surveyed, bind: Bind, options: RunnerOptions) -> None:
        self._recording = recording
        self._surveyed = surveyed
        self._bind = bind
        self._options = options
        self._own = {module.name: recording.texts.get(module.name, module.text) for module in surveyed.modules}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._unchanged: Counter[Sent] = Counter()
        self._varying: set[str] = set()
        """Nodes that send something else each time, such as the time, or nothing a second time."""

    async def judged(self, names: Sequence[str]) -> dict[str, NoEffect | None]:
        """`None` for a module whose new text arrives, the reason for one that is of no use; others are not decided."""
        control = await self._replayed(())
        if control.failed:
            return {}
        self._unchanged, recorded = control.calls, self._recording.nodes()
        self._varying = {node for node, count in recorded.items() if control.nodes[node] != count}
        found = await self._judged(names)
        if altering := [name for name, why in found.items() if why == "alters"]:
            again = (await self._replayed(())).calls
            self._varying |= {one.node for one in (again - control.calls) + (control.calls - again)}
            found |= await self._judged(altering)
        return found

    async def _judged(self, names: Sequence[str]) -> dict[str, NoEffect | None]:
        """All are tried at once, then those in doubt in ever smaller groups: one may get in another's way."""
        outcome = await self._replayed(names)
        found: dict[str, NoEffect | None] = dict.fromkeys(outcome.arrived)
        doubtful = [n for n in names if n in outcome.wrong or (outcome.failed and n not in outcome.arrived)]
        if not doubtful:
            return found
        if len(names) == 1:
            if names[0] not in outcome.arrived and names[0] in (await self._replayed(names, before=True)).arrived:
                return {names[0]: None}  # the program cuts the end off
            return dict(outcome.wrong) if names[0] in outcome.arrived or not outcome.failed else {names[0]: "breaks"}
        half = len(doubtful) // 2 if len(doubtful) == len(names) else len(doubtful)
        for group in filter(None, (doubtful[:half], doubtful[half:])):
            found |= await self._judged(group)
        return found

    async def _replayed(self, names: Sequence[str], before: bool = False) -> _Outcome:
        """`before` puts the marks in front of the texts rather than behind them."""
        marks = {name: _mark(place) for place, name in enumerate(names)}
        texts = {n: f"{mark} {self._own[n]}" if before else f"{self._own[n]} {mark}" for n, mark in marks.items()}
        texts = {name: text for name, text in texts.items() if self._surveyed.check(name, text) is None}
        replay = Replay(self._recording.watched, _unmarked)
        failed = False
        with replaying(replay), tracing_context(enabled=False):
            try:
                graph = self._bind({**self._recording.texts, **texts})
                failed = (await run(graph, self._recording.example, self._options, scored=False)).error is not None
            except (ReplayEnded, Error):
                failed = not names
            except Exception as failure:  # noqa: BLE001 - of the user's classes, when they are made again
                failed = not names or not self._options.is_world_failure(failure)
        carrying = {name: [one for one in replay.sent if one.holds(marks[name])] for name in texts}
        wrong = {
            module.name: why
            for module in self._surveyed.modules
            if module.name in texts
            if (why := self._wrong(module, replay.sent, carrying[module.name])) is not None
        }
        arrived = frozenset(name for name, calls in carrying.items() if calls)
        return _Outcome(arrived, wrong, Counter(map(_without_marks, replay.sent)), failed)

    def _wrong(self, module: Module, sent: Sequence[Sent], carrying: Sequence[Sent]) -> NoEffect | None:
        """Why the module's mark did not arrive, where it should have, or what else changed where it did."""
        if carrying:
            same = any(one.node in self._varying or _without_marks(one) in self._unchanged for one in carrying)
            return None if same else "alters"
        return self._lost(module, sent)

    def _lost(self, module: Module, sent: Sequence[Sent]) -> NoEffect | None:
        """Why the module's mark did not arrive, where it should have."""
        if self._stale(module, sent):
            return "stale"
        before = self._recording.nodes(module)
        again = Counter(one.node for one in sent)
        served = bool(module.note) and bool(before)
        return "varies" if served and all(again[node] >= count for node, count in before.items()) else None

    def _stale(self, module: Module, sent: Sequence[Sent]) -> bool:
        """Whether its unchanged text was sent, where no other module's text can have been taken for it."""
        parts = self._said(module)
        return (
            sum(map(matching.letters, parts)) >= attribution.ELSEWHERE
            and any(
                matching.carries(single_spaced(_unmarked(text)), parts, module.style)
                for one in sent
                if module.kind != "prompt" or not module.nodes or one.node in module.nodes
                for text in one.texts
            )
            and not any(o is not module and _within(parts, self._said(o)) for o in self._surveyed.modules)
        )

    def _said(self, module: Module) -> tuple[str, ...]:
        """What the module's text says between its placeholders."""
        if module.name not in self._parts:
            self._parts[module.name] = single_spaced_literals(module, self._own[module.name])
        return self._parts[module.name]


def _within(parts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each of the parts stands in another text as well."""
    return all(any(part in other for other in others) for part in parts)


def _mark(number: int) -> str:
    """A word that no text has. Letters only, so that it means nothing to any template language or markup."""
    return "gepaqz" + "".join(chr(ord("a") + number // 26**place % 26) for place in (2, 1, 0)) + "zq"


def _unmarked(text: str) -> str:
    return _MARK.sub("", text)


def _without_marks(sent: Sent) -> Sent:
    return Sent(sent.node, tuple(single_spaced(_unmarked(text)) for text in sent.texts))


_MARK = re.compile(r"[\s_-]?gepaqz[a-z]{3}zq", re.IGNORECASE)
