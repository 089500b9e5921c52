"""Calibrates a critic against the edits that were tried: what its opinion of an edit tells about the outcome.

    P(an edit that is tried proves better) = sigmoid(level + weight * lead)

The lead of an edit is by how much its chances, as the critic gave them, exceed the critic's average. Level and weight
are the mode of their posterior given the edits tried so far (a logistic regression with Gaussian priors). A critic that
is no better than chance comes to a weight near 0, and is then ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist

from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.search.attempts import Attempt

LEVEL, LEVEL_SD = log(0.25 / 0.75), 1.0
"""The prior of the level: one edit in four proves better."""

WEIGHT, WEIGHT_SD = 0.0, 0.5
"""The prior of the weight: nothing is known of a critic, which may as well be a coin."""

LEAST = 0.35
"""A critic with a smaller weight is ignored."""

MARGIN = 0.1
"""An edit is doubted when its chance is lower than the critic's average by more than this."""

STEPS = 8
"""Newton steps; the posterior is concave, and they start near its mode."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Critique:
    """A critic calibrated by so many `edits`. `average` is the mean of the chances that it gave so far."""

    average: float = 0.5
    level: float = LEVEL
    weight: float = WEIGHT
    edits: int = 0

    @property
    def trusted(self) -> bool:
        """Whether its opinions tell enough to act on them."""
        return self.weight >= LEAST

    def lead(self, chances: Collection[float]) -> float:
        """Returns by how much the mean of these chances exceeds the critic's average, from -2 to 2; 0 without any."""
        return 2.0 * (sum(chances) / len(chances) - self.average) if chances else 0.0

    def chance(self, chances: Collection[float]) -> float:
        """Returns the calibrated probability that an edit with these chances proves better."""
        return _sigmoid(self.level + self.weight * self.lead(chances))

    def shift(self, chances: Collection[float]) -> float:
        """Returns by how many standard deviations the expected step of an edit differs from that of others."""
        if not chances or not self.trusted:
            return 0.0
        return _NORMAL.inv_cdf(self.chance(chances)) - _NORMAL.inv_cdf(_sigmoid(self.level))

    def doubted(self, opinions: Mapping[str, Opinion]) -> frozenset[str]:
        """Returns the modules whose new texts are unlikely to help; none when the critic is not trusted."""
        if not self.trusted:
            return frozenset()
        return frozenset(name for name, one in opinions.items() if one.chance < self.average - MARGIN)


def calibrated(given: Sequence[float], attempts: Iterable[Attempt]) -> Critique:
    """Returns the critic, which gave these chances so far, as what became of the `attempts` calibrates it."""
    average = (sum(given) + 1.0) / (len(given) + 2.0)
    level, weight = LEVEL, WEIGHT
    edits = [(Critique(average).lead(one.chances), float(one.after > one.before)) for one in attempts if one.chances]
    for _ in range(STEPS if edits else 0):
        slope, tilt = (LEVEL - level) / LEVEL_SD**2, (WEIGHT - weight) / WEIGHT_SD**2
        first, both, second = LEVEL_SD**-2, 0.0, WEIGHT_SD**-2
        for lead, better in edits:
            likely = _sigmoid(level + weight * lead)
            slope += better - likely
            tilt += (better - likely) * lead
            curve = likely * (1.0 - likely)
            first, both, second = first + curve, both + curve * lead, second + curve * lead**2
        size = first * second - both**2
        level += (second * slope - both * tilt) / size
        weight += (first * tilt - both * slope) / size
    return Critique(average, level, max(0.0, weight), len(edits))


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + exp(-value))
