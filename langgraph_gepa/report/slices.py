"""Scores by the examples' metadata: where the best candidate gained, and where it lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from langgraph_gepa.core.example import Example
from langgraph_gepa.report import words
from langgraph_gepa.report.intervals import Interval, difference
from langgraph_gepa.search.score import Scale

VALUES = 20
"""A field with more values than this is taken for a name or a measurement, which forms no groups."""
MOST = 40
"""How many slices are compared at most: those with the most examples."""
FEW = 6
"""With fewer examples than this a change may be chance, whatever its interval."""
FEWEST = 3
"""A slice with fewer examples is never reported as worse: some slice of one or two examples always is."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The examples whose metadata have a value in a field, with the mean scores of the seed and of the best there."""

    field: str
    value: str
    examples: frozenset[str]
    before: float
    after: float
    change: Interval


def slices_of(
    scores: Mapping[str, tuple[float, float]], examples: Iterable[Example], scale: Scale
) -> tuple[Slice, ...]:
    """The slices of the examples with scores (of the seed and of the best), by field, the largest of each first.

    A field is one to slice by when its values are texts, whole numbers or truth values, when at least two and at most
    `VALUES` of them occur, and when examples share them: half as many values as examples, at most.
    """
    members: dict[str, dict[str, list[str]]] = {}
    for example in examples:
        if example.id in scores:
            for field, value in example.metadata.items():
                if isinstance(value, str | bool | int):
                    members.setdefault(str(field), {}).setdefault(str(value), []).append(example.id)
    chosen = [
        (field, value, ids)
        for field, groups in members.items()
        if 2 <= len(groups) <= min(VALUES, sum(map(len, groups.values())) // 2)
        for value, ids in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    kept = sorted(chosen, key=lambda one: -len(one[2]))[:MOST]
    return tuple(_slice(*one, scores, scale) for one in chosen if one in kept)


def _slice(
    field: str, value: str, ids: Sequence[str], scores: Mapping[str, tuple[float, float]], scale: Scale
) -> Slice:
    before, after = ([scores[id][side] for id in ids] for side in (0, 1))
    change = difference(before, after, scale)
    if change is None:
        raise ValueError("a slice has examples")
    return Slice(field, value, frozenset(ids), fsum(before) / len(ids), fsum(after) / len(ids), change)


def worst(slices: Sequence[Slice]) -> Slice | None:
    """Returns the slice that got worse with the most certainty, `None` if none with enough examples did."""
    worse = [one for one in slices if one.change.mean < 0 and one.change.n >= FEWEST]
    return min(worse, key=lambda one: (one.change.side if one.change.n >= FEW else 0, one.change.mean), default=None)


def warning(slices: Sequence[Slice]) -> str:
    """Names the slice that got worse, and how sure that is; empty where none did."""
    slice = worst(slices)
    if slice is None:
        return ""
    change = slice.change
    sure = change.side < 0 and change.n >= FEW
    why = "its interval includes zero" if change.n >= FEW else "so few say little"
    hedge = f"the lowest of {words.plural(len(slices), 'slice')}" if sure else f"which may be chance: {why}"
    return (
        f"Where {slice.field} is {words.one_line(slice.value, 60)}, the score fell: {words.signed(change.mean)} on "
        f"{words.plural(change.n, 'example')} (95 % interval {words.signed(change.low)} to "
        f"{words.signed(change.high)}), {hedge}."
    )
