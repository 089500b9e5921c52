"""How much better a candidate is than another, as far as the scores on the pareto set tell."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from langgraph_gepa.search.pool import Pool

Verdict = Literal["better", "worse", "same", "unknown"]

MARGIN = 0.02
"""Differences this small, as a share of the spread of scores, are no difference to a user."""


@dataclass(frozen=True, slots=True)
class Advantage:
    """`difference` in score, and where it lies with the probability asked for.

    `same` says that the whole interval is within the margin, `unknown` that it holds too
    little and too much for a verdict: more rollouts would tell.
    """

    verdict: Verdict
    difference: float
    low: float
    high: float


def advantage(pool: Pool, id: int, against: int = 0, *, level: float = 0.95, margin: float = MARGIN) -> Advantage:
    """Candidate `id` compared to `against`, the seed by default, through the posterior."""
    posterior = pool.posterior
    mean, sd = posterior.difference(id, against)
    half = NormalDist().inv_cdf(0.5 + level / 2) * sd
    low, high = mean - half, mean + half
    return Advantage(_verdict(low, high, margin * posterior.width), mean, low, high)


def _verdict(low: float, high: float, margin: float) -> Verdict:
    if -margin <= low and high <= margin:
        return "same"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "unknown"
