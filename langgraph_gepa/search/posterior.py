"""Estimates how good candidates are from their scores: a Gaussian on the family tree.

A candidate's worth is drawn around its parent's, an example's effect is common to all candidates, the rest noise:

    worth(seed)  ~ N(seed_mean, seed_sd^2)
    worth(child) ~ N(worth(parent) + step, spread^2)        a merge: around the mean of its two parents;
                                                            a critic's opinion of the edit shifts the step
    score        = worth + effect + noise,  effect ~ N(0, effect_sd^2),  noise ~ N(0, noise)

Effects are integrated out. Candidates that ran on few examples are shrunk towards their parents, so that none wins by
luck; two candidates are compared on the examples that they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from random import Random

import numpy as np

from langgraph_gepa.search.algebra import Array, Family, solve_lower, solve_lower_transposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """The prior, in units of the scale's width.

    `step` and `spread` are fitted on the latest `recent` children, as if
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
    """Means of the candidates' worth, in units of the score, in the order of their ids, and how sure they are.

    `factor` is Cholesky's of the worths' precision. It, `step`, `spread` and `noise` are in units of `width`: scores
    lie between `low` and `low + width`.
    """

    means: Array
    factor: Array
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
        """The candidate with the highest mean; ties go to the earliest."""
        return self._highest(self.means)

    @property
    def covariance(self) -> Array:
        """The covariance of all worths, in squared units of the score. Slow; the methods below do not need it."""
        root = self.width * solve_lower(self.factor, np.eye(len(self.means)))
        return root.T @ root

    def draw(self, rng: Random, scale: float = 1.0) -> list[float]:
        """Draws all worths jointly, with deviations from the means times `scale`."""
        normal = np.array([rng.gauss(0.0, 1.0) for _ in self.means])
        drawn: list[float] = (self.means + scale * self.width * solve_lower_transposed(self.factor, normal)).tolist()
        return drawn

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """Returns mean and standard deviation of the worth of `one` minus that of `other`."""
        chosen = np.zeros(len(self.means))
        chosen[one] += 1.0
        chosen[other] -= 1.0
        return float(self.means[one] - self.means[other]), self._sd(chosen)

    def _sd(self, chosen: Array) -> float:
        """Returns the standard deviation of the sum of the worths with these coefficients."""
        return self.width * float(np.linalg.norm(solve_lower(self.factor, chosen)))

    def beats(self, one: int, other: int) -> float:
        """Returns the probability that `one` is worth more than `other`; one half for a candidate and itself."""
        mean, sd = self.difference(one, other)
        if sd <= 1e-12 * self.width:
            return 0.5 if mean == 0 else float(mean > 0)
        return 0.5 * (1.0 + erf(mean / (sd * sqrt(2.0))))

    def rival(self, one: int) -> int:
        """Returns the best candidate other than `one`, which must exist; ties go to the earliest."""
        others = self.means.copy()
        others[one] = -np.inf
        return self._highest(others)

    def _highest(self, means: Array) -> int:
        # Rounding differs between machines and must not decide between equals.
        return int(np.argmax(means >= means.max() - 1e-9 * self.width))

    def expected(self, one: int, sums: Array, counts: Array, prior: Prior = PRIOR) -> Array:
        """Returns the expected score of `one` by example: its worth plus the example's effect, within the range.

        `sums` and `counts` must be the tables that the posterior was fitted on.
        """
        low, high = self.range
        effects = _shares(counts.sum(0), prior, self.noise) * (sums.sum(0) - self.means @ counts)
        expected: Array = np.clip(self.means[one] + effects, low, high)
        return expected

    def total(self, one: int, missing: Array, sums: Array, counts: Array, prior: Prior = PRIOR) -> tuple[float, float]:
        """Returns mean and standard deviation of the sum of the scores of `one` on the `missing` examples, a mask.

        `sums` and `counts` must be the tables that the posterior was fitted on.
        """
        effects = self.noise * _shares(counts.sum(0), prior, self.noise)
        of_worth = float(missing.sum()) * self.worth(one)[1]
        of_scores = self.width**2 * float((effects + self.noise)[missing].sum())
        return float(self.expected(one, sums, counts, prior)[missing].sum()), sqrt(of_worth**2 + of_scores)

    def worth(self, one: int) -> tuple[float, float]:
        """Returns mean and standard deviation of the worth of `one`."""
        chosen = np.zeros(len(self.means))
        chosen[one] = 1.0
        return float(self.means[one]), self._sd(chosen)


def fit(
    parents: Sequence[tuple[int, ...]],
    sums: Sequence[Sequence[float]] | Array,
    counts: Sequence[Sequence[float]] | Array,
    prior: Prior = PRIOR,
    *,
    scale: tuple[float, float] = (0.0, 1.0),
    within: float = 0.0,
    shifts: Sequence[float] = (),
) -> Posterior:
    """Fits the posterior to `sums` of scores and their `counts`, both of shape (candidates, examples).

    `parents` are by candidate the rows of its parents, none for the seed. Scores on another `scale`, from its lowest to
    its highest score, are mapped to 0 to 1 first. `within` is the variance between scores of one candidate on one
    example. `shifts` are by candidate the number of spreads by which its step is expected to differ from those of
    others, according to a critic; without them all are zero.
    """
    family = Family.of(parents)
    total, seen = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    low, width = scale[0], (scale[1] - scale[0]) or 1.0
    if (low, width) != (0.0, 1.0):
        total = (total - low * seen) / width
    within /= width**2
    shift = np.asarray(shifts, dtype=float) if len(shifts) else np.zeros(len(total))
    step, spread, noise = _fitted(family, total, seen, prior, within, shift)
    scores = _Scores.of(total, seen, within, noise)
    precision, known = _system(family, scores, prior, step + spread * shift, spread, noise)
    factor = np.linalg.cholesky(precision).astype(float, copy=False)
    means = solve_lower_transposed(factor, solve_lower(factor, known))
    return Posterior(low + width * means, factor, step, spread, noise, width, low)


@dataclass(frozen=True, slots=True)
class _Scores:
    """The scores: how many candidate i has on example e, and the sums of these over examples and candidates."""

    counts: Array
    per_candidate: Array
    per_example: Array
    sum_by_candidate: Array
    sum_by_example: Array
    squares: float

    @classmethod
    def of(cls, sums: Array, counts: Array, within: float, noise: float) -> _Scores:
        """Adds up the scores. `within` is the part of the noise that differs between scores of a pair.

        The rest is the same in all of them, so that n scores of a pair count as less than n, and as one without it.
        """
        if counts.max(initial=0.0) > 1:
            share = min(within / noise, 1.0)
            weights = 1.0 / (counts * (1.0 - share) + share + (counts == 0))
            sums, counts = sums * weights, counts * weights
        squares = float(np.vdot(sums, sums / np.maximum(counts, 1.0)))
        return cls(counts, counts.sum(1), counts.sum(0), sums.sum(1), sums.sum(0), squares)


def _system(
    family: Family, scores: _Scores, prior: Prior, steps: Array, spread: float, noise: float
) -> tuple[Array, Array]:
    """The precision of the worths, the examples' effects integrated out, and the precision times their means.

    `steps` are expected of the children.

    With C for the counts, S for the examples' shares on a diagonal, and A as in `Family`:

        precision = A' W A + (diag(C 1) - C S C') / noise,  W = seed_sd^-2 for seeds and spread^-2 for children
    """
    weights = np.where(family.seeds, prior.seed_sd**-2, spread**-2)
    expected = np.where(family.seeds, prior.seed_mean, steps)
    shares = _shares(scores.per_example, prior, noise)
    scaled = scores.counts * np.sqrt(shares / noise)
    precision = scaled @ scaled.T  # numpy computes one half of the product of a matrix with itself
    np.subtract(family.quadratic(weights), precision, out=precision)
    precision.flat[:: len(precision) + 1] += scores.per_candidate / noise
    unexplained = scores.sum_by_candidate - scores.counts @ (shares * scores.sum_by_example)
    return precision, family.linear(weights * expected) + unexplained / noise


def _shares(seen: Array, prior: Prior, noise: float) -> Array:
    """Returns by example the factor s = 1 / (noise / effect_sd^2 + seen).

    Given the worths, the example's effect has mean s times the sum of its scores above the worths, and variance s times
    the noise.
    """
    shares: Array = 1.0 / (noise / prior.effect_sd**2 + seen)
    return shares


def _fitted(
    family: Family, sums: Array, counts: Array, prior: Prior, within: float, shifts: Array
) -> tuple[float, float, float]:
    """Step, spread and noise by expectation maximisation over the latest children and their parents."""
    family, rows = family.latest(prior.recent)
    step, spread, noise = prior.step, prior.spread, prior.noise
    shifts = shifts[rows]
    for _ in range(prior.rounds):
        scores = _Scores.of(sums[rows], counts[rows], within, noise)
        precision, known = _system(family, scores, prior, step + spread * shifts, spread, noise)
        covariance = np.linalg.inv(precision).astype(float, copy=False)
        means = covariance @ known
        noise = _noise(scores, means, covariance, prior, noise)
        steps, squares = family.steps(means, covariance)
        shifted = spread * shifts[~family.seeds]
        step, spread = _step(steps - shifted, squares - 2.0 * shifted * steps + shifted**2, prior)
    return step, spread, noise


def _noise(scores: _Scores, means: Array, covariance: Array, prior: Prior, noise: float) -> float:
    """The mean of (score - worth - effect)^2 to expect, beside the scores that the prior has seen.

    `alone` is its sum without the effects. An example that was seen n times has the effect `share` times the sum of its
    scores above the worths, with variance `share` times the noise; `together` is the square of that sum to expect.
    """
    counts, seen = scores.counts, scores.per_example
    alone = scores.squares - 2.0 * means @ scores.sum_by_candidate
    alone += scores.per_candidate @ (means**2 + covariance.diagonal())
    together = (scores.sum_by_example - means @ counts) ** 2 + np.einsum("ij,ij->j", covariance @ counts, counts)
    shares = _shares(seen, prior, noise)
    squared = alone + (shares * (shares * seen - 2.0)) @ together + noise * (shares @ seen)
    weight = prior.noise_weight
    return max(float(squared + weight * prior.noise) / (np.count_nonzero(counts) + weight), 1e-6)


def _step(steps: Array, squares: Array, prior: Prior) -> tuple[float, float]:
    """The mean of the children's steps and their standard deviation, beside those that the prior has seen."""
    weight, children = prior.step_weight, len(steps)
    step = (weight * prior.step + float(steps.sum())) / (children + weight)
    scatter = float((squares - 2.0 * step * steps).sum()) + children * step**2
    scatter += weight * (prior.spread**2 + (step - prior.step) ** 2)
    return step, sqrt(scatter / (children + weight))
