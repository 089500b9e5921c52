"""Computes the score that is shown for a candidate, and the scale it is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from langgraph_gepa.search.pool import Pool

_NOTHING = 0.0005
"""Scores are shown with three decimals: an interval that ends closer to zero than this appears to hold zero."""

Scale = tuple[float, float]
"""The lowest and the highest possible score, as far as is known."""


def nothing(width: float = 1.0) -> float:
    """Returns the difference below which there is none to report, for scores on a scale of this width."""
    return _NOTHING * min(1.0, width)


@dataclass(frozen=True, slots=True)
class Score:
    """The mean over the `of` examples of the pareto set: measured on `n` of them, estimated on the others."""

    value: float
    n: int
    of: int

    @property
    def estimated(self) -> bool:
        return self.n < self.of


def score_of(pool: Pool, id: int) -> Score:
    """Returns the score of candidate `id`: measured if it ran on the whole pareto set, otherwise estimated.

    When a posterior judges, examples that it did not run on count as its posterior worth and their difficulty for the
    others predict. Otherwise they count as the mean over the examples that it ran on.
    """
    scores, of = pool.scores(pool.candidates[id]), len(pool.pareto_set)
    known = list(scores.values())
    if len(known) < of and pool.started is not None and pool.started.judged_by == "posterior":
        expected = pool.posterior.expected(id, *pool.tables())
        known += [float(expected[place]) for place, example in enumerate(pool.pareto_set) if example not in scores]
    return Score(fsum(known) / len(known) if known else 0.0, len(scores), of)


def scale_of(scores: Iterable[float], perfect: float = 1.0) -> Scale:
    """Returns the scale from 0 to a perfect score, extended to the scores that were seen."""
    seen = [0.0, perfect, *scores]
    return min(seen), max(seen)
