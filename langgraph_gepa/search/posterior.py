"""How good candidates are, as far as their scores tell: a Gaussian on the family tree.

The one file of the search that needs numpy. A candidate's worth is drawn around its parent's, an
example's effect is common to all candidates, and what is left is noise:

    worth(seed)  ~ N(seed_mean, seed_sd^2)
    worth(child) ~ N(worth(parent) + step, spread^2)        a merge: around the mean of its two parents
    score        = worth + effect + noise,  effect ~ N(0, effect_sd^2),  noise ~ N(0, noise)

Effects are integrated out. Partly validated candidates are drawn towards their parents, so that
none wins by the luck of a few examples; two candidates are compared on what they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from random import Random
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed before any score, for scores between 0 and 1.

    `step` and `spread` are fitted on the `recent` children that came last, as if
    `step_weight` steps of mean 0 and standard deviation `spread` had been seen before;
    `noise`, a variance, as if `noise_weight` scores had. `rounds` of expectation
    maximisation fit all three.
    """

    seed_mean: float = 0.4
    seed_sd: float = 0.5
    effect_sd: float = 0.3
    step: float = 0.0
    spread: float = 0.1
    noise: float = 0.15
    step_weight: float = 6.0
    noise_weight: float = 10.0
    recent: int = 30
    rounds: int = 4


PRIOR = Prior()


@dataclass(frozen=True, slots=True)
class Posterior:
    """Means and covariance of the candidates' worth, in units of the score, in the order of their ids.

    `step`, `spread` and `noise` are the fitted ones, in units of `width`: scores lie between `low` and `low + width`
    (see `units`).
    """

    means: Array
    covariance: Array
    step: float
    spread: float
    noise: float
    width: float = 1.0
    low: float = 0.0

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score there can be, as far as is known."""
        return self.low, self.low + self.width

    @property
    def best(self) -> int:
        """The candidate with the highest mean; the earliest of equals."""
        return int(np.argmax(self.means))

    def draw(self, rng: Random, scale: float = 1.0) -> list[float]:
        """One joint draw of all worths, deviations from the means times `scale`."""
        # A hair on the diagonal: equal twins make the covariance singular to rounding.
        ridge = 1e-9 * float(self.covariance.diagonal().max())
        factor = np.linalg.cholesky(self.covariance + ridge * np.eye(len(self.means)))
        normal = np.array([rng.gauss(0.0, 1.0) for _ in self.means])
        drawn: list[float] = (self.means + scale * (factor @ normal)).tolist()
        return drawn

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """Mean and standard deviation of how much more `one` is worth than `other`."""
        spread = self.covariance[one, one] + self.covariance[other, other] - 2 * self.covariance[one, other]
        return float(self.means[one] - self.means[other]), sqrt(max(0.0, float(spread)))

    def beats(self, one: int, other: int) -> float:
        """The probability that `one` is worth more than `other`; one half of a candidate against itself."""
        mean, sd = self.difference(one, other)
        if sd <= 1e-12:
            return 0.5 if mean == 0 else float(mean > 0)
        return 0.5 * (1.0 + erf(mean / (sd * sqrt(2.0))))

    def beats_best(self, one: int) -> float:
        """The probability that `one` is worth more than the best of the others; 1 when there are none."""
        if len(self.means) < 2:
            return 1.0
        others = self.means.copy()
        others[one] = -np.inf
        return self.beats(one, int(np.argmax(others)))

    def interval(self, one: int, level: float = 0.9) -> tuple[float, float]:
        """Where the worth of `one` lies with probability `level`."""
        half = NormalDist().inv_cdf(0.5 + level / 2) * sqrt(float(self.covariance[one, one]))
        return float(self.means[one]) - half, float(self.means[one]) + half


def fit(
    parents: Sequence[tuple[int, ...]],
    sums: Sequence[Sequence[float]],
    counts: Sequence[Sequence[float]],
    prior: Prior = PRIOR,
) -> Posterior:
    """The posterior given, per candidate and example, the sum of the scores seen there and how many they were.

    `parents` are ids of earlier rows, none for the seed. Scores outside 0 to 1 are mapped there first.
    """
    family = _family(parents)
    total, seen = _matrix(sums), _matrix(counts)
    low, width = units(total, seen)
    if (low, width) != (0.0, 1.0):
        total = (total - low * seen) / width
    step, spread, noise = _fitted(family, total, seen, prior)
    means, covariance = _solve(family, _Scores.of(total, seen), prior, step, spread, noise)
    return Posterior(low + width * means, width * width * covariance, step, spread, noise, width, low)


def _matrix(rows: Sequence[Sequence[float]]) -> Array:
    return np.concatenate([np.asarray(row, dtype=float) for row in rows]).reshape(len(rows), -1)


def units(sums: Array, counts: Array) -> tuple[float, float]:
    """Offset and width that map the scores seen to 0 to 1: none where they lie there already."""
    if not counts.any():
        return 0.0, 1.0
    if sums.min() >= 0.0 and (sums <= counts).all():
        return 0.0, 1.0
    values = sums[counts > 0] / counts[counts > 0]
    low, high = float(values.min()), float(values.max())
    if low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    return low, (high - low) or 1.0


@dataclass(frozen=True, slots=True)
class _Family:
    """Each worth less the mean of its parents, as three terms a row: columns, coefficients. `seeds` have no parents."""

    columns: npt.NDArray[np.intp]
    terms: Array
    seeds: npt.NDArray[np.bool_]

    def precision(self, weights: Array) -> Array:
        size = len(weights)
        matrix = np.zeros((size, size))
        products = weights[:, None, None] * self.terms[:, :, None] * self.terms[:, None, :]
        np.add.at(matrix, (self.columns[:, :, None], self.columns[:, None, :]), products)
        return matrix

    def pull(self, weights: Array, expected: Array) -> Array:
        vector = np.zeros(len(weights))
        np.add.at(vector, self.columns, (weights * expected)[:, None] * self.terms)
        return vector

    def steps(self, means: Array, covariance: Array) -> tuple[Array, Array]:
        """Means and variances of the children's steps from their parents."""
        children = ~self.seeds
        columns, terms = self.columns[children], self.terms[children]
        joint = covariance[columns[:, :, None], columns[:, None, :]]
        variances = np.einsum("ni,nij,nj->n", terms, joint, terms)
        return (terms * means[columns]).sum(1), np.maximum(variances, 0.0)


def _family(parents: Sequence[tuple[int, ...]]) -> _Family:
    columns = np.repeat(np.arange(len(parents))[:, None], 3, axis=1)
    terms = np.zeros((len(parents), 3))
    terms[:, 0] = 1.0
    for id, known in enumerate(parents):
        for place, parent in enumerate(known, 1):
            columns[id, place] = parent
            terms[id, place] = -1.0 / len(known)
    return _Family(columns, terms, np.array([not known for known in parents]))


@dataclass(frozen=True, slots=True)
class _Scores:
    """Sums and counts of the scores by candidate (rows) and example (columns), with the totals of both."""

    sums: Array
    counts: Array
    by_candidate: tuple[Array, Array]
    by_example: tuple[Array, Array]

    @classmethod
    def of(cls, sums: Array, counts: Array) -> _Scores:
        return cls(sums, counts, (sums.sum(1), counts.sum(1)), (sums.sum(0), counts.sum(0)))

    def shrink(self, prior: Prior, noise: float) -> Array:
        """The variance that is left of each example's effect, were the worths known."""
        left: Array = 1.0 / (prior.effect_sd**-2 + self.by_example[1] / noise)
        return left


def _solve(
    family: _Family, scores: _Scores, prior: Prior, step: float, spread: float, noise: float
) -> tuple[Array, Array]:
    """Means and covariance of the worths, the examples' effects integrated out."""
    weights = np.where(family.seeds, prior.seed_sd**-2, spread**-2)
    expected = np.where(family.seeds, prior.seed_mean, step)
    shrink = scores.shrink(prior, noise) / noise
    precision = family.precision(weights) - (scores.counts * (shrink / noise)) @ scores.counts.T
    precision[np.diag_indices_from(precision)] += scores.by_candidate[1] / noise
    unexplained = scores.by_candidate[0] - scores.counts @ (shrink * scores.by_example[0])
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2
    return covariance @ (family.pull(weights, expected) + unexplained / noise), covariance


def _fitted(family: _Family, sums: Array, counts: Array, prior: Prior) -> tuple[float, float, float]:
    """Step, spread and noise by expectation maximisation over the latest children and their parents."""
    family, rows = _latest(family, prior.recent)
    sums, counts = sums[rows], counts[rows]
    known = counts.sum(0) > 0
    scores = _Scores.of(sums[:, known], counts[:, known])
    cells = scores.counts > 0
    squares = float((scores.sums[cells] ** 2 / scores.counts[cells]).sum())
    step, spread, noise = prior.step, prior.spread, prior.noise
    for _ in range(prior.rounds):
        means, covariance = _solve(family, scores, prior, step, spread, noise)
        squared = _residuals(scores, squares, means, covariance, prior, noise)
        noise = (squared + prior.noise_weight * prior.noise) / (int(cells.sum()) + prior.noise_weight)
        moved, variances = family.steps(means, covariance)
        weight = prior.step_weight
        step = (float(moved.sum()) + weight * prior.step) / (len(moved) + weight)
        scatter = float(((moved - step) ** 2 + variances).sum())
        scatter += weight * (prior.spread**2 + (step - prior.step) ** 2)
        spread = sqrt(scatter / (len(moved) + weight))
        noise = max(noise, 1e-6)
    return step, spread, noise


def _latest(family: _Family, recent: int) -> tuple[_Family, npt.NDArray[np.intp]]:
    """The family of the `recent` latest children: with their parents, who count as seeds where theirs are left out."""
    size = len(family.seeds)
    children = np.flatnonzero(~family.seeds)[-recent:]
    rows = np.unique(np.concatenate([family.columns[children].ravel(), [0]]))
    place = np.full(size, -1)
    place[rows] = np.arange(len(rows))
    kept = np.isin(rows, children)
    columns = np.where(kept[:, None], place[family.columns[rows]], np.arange(len(rows))[:, None])
    terms = np.where(kept[:, None], family.terms[rows], np.array([1.0, 0.0, 0.0]))
    return _Family(columns, terms, ~kept), rows


def _residuals(scores: _Scores, squares: float, means: Array, covariance: Array, prior: Prior, noise: float) -> float:
    """The expected sum of squared noise, in single scores. `squares` is what it would be if all worths were 0.

    Written out in products of vectors: a pass over all scores for each term would take most of the fit's time.
    """
    sums, counts = scores.by_candidate
    seen = scores.by_example[1]
    shrink = scores.shrink(prior, noise) / noise
    worths = means @ scores.counts
    effects = shrink * (scores.by_example[0] - worths)
    squared = squares - 2.0 * (means @ sums + effects @ scores.by_example[0])
    squared += (means**2) @ counts + 2.0 * (worths @ effects) + (effects**2) @ seen
    shares = (scores.counts * (shrink * (shrink * seen - 2.0))) @ scores.counts.T
    uncertain = noise * (seen @ shrink) + covariance.diagonal() @ counts + np.vdot(shares, covariance)
    return float(squared + uncertain)
