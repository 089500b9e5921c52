"""How sure a mean is. Standard library only, and the same numbers on every call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from random import Random

_Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
_DRAWS = 600_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` examples with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def estimate(scores: Sequence[float]) -> Interval | None:
    """The mean score; `None` without scores.

    Scores that are all 0 or 1 get Wilson's interval, which stays honest when every one is
    the same; others the percentile bootstrap over examples.
    """
    if scores and all(score in (0, 1) for score in scores):
        return _wilson(fsum(scores), len(scores))
    return _bootstrap(scores)


def difference(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """The mean change from `before` to `after`, paired by position: the percentile bootstrap over pairs.

    Pairing takes the difficulty of the single examples out of the interval.
    """
    return _bootstrap([new - old for old, new in zip(before, after, strict=True)])


def _wilson(successes: float, n: int) -> Interval:
    share = successes / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), n)


def _bootstrap(values: Sequence[float]) -> Interval | None:
    """Efron's percentile interval from 1,000 to 5,000 resamples, fewer for more values."""
    if not values:
        return None
    n = len(values)
    mean = fsum(values) / n
    rng = Random(0)
    resamples = max(1_000, min(5_000, _DRAWS // n))
    means = sorted(sum(rng.choices(values, k=n)) / n for _ in range(resamples))
    low, high = means[round(0.025 * (resamples - 1))], means[round(0.975 * (resamples - 1))]
    return Interval(mean, min(low, mean), max(high, mean), n)
