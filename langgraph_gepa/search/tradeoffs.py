"""The trade-offs between objectives: candidates of which no other is at least as good in everything that counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from langgraph_gepa.core.objectives import COSTS, LENGTH, SCORE, Direction, Goals, length_of
from langgraph_gepa.search.algebra import Array
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import score_of
from langgraph_gepa.search.tally import average

TURNS = 100
"""Rounds of least squares: more of them do not change the digits that are shown."""

_ROUNDING = 1e-9
"""The share of a score by which rounding may move it."""


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """A candidate's means by objective, over the validation set and over the held-out examples it was run on.

    Validation means are estimates (`estimated`) where the candidate was run on a part of the set.
    """

    candidate: int
    validation: Mapping[str, float]
    test: Mapping[str, float]
    estimated: bool = False


def standings(pool: Pool) -> tuple[Tradeoff, ...]:
    """Returns the means of all candidates that were run on enough of the validation set to be the best."""
    ids = [candidate.id for candidate in pool.candidates if pool.eligible(candidate.id)]
    means = means_of(pool)
    found = []
    for id in ids:
        score, candidate = score_of(pool, id), pool.candidates[id]
        tests = {name: fmean(values.values()) for name, values in pool.objectives.values("test", candidate.key).items()}
        if tested := [average(known) for known in pool.board.tests.get(candidate.key, {}).values()]:
            tests = {SCORE: fmean(tested), **tests, LENGTH: means[id][LENGTH]}
        validation = {SCORE: score.value, **means[id]}
        found.append(Tradeoff(id, validation, tests, score.estimated))
    return tuple(found)


def goals_of(pool: Pool, known: Sequence[Tradeoff]) -> Goals:
    """Returns what counts: the score beside the goals of the search, otherwise beside the dollars, or the tokens."""
    if pool.goals:
        return {SCORE: "max", **pool.goals}
    priced = all(one.validation.get("dollars", 0.0) > 0 for one in known)
    return {SCORE: "max", "dollars" if priced else "tokens": "min"}


def undominated(known: Sequence[Tradeoff], goals: Goals) -> tuple[Tradeoff, ...]:
    """Returns those that no other one dominates, the lowest score first; of equals the earliest."""
    rows = {one.candidate: _row(one, goals) for one in known}
    kept = [
        one
        for one in known
        if not any(
            _dominates(rows[other.candidate], rows[one.candidate])
            or (rows[other.candidate] == rows[one.candidate] and other.candidate < one.candidate)
            for other in known
        )
    ]
    return tuple(sorted(kept, key=lambda one: (rows[one.candidate][0], one.candidate)))


def cheapest(known: Sequence[Tradeoff], by: str, way: Direction, within: float) -> Tradeoff:
    """Returns the candidate that is the best by one objective, among those that score nearly as well as the best one.

    Their score is at most `within` below the highest; `way` says whether low or high values of the objective are
    better. The higher score breaks a tie, then the earlier candidate.
    """
    highest = max(one.validation[SCORE] for one in known)
    bound = highest - within - _ROUNDING * max(abs(highest), within)
    good = [one for one in known if one.validation[SCORE] >= bound]
    return max(good, key=lambda one: (_row(one, {by: way}), one.validation[SCORE], -one.candidate))


def _row(one: Tradeoff, goals: Goals) -> tuple[float, ...]:
    """Returns the values of the goals, the higher the better; one that is not known is the worst."""
    values = ((one.validation.get(name), way) for name, way in goals.items())
    return tuple(float("-inf") if value is None else value if way == "max" else -value for value, way in values)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(ours >= theirs for ours, theirs in zip(one, other, strict=True))


def means_of(pool: Pool, wanted: Collection[str] | None = None) -> list[dict[str, float]]:
    """Returns by candidate the means of its objectives over the validation set, estimated where it did not run.

    These are all objectives but the score, or those that are `wanted`.
    """
    values = [pool.objectives.values("pareto", candidate.key) for candidate in pool.candidates]
    names = {name for known in values for name in known if wanted is None or name in wanted}
    found: list[dict[str, float]] = [{} for _ in values]
    for name in sorted(names, key=lambda name: (name in COSTS, name)):
        table = np.array([[known.get(name, {}).get(id, np.nan) for id in pool.pareto_set] for known in values])
        for id, mean in enumerate(_row_means(table)):
            if np.isfinite(mean):
                found[id][name] = float(mean)
    for candidate, means in zip(pool.candidates, found, strict=True):
        means[LENGTH] = length_of(candidate.texts)
    return found


def _row_means(table: Array) -> Array:
    """Returns the mean of each row of a table with gaps; NaN for a row without a value.

    Gaps are filled by the effect of their row plus that of their column, so that a candidate that ran on the cheap
    examples alone does not appear cheap. Both are fitted by alternating least squares. Columns without a value do not
    count.
    """
    table = table[:, np.isfinite(table).any(0)]
    known = np.isfinite(table)
    values, in_row, in_column = np.nan_to_num(table), np.maximum(known.sum(1), 1), known.sum(0)
    columns = np.zeros(table.shape[1])
    for _ in range(TURNS):
        rows = (values - known * columns).sum(1) / in_row
        columns = (values - known * rows[:, None]).sum(0) / in_column
    filled = np.where(known, values, rows[:, None] + columns)
    means: Array = np.where(known.any(1), filled.mean(1), np.nan)
    return means
