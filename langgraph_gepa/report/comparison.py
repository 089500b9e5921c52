"""Compares the best candidate with the seed, example by example: scores, outputs and feedback."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import Leakage
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.report.intervals import Interval, difference
from langgraph_gepa.report.progress import Journal
from langgraph_gepa.report.words import clip
from langgraph_gepa.search.score import Scale

LoadRollout = Callable[[str], Rollout | None]
"""The whole rollout under a ledger key, `None` when the run has lost it."""

Rollouts = Mapping[str, Sequence[RolloutFinished]]
"""A candidate's rollouts by example."""

Fields = tuple[tuple[str, str], ...]
"""A state in brief: the name and the text of each field, in order."""

FIELD = 700
"""Characters of a field that are shown."""

_FLAT = 120
"""Characters up to which JSON stays on one line."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one candidate did on an example. Only the score is set where the rollout was not loaded."""

    score: float
    outputs: Fields = ()
    comment: str = ""
    by_module: Fields = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An example scored with the seed and with the best candidate."""

    example: str
    before: Side
    after: Side
    inputs: Fields = ()

    @property
    def delta(self) -> float:
        return self.after.score - self.before.score


@dataclass(frozen=True, slots=True)
class Comparison:
    """The seed and the best candidate on the examples of a set that both were run on, in the order of the set.

    `better` and `worse` are those shown in full, the largest change first. `learned` counts the examples that were
    learned from; `difference` is the mean change on the others, or on all where there are no others: on held-out test
    the paired one, on validation the one to expect on new examples (see `Advantage`), and `None` where the best
    candidate is the seed.
    """

    subset: Literal["pareto", "test"]
    changes: tuple[Change, ...]
    better: tuple[Change, ...]
    worse: tuple[Change, ...]
    difference: Interval | None
    learned: int = 0

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
    rollouts are loaded only of at most `detailed` examples that got better and as many that got worse.
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
    both = [id for id in ids if id in before and id in after]
    changes = [Change(id, Side(_mean(before[id])), Side(_mean(after[id]))) for id in both]
    learned = source.leaks.learned.get(subset, frozenset())
    fresh = [change for change in changes if change.example not in learned] or changes
    scores = [change.before.score for change in fresh], [change.after.score for change in fresh]
    inputs = {example.id: example.inputs for example in source.examples.get(subset, ())}

    def detailed(sign: int) -> tuple[Change, ...]:
        ranked = sorted((change for change in changes if sign * change.delta > 0), key=lambda c: -abs(c.delta))
        return tuple(
            _detailed(change, source.load, inputs.get(change.example), before, after)
            for change in ranked[: source.detailed]
        )

    return Comparison(
        subset,
        tuple(changes),
        detailed(1),
        detailed(-1),
        None if seed.id == best.id else difference(*scores, source.scale),
        sum(change.example in learned for change in changes),
    )


def _detailed(change: Change, load: LoadRollout, inputs: Any, before: Rollouts, after: Rollouts) -> Change:
    """The change with its inputs, and with what both candidates did."""
    fields = skim(inputs) if inputs is not None else ()
    old, new = (load(rollouts[change.example][0].ledger) for rollouts in (before, after))
    return Change(
        change.example, _side(change.before.score, old, fields), _side(change.after.score, new, fields), fields
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


def _side(score: float, rollout: Rollout | None, inputs: Fields) -> Side:
    """What a candidate did, without the fields of the final state that are unchanged inputs."""
    if rollout is None:
        return Side(score)
    return Side(
        score,
        tuple(field for field in skim(rollout.outputs) if field not in inputs) if rollout.outputs is not None else (),
        clip(rollout.feedback.comment, 2 * FIELD),
        tuple((name, clip(text, FIELD)) for name, text in rollout.feedback.by_module.items()),
        clip(rollout.error or "", FIELD),
    )


def _rollouts(journal: Journal, subset: Subset, texts: str) -> dict[str, list[RolloutFinished]]:
    found: dict[str, list[RolloutFinished]] = {}
    for _, event in journal:
        if isinstance(event, RolloutFinished) and event.subset == subset and event.texts == texts:
            found.setdefault(event.example, []).append(event)
    return found


def _mean(rollouts: Sequence[RolloutFinished]) -> float:
    return fsum(rollout.score for rollout in rollouts) / len(rollouts)
