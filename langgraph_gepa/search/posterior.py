"""How good candidates are, as far as their scores tell: a Gaussian on the family tree.

A candidate's worth is drawn around its parent's, an
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
from math import erf, isqrt, sqrt
from random import Random

import numpy as np

from langgraph_gepa.search.algebra import Array, Table, solve_lower, solve_lower_transposed
from langgraph_gepa.search.family import Family


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
    """Means of the candidates' worth, in units of the score, in the order of their ids, and how sure they are.

    `factor` is Cholesky's of the worths' precision. It, `step`, `spread` and `noise` are in units of `width`: scores
    lie between `low` and `low + width` (see `units`).
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
        """The candidate with the highest mean; the earliest of equals."""
        return self._highest(self.means)

    @property
    def covariance(self) -> Array:
        """Of all worths, in squared units of the score. Dear: the others below do without."""
        root = self.width * solve_lower(self.factor, np.eye(len(self.means)))
        return root.T @ root

    def draw(self, rng: Random, scale: float = 1.0) -> list[float]:
        """One joint draw of all worths, deviations from the means times `scale`."""
        normal = np.array([rng.gauss(0.0, 1.0) for _ in self.means])
        drawn: list[float] = (self.means + scale * self.width * solve_lower_transposed(self.factor, normal)).tolist()
        return drawn

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """Mean and standard deviation of how much more `one` is worth than `other`."""
        chosen = np.zeros(len(self.means))
        chosen[one] += 1.0
        chosen[other] -= 1.0
        return float(self.means[one] - self.means[other]), self._sd(chosen)

    def _sd(self, chosen: Array) -> float:
        """The standard deviation of the worths' sum with these coefficients."""
        return self.width * float(np.linalg.norm(solve_lower(self.factor, chosen)))

    def beats(self, one: int, other: int) -> float:
        """The probability that `one` is worth more than `other`; one half of a candidate against itself."""
        mean, sd = self.difference(one, other)
        if sd <= 1e-12:
            return 0.5 if mean == 0 else float(mean > 0)
        return 0.5 * (1.0 + erf(mean / (sd * sqrt(2.0))))

    def rival(self, one: int) -> int:
        """The best of the others, of which there has to be one; the earliest of equals."""
        others = self.means.copy()
        others[one] = -np.inf
        return self._highest(others)

    def _highest(self, means: Array) -> int:
        # Rounding, which is another on other machines, must not tell equals apart.
        return int(np.argmax(means >= means.max() - 1e-9 * self.width))

    def expected(self, one: int, sums: Array, counts: Array, prior: Prior = PRIOR) -> Array:
        """The score to expect of `one` on each example: its worth and the example's effect, within the range of scores.

        `sums` and `counts` are those that the posterior was fitted on.
        """
        low, high = self.range
        effects = _shares(counts.sum(0), prior, self.noise) * (sums.sum(0) - self.means @ counts)
        expected: Array = np.clip(self.means[one] + effects, low, high)
        return expected

    def worth(self, one: int) -> tuple[float, float]:
        """Mean and standard deviation of the worth of `one`."""
        chosen = np.zeros(len(self.means))
        chosen[one] = 1.0
        return float(self.means[one]), self._sd(chosen)


def fit(
    parents: Sequence[tuple[int, ...]],
    sums: Sequence[Sequence[float]] | Array,
    counts: Sequence[Sequence[float]] | Array,
    prior: Prior = PRIOR,
) -> Posterior:
    """The posterior given, per candidate and example, the sum of the scores seen there and how many they were.

    `parents` are ids of earlier rows, none for the seed. Scores outside 0 to 1 are mapped there first.
    """
    family = Family.of(parents)
    total, seen = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    low, width = units(total, seen)
    if (low, width) != (0.0, 1.0):
        total = (total - low * seen) / width
    step, spread, noise = _fitted(family, total, seen, prior)
    means, factor = _solved(family, total, seen, prior, step, spread, noise)
    return Posterior(low + width * means, factor, step, spread, noise, width, low)


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


def _solved(
    family: Family, sums: Array, counts: Array, prior: Prior, step: float, spread: float, noise: float
) -> tuple[Array, Array]:
    """Means of the worths and the factor of their precision, the examples' effects integrated out."""
    weights = np.where(family.seeds, prior.seed_sd**-2, spread**-2)
    expected = np.where(family.seeds, prior.seed_mean, step)
    table = Table.of(counts)
    shares = _shares(table.by_column(), prior, noise)
    # In place: new matrices of this size cost as much as what is done to them.
    precision = table.gram(shares)
    precision *= -1.0 / noise
    precision += family.quadratic(weights)
    precision[np.diag_indices_from(precision)] += table.times(np.ones(table.width)) / noise
    unexplained = sums.sum(1) - table.times(shares * sums.sum(0))
    factor = np.linalg.cholesky(precision).astype(float, copy=False)
    known = family.linear(weights * expected) + unexplained / noise
    return solve_lower_transposed(factor, solve_lower(factor, known)), factor


def _shares(seen: Array, prior: Prior, noise: float) -> Array:
    """By how often an example was seen, its effect is expected at this times the sum of its scores above the worths.

    Were the worths known, the variance that is left of it would be this times the noise.
    """
    shares: Array = 1.0 / (noise / prior.effect_sd**2 + seen)
    return shares


def _fitted(family: Family, sums: Array, counts: Array, prior: Prior) -> tuple[float, float, float]:
    """Step, spread and noise by expectation maximisation over the latest children and their parents.

    The density of the worths, effects integrated out, is a weighted sum of quadratic forms, and the weights depend on
    the three. The expectation of each form is all that a round needs of the scores.
    """
    family, rows = family.latest(prior.recent)
    sums, counts = sums[rows], counts[rows]
    seen, examples, together = _together(sums, counts)
    forms = np.concatenate([together, _alone(sums, counts), _steps(family, prior)])
    scores, children = int(np.count_nonzero(counts)), int(np.count_nonzero(~family.seeds))
    step, spread, noise = prior.step, prior.spread, prior.noise
    for _ in range(prior.rounds):
        shares = _shares(seen, prior, noise)
        weights = np.concatenate([shares / -noise, (1.0 / noise, 1.0, spread**-2, step * spread**-2)])
        expected = _expectations(forms, weights)
        squared, _, scatter, moved = expected[-4:].tolist()
        # What scores are above the worths, less the effects as they are expected, and as they may be.
        squared += float((shares * (shares * seen - 2.0)) @ expected[:-4] + noise * ((seen * examples) @ shares))
        noise = max((squared + prior.noise_weight * prior.noise) / (scores + prior.noise_weight), 1e-6)
        step, spread = _stepped(scatter, moved, children, prior)
    return step, spread, noise


def _expectations(forms: Array, weights: Array) -> Array:
    """Of each form x.T @ form @ x, where x = (worths, -1) and the weighted sum of all is the density of the worths."""
    size = isqrt(forms.shape[1])
    system = (weights @ forms).reshape(size, size)
    covariance = np.linalg.inv(system[:-1, :-1])
    point = np.append(covariance @ system[-1, :-1], -1.0)
    moments = np.outer(point, point)
    moments[:-1, :-1] += covariance
    expected: Array = forms @ moments.ravel()
    return expected


def _stepped(scatter: float, moved: float, children: int, prior: Prior) -> tuple[float, float]:
    """The mean of the children's steps and their standard deviation, beside those that the prior has seen.

    `scatter` is the sum of their squares, `moved` is -2 times their sum.
    """
    weight = prior.step_weight
    step = (weight * prior.step - moved / 2) / (children + weight)
    scatter += step * moved + children * step**2 + weight * (prior.spread**2 + (step - prior.step) ** 2)
    return step, sqrt(scatter / (children + weight))


def _together(sums: Array, counts: Array) -> tuple[Array, Array, Array]:
    """How often examples were seen, how many were just as often, and the form of them: (sum - counts @ worths)^2.

    The sum is that of all scores of the example. As those seen equally often have one weight, they make one form.
    """
    seen = counts.sum(0)
    order = np.argsort(seen, kind="stable")
    seen = seen[order]
    table = np.empty((len(counts) + 1, len(order)))
    np.take(counts, order, axis=1, out=table[:-1], mode="clip")
    table[-1] = sums.sum(0)[order]
    starts = np.flatnonzero(np.diff(seen, prepend=-1.0))
    blocks = np.split(table, starts[1:], axis=1)
    forms = np.array([block @ block.T for block in blocks])
    return seen[starts], np.array([float(block.shape[1]) for block in blocks]), forms.reshape(len(starts), -1)


def _alone(sums: Array, counts: Array) -> Array:
    """The form of all single scores, were there no effects: (score - worth)^2."""
    form = np.diag(np.append(counts.sum(1), 0.0))
    form[-1, :-1] = form[:-1, -1] = sums.sum(1)
    squares = np.maximum(counts, np.finfo(float).tiny)
    form[-1, -1] = np.vdot(np.divide(sums, squares, out=squares), sums)
    return form.reshape(1, -1)


def _steps(family: Family, prior: Prior) -> Array:
    """The forms of the seeds, (worth - seed_mean)^2 / seed_sd^2, and of children: step^2, and -2 step."""
    size = len(family.seeds)
    seeds, children = np.where(family.seeds, prior.seed_sd**-2, 0.0), np.where(family.seeds, 0.0, 1.0)
    forms = np.zeros((3, size + 1, size + 1))
    forms[0] = np.diag(np.append(seeds, 0.0))
    forms[0, -1, :-1] = forms[0, :-1, -1] = seeds * prior.seed_mean
    forms[1, :-1, :-1] = family.quadratic(children)
    forms[2, -1, :-1] = forms[2, :-1, -1] = family.linear(children)
    return forms.reshape(3, -1)
