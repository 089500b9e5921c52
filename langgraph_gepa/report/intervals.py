"""How sure a mean is: 95 % intervals that hold for a handful of examples, the same on every call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, sqrt
from typing import Literal

import numpy as np

from langgraph_gepa.search.algebra import Array
from langgraph_gepa.search.score import Scale, nothing, scale_of

_Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
_DRAWS = 600_000
_MANY = 300


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` examples with its 95 % interval, which always holds the mean and is never of zero width.

    `width` is the distance between the lowest and the highest score of the scale.
    """

    mean: float
    low: float
    high: float
    n: int
    width: float = 1.0

    @property
    def side(self) -> Literal[-1, 0, 1]:
        """The sign of all it holds; 0 where it holds zero, or comes so close that a report shows zero."""
        none = nothing(self.width)
        return 1 if self.low >= none else -1 if self.high <= -none else 0

    def to_json(self) -> dict[str, float]:
        return {"mean": self.mean, "low": self.low, "high": self.high, "n": self.n}


def estimate(scores: Sequence[float], scale: Scale | None = None) -> Interval | None:
    """The mean score; `None` without scores.

    Scores that are all 0 or 1 get Wilson's interval, others the one of `_bayesian`.
    """
    if not scores:
        return None
    if all(score in (0, 1) for score in scores):
        return _wilson(fsum(scores), len(scores))
    low, high = scale or scale_of(scores)
    return _bayesian(scores, fsum(scores) / len(scores), low, high, high - low)


def difference(before: Sequence[float], after: Sequence[float], scale: Scale | None = None) -> Interval | None:
    """The mean change from `before` to `after`, paired by position; `None` without pairs.

    Pairing takes the difficulty of the single examples out of the interval.
    """
    changes = [new - old for old, new in zip(before, after, strict=True)]
    if not changes:
        return None
    low, high = scale or scale_of((*before, *after))
    return _bayesian(changes, 0.0, low - high, high - low, high - low)


def _wilson(successes: float, n: int) -> Interval:
    share = successes / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), n)


def _bayesian(values: Sequence[float], origin: float, low: float, high: float, width: float) -> Interval:
    """The Bayesian bootstrap (Rubin 1981) with half an observation added beyond either end of what was seen.

    A plain bootstrap takes the values seen for all there are: with 8 to 12 of them its interval holds the mean in
    89 % of cases, and has no width where all are equal. The added observations stand for what was not seen yet. For
    values of 0 and 1 that is the Beta posterior with Jeffreys' prior. `width` is how far from `origin` values can
    lie. Measured in `evals/bench/intervals.py`.
    """
    n, mean = len(values), fsum(values) / len(values)
    seen = np.sort(np.asarray(values, dtype=float))  # the order in which rollouts ended says nothing
    far = float(np.abs(seen - origin).max()) / width
    skew = _skewness(seen) if far > 1e-9 else 0.0
    beyond = [min(max(origin + side * width * _distance(far, n, side * skew), low), high) for side in (-1.0, 1.0)]
    lowest, highest = _ends(np.append(seen, beyond), n)
    return Interval(mean, max(low, min(lowest, mean)), min(high, max(highest, mean)), n, width)


def _ends(values: Array, n: int) -> tuple[float, float]:
    """The interval of the mean of `n` values and two added ones, under Dirichlet weights."""
    if n > _MANY:  # its mean is as good as normal, with moments that are known
        shares = _shape(n) / _shape(n).sum()
        mean = float(shares @ values)
        half = _Z * sqrt(float(shares @ (values - mean) ** 2) / (n + 1))
        return mean - half, mean + half
    low, high = np.quantile(_weights(n) @ values, (0.025, 0.975))
    return float(low), float(high)


def _shape(n: int) -> Array:
    """As a sample's variance divides by n - 1, its observations weigh a little less than one each."""
    return np.array([(n - 1) / n] * n + [0.5, 0.5])


@lru_cache(maxsize=2)
def _weights(n: int) -> Array:
    """Draws of the weights, a row each."""
    drawn: Array = np.random.default_rng(0).standard_gamma(_shape(n), (min(4_000, _DRAWS // n), n + 2))
    drawn /= drawn.sum(1, keepdims=True)
    return drawn


def _distance(far: float, n: int, skew: float) -> float:
    """How far out the added observation lies: between the farthest value seen and the farthest there can be.

    It is farther for fewer values, and on the side of the longer tail. All in units of the farthest there can be.
    """
    if far <= 1e-9:
        return 1.0
    share = min(1.0, 1 / max(1, n - 1) + min(1.0, max(0.0, skew)) / 2)
    return float(far ** (1 - share))


def _skewness(values: Array) -> float:
    centred = values - values.mean()
    variance = float((centred**2).mean())
    return float((centred**3).mean()) / variance**1.5 if variance > 0 else 0.0
