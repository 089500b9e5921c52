"""The one number that is shown for a candidate, and the scale it is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from langgraph_gepa.search.pool import Pool

NOTHING = 0.0005
"""Scores are shown with three decimals: an interval that ends closer to zero than this reads as if it held zero."""

Scale = tuple[float, float]
"""The lowest and the highest score there can be, as far as is known."""


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
    """What candidate `id` scores: measured where it was run on the whole pareto set, estimated elsewhere.

    In a race, examples it was not run on count as its posterior worth and their own difficulty, which the scores of
    the others tell, lead to expect. Elsewhere the mean over those it was run on stands for the rest.
    """
    scores, of = pool.scores(pool.candidates[id]), len(pool.pareto_set)
    known = list(scores.values())
    if len(known) < of and pool.started is not None and pool.started.judged_by == "posterior":
        expected = pool.posterior.expected(id, *pool.tables())
        known += [float(expected[place]) for place, example in enumerate(pool.pareto_set) if example not in scores]
    return Score(fsum(known) / len(known) if known else 0.0, len(scores), of)


def scale_of(scores: Iterable[float], perfect: float = 1.0) -> Scale:
    """From 0 to a perfect score, or as far beyond as scores were seen."""
    seen = [0.0, perfect, *scores]
    return min(seen), max(seen)
