"""Which examples the best candidate does better or worse than the seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.report.intervals import Interval, difference
from langgraph_gepa.report.progress import Journal
from langgraph_gepa.report.words import clip
from langgraph_gepa.search.score import Scale

LoadRollout = Callable[[str], Rollout | None]
"""The whole rollout under a ledger key, `None` when the run has lost it."""

Fields = tuple[tuple[str, str], ...]
"""A state as a person skims it: name and text, in order."""

FIELD = 700
"""Characters of one field that are shown."""

_FLAT = 120


@dataclass(frozen=True, slots=True)
class Side:
    """What one candidate did on an example. Empty apart from the score when the rollout was not loaded."""

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
    """Seed and best on one set of examples, those both were run on, in the order of the set.

    `better` and `worse` are shown in full, largest change first, at most `limit` of each. `difference` is on the
    examples that were not learned from, where there are some; `learned` counts the others. On held-out test it is the
    paired one, on validation the one to expect on new examples (see `Advantage`); there is none of the seed to itself.
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


def compare(
    journal: Journal,
    subset: Literal["pareto", "test"],
    ids: Sequence[str],
    seed: Candidate,
    best: Candidate,
    *,
    load: LoadRollout,
    examples: Mapping[str, Example],
    learned: Collection[str] = (),
    scale: Scale = (0.0, 1.0),
    limit: int,
) -> Comparison:
    """Loads whole rollouts only for the examples it shows in full."""
    before, after = _rollouts(journal, subset, seed.key), _rollouts(journal, subset, best.key)
    plain = [Change(id, Side(_mean(before[id])), Side(_mean(after[id]))) for id in ids if id in before and id in after]

    def filled(change: Change) -> Change:
        example = examples.get(change.example)
        inputs = skim(example.inputs) if example else ()
        return Change(
            change.example,
            _side(change.before.score, load(before[change.example][0].ledger), inputs),
            _side(change.after.score, load(after[change.example][0].ledger), inputs),
            inputs,
        )

    fresh = [change for change in plain if change.example not in learned] or plain
    change = difference([c.before.score for c in fresh], [c.after.score for c in fresh], scale)
    ranked = sorted(plain, key=lambda change: -abs(change.delta))
    return Comparison(
        subset,
        tuple(plain),
        tuple(filled(change) for change in [c for c in ranked if c.delta > 0][:limit]),
        tuple(filled(change) for change in [c for c in ranked if c.delta < 0][:limit]),
        None if seed.id == best.id else change,
        sum(change.example in learned for change in plain),
    )


def skim(value: Any) -> Fields:
    """A state's fields in a few words each; of a list of messages the last one."""
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
    """Fields of the final state that still are as they came in are left out."""
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
