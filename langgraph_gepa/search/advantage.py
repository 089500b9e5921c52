"""Estimates how much better a candidate is than another, given the scores on the pareto set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import NormalDist
from typing import Literal

from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.posterior import Posterior, Prior, fit
from langgraph_gepa.search.score import nothing

Verdict = Literal["better", "worse", "same", "unknown"]

MARGIN = 0.02
"""Smaller differences, as a share of the range of scores, count as none."""

WIDER = 1.15
"""Factor that widens intervals: the posterior's standard deviation treats its step, spread and noise as known exactly.
With it 95 % intervals hold the true difference in 96 % of simulated searches (`evals/bench/choice.py`)."""

WIDE = Prior(spread=0.2, step_weight=2.0)
"""The prior of reports, wider than the search's.

A search does well to doubt a large step until it was seen again; a report should show what all pairs agree on.
"""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Advantage:
    """The expected `difference` in score on new examples, and its interval from `low` to `high`.

    It allows for the choice of one candidate among many by its scores: the posterior shrinks scores of few rollouts
    towards those of the parents. `same` means that the interval holds zero and is within the margin, `unknown` that it
    holds zero and exceeds the margin, so that more rollouts are needed.
    """

    verdict: Verdict
    difference: float
    low: float
    high: float


def advantage(
    posterior: Posterior, id: int, against: int = 0, *, widest: float = 1.0, level: float = 0.95, margin: float = MARGIN
) -> Advantage:
    """Compares candidate `id` to `against`, the seed by default. No difference can be larger than `widest`."""
    mean, sd = posterior.difference(id, against)
    if id == against or sd <= 0:
        return Advantage("same", 0.0, 0.0, 0.0)
    mean, low, high = within(mean, WIDER * sd, -widest, widest, level)
    return Advantage(_verdict(low, high, margin * posterior.width, nothing(posterior.width)), mean, low, high)


def posterior_on(pool: Pool, examples: Collection[str]) -> Posterior:
    """Returns the posterior given the scores on these pareto examples, with the prior of reports."""
    sums, counts = pool.tables()
    columns = [place for place, example in enumerate(pool.pareto_set) if example in examples]
    parents = [candidate.parents for candidate in pool.candidates]
    return fit(parents, sums[:, columns], counts[:, columns], WIDE, scale=pool.scale.range, within=pool.noise.variance)


def within(mean: float, sd: float, lowest: float, highest: float, level: float = 0.95) -> tuple[float, float, float]:
    """Returns mean and interval of a normal variable that is known to lie between two values."""
    mean = min(max(mean, lowest), highest)
    start, end = ((bound - mean) / sd for bound in (lowest, highest))
    below, mass = _NORMAL.cdf(start), _NORMAL.cdf(end) - _NORMAL.cdf(start)
    low, high = (mean + sd * _NORMAL.inv_cdf(below + mass * share) for share in (0.5 - level / 2, 0.5 + level / 2))
    shift = (exp(-start * start / 2) - exp(-end * end / 2)) / sqrt(2 * pi) / mass
    return mean + sd * shift, max(low, lowest), min(high, highest)


def _verdict(low: float, high: float, margin: float, none: float) -> Verdict:
    if low >= none:
        return "better"
    if high <= -none:
        return "worse"
    return "same" if -margin <= low and high <= margin else "unknown"
