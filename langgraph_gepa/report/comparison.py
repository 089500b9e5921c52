"""Compares the best candidate with the seed, example by example: scores, outputs and feedback."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any, Literal

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import Leakage
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.report.intervals import Interval, difference
from langgraph_gepa.report.progress import Journal
from langgraph_gepa.report.slices import Slice, slices_of
from langgraph_gepa.report.trace import Fields, Trace, first_difference, trace_of
from langgraph_gepa.report.words import clip
from langgraph_gepa.search.score import Scale

LoadRollout = Callable[[str], Rollout | None]
"""The whole rollout under a ledger key, `None` when the run has lost it."""

Rollouts = Mapping[str, Sequence[RolloutFinished]]
"""A candidate's rollouts by example."""

FIELD = 700
"""The most characters that are shown of a field."""

_FLAT = 120
"""JSON with at most this many characters stays on one line."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one candidate did on an example.

    If the rollout was not loaded, only `score` and `ledger`, the key of the first rollout, are set.
    """

    score: float
    ledger: str = ""
    outputs: Fields = ()
    comment: str = ""
    by_module: Fields = ()
    error: str = ""
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An example scored with the seed and with the best candidate.

    `first` is the number of the call in which they first differ; `reference` and `metadata` are the example's.
    """

    example: str
    before: Side
    after: Side
    inputs: Fields = ()
    reference: Fields = ()
    metadata: Fields = ()
    first: int | None = None

    @property
    def kind(self) -> Literal["better", "worse", "same"]:
        return "better" if self.delta > 0 else "worse" if self.delta < 0 else "same"

    @property
    def loaded(self) -> bool:
        """Whether the rollouts of both candidates were loaded."""
        return self.before.trace is not None and self.after.trace is not None

    @property
    def delta(self) -> float:
        return self.after.score - self.before.score


@dataclass(frozen=True, slots=True)
class Comparison:
    """The seed and the best candidate on the examples of a set that both were run on, in the order of the set.

    `better` and `worse` are those shown in full, the largest change first. `learned` counts the examples that were
    learned from; `difference` is the mean change on the others, or on all where there are no others: on held-out test
    the paired one, on validation the one to expect on new examples (see `Advantage`), and `None` where the best
    candidate is the seed. `slices` are the scores by metadata, of the same examples as `difference`.
    """

    subset: Literal["pareto", "test"]
    changes: tuple[Change, ...]
    better: tuple[Change, ...]
    worse: tuple[Change, ...]
    difference: Interval | None
    learned: int = 0
    slices: tuple[Slice, ...] = ()

    def ranked(self, most: int) -> list[Change]:
        """Returns the `most` largest changes: first those that got worse, then those that got better.

        Each is in full if it was loaded.
        """
        known = {change.example: change for change in (*self.better, *self.worse)}
        largest = sorted(self.changes, key=lambda change: -abs(change.delta))[:most]
        worse_first = sorted(largest, key=lambda change: ("worse", "better", "same").index(change.kind))
        return [known.get(change.example, change) for change in worse_first]

    @property
    def counts(self) -> dict[str, int]:
        """How many examples got better, worse, and stayed the same."""
        deltas = [change.delta for change in self.changes]
        better, worse = sum(delta > 0 for delta in deltas), sum(delta < 0 for delta in deltas)
        return {"better": better, "worse": worse, "same": len(deltas) - better - worse}


@dataclass(frozen=True, slots=True)
class Source:
    """What a comparison is made from.

    `examples` are by set, `leaks` says which of them were learned from, and `scale` is that of the scores. Whole
    rollouts are loaded for at most `detailed` examples that got better, and for as many that got worse.
    """

    journal: Journal
    load: LoadRollout
    examples: Mapping[str, Sequence[Example]]
    leaks: Leakage
    scale: Scale
    detailed: int


def compare(
    source: Source, subset: Literal["pareto", "test"], ids: Sequence[str], seed: Candidate, best: Candidate
) -> Comparison:
    """Compares the seed with the best candidate on the examples `ids` of a set."""
    before, after = (_rollouts(source.journal, subset, candidate.key) for candidate in (seed, best))
    examples = {example.id: example for example in source.examples.get(subset, ())}
    changes = [
        _described(Change(id, _scored(before[id]), _scored(after[id])), examples.get(id))
        for id in ids
        if id in before and id in after
    ]
    learned = source.leaks.learned.get(subset, frozenset())
    fresh = [change for change in changes if change.example not in learned] or changes
    scores = [change.before.score for change in fresh], [change.after.score for change in fresh]

    def largest(sign: int) -> tuple[Change, ...]:
        ranked = sorted((change for change in changes if sign * change.delta > 0), key=lambda c: -abs(c.delta))
        return tuple(detailed(change, source.load, FIELD * 2) for change in ranked[: source.detailed])

    return Comparison(
        subset,
        tuple(changes),
        largest(1),
        largest(-1),
        None if seed.id == best.id else difference(*scores, source.scale),
        sum(change.example in learned for change in changes),
        _slices(fresh, examples, source.scale) if seed.id != best.id else (),
    )


def _slices(changes: Sequence[Change], examples: Mapping[str, Example], scale: Scale) -> tuple[Slice, ...]:
    scores = {change.example: (change.before.score, change.after.score) for change in changes}
    return slices_of(scores, examples.values(), scale)


def _described(change: Change, example: Example | None) -> Change:
    if example is None:
        return change
    return replace(
        change,
        inputs=skim(example.inputs),
        reference=() if example.outputs is None else skim(example.outputs),
        metadata=skim(example.metadata),
    )


def detailed(change: Change, load: LoadRollout, limit: int) -> Change:
    """The change with what both candidates did, call by call. Texts of calls are shown up to `limit` characters."""
    old, new = (load(side.ledger) for side in (change.before, change.after))
    return replace(
        change,
        before=_side(change.before, old, change.inputs, limit),
        after=_side(change.after, new, change.inputs, limit),
        first=first_difference(old, new) if old and new else None,
    )


def skim(value: Any) -> Fields:
    """The fields of a state in brief; a list of messages is shown by its last one."""
    if not isinstance(value, Mapping):
        return (("", _short(value)),)
    return tuple((str(name), _short(part)) for name, part in value.items())


def _short(value: Any) -> str:
    if isinstance(value, str):
        return clip(value, FIELD)
    if isinstance(value, list) and value and all(isinstance(item, Mapping) and "content" in item for item in value):
        earlier = f"({len(value) - 1} earlier) " if len(value) > 1 else ""
        return earlier + _short(value[-1]["content"])
    flat = json.dumps(value, ensure_ascii=False, default=str)
    return flat if len(flat) <= _FLAT else clip(json.dumps(value, ensure_ascii=False, indent=1, default=str), FIELD)


def side_of(rollout: Rollout, limit: int) -> Side:
    """One rollout by itself, with its calls."""
    return _side(Side(rollout.score), rollout, (), limit)


def _side(side: Side, rollout: Rollout | None, inputs: Fields, limit: int) -> Side:
    """What a candidate did, without the fields of the final state that are unchanged inputs."""
    if rollout is None:
        return side
    outputs = () if rollout.outputs is None else skim(rollout.outputs)
    return replace(
        side,
        outputs=tuple(field for field in outputs if field not in inputs),
        comment=clip(rollout.feedback.comment, 2 * FIELD),
        by_module=tuple((name, clip(text, FIELD)) for name, text in rollout.feedback.by_module.items()),
        error=clip(rollout.error or "", FIELD),
        trace=trace_of(rollout, limit),
    )


def _rollouts(journal: Journal, subset: Subset, texts: str) -> dict[str, list[RolloutFinished]]:
    found: dict[str, list[RolloutFinished]] = {}
    for _, event in journal:
        if isinstance(event, RolloutFinished) and event.subset == subset and event.texts == texts:
            found.setdefault(event.example, []).append(event)
    return found


def _scored(rollouts: Sequence[RolloutFinished]) -> Side:
    return Side(fsum(rollout.score for rollout in rollouts) / len(rollouts), rollouts[0].ledger)
