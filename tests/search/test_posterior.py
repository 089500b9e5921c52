"""Laws of the posterior over candidates."""

from __future__ import annotations

from random import Random
from statistics import NormalDist, mean, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.search.algebra import Family
from langgraph_gepa.search.posterior import PRIOR, Posterior, fit

withins = st.sampled_from([0.0, 0.03, 1.0])
"""Of the noise, which is about .1, how much differs between scores of a pair: nothing, a part, all of it."""

Table = tuple[list[tuple[int, ...]], np.ndarray, np.ndarray]


def random_tree(rng: Random, size: int, merges: float = 0.2) -> list[tuple[int, ...]]:
    parents: list[tuple[int, ...]] = [()]
    while len(parents) < size:
        known = len(parents)
        two = known > 1 and rng.random() < merges
        parents.append(tuple(sorted(rng.sample(range(known), 2))) if two else (rng.randrange(known),))
    return parents


def world(rng: Random, size: int, examples: int) -> Table:
    """A tree drawn from the model itself, its true worths, and scores on a part of the examples, some repeated."""
    parents = random_tree(rng, size)
    worths: list[float] = []
    for known in parents:
        middle = mean(worths[parent] for parent in known) + 0.02 if known else 0.4
        worths.append(rng.gauss(middle, 0.1 if known else 0.2))
    effects = [rng.gauss(0, PRIOR.effect_sd) for _ in range(examples)]
    counts = np.array([[rng.choice((0, 1, 1, 3)) for _ in effects] for _ in parents], dtype=float)
    counts[0] = 1
    noise = np.array([[rng.gauss(0, 0.3) for _ in effects] for _ in parents])
    scores = np.array(worths)[:, None] + np.array(effects) + noise / np.sqrt(np.maximum(counts, 1))
    scores = (scores - scores.min()) / max(1.0, scores.max() - scores.min())
    return parents, counts * scores, counts


def brute_force(
    table: Table, found: Posterior, within: float, shifts: list[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The joint Gaussian of worths, effects and mean scores written out, and conditioned on these."""
    parents, sums, counts = table
    size, examples = counts.shape
    means, worths = np.zeros(size), np.zeros((size, size))
    for id, known in enumerate(parents):
        if not known:
            means[id], worths[id, id] = PRIOR.seed_mean, PRIOR.seed_sd**2
            continue
        means[id] = mean(means[parent] for parent in known) + found.step
        means[id] += found.spread * (shifts[id] if shifts else 0.0)
        worths[id, :id] = worths[:id, id] = np.mean([worths[parent, :id] for parent in known], axis=0)
        inner = np.mean([worths[a, b] for a in known for b in known])
        worths[id, id] = inner + found.spread**2
    cells = [(c, e) for c in range(size) for e in range(examples) if counts[c, e]]
    cross = np.array([worths[:, c] for c, _ in cells]).T
    joint = np.array([[worths[c, d] + (e == f) * PRIOR.effect_sd**2 for d, f in cells] for c, e in cells])
    share = min(within / found.noise, 1)
    joint += np.diag([found.noise * (1 - share + share / counts[cell]) for cell in cells])
    scores = np.array([sums[cell] / counts[cell] - means[cell[0]] for cell in cells])
    gain = cross @ np.linalg.inv(joint)
    return means + gain @ scores, worths - gain @ cross.T


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 6), withins)
def test_it_is_the_dense_gaussian_conditioned_on_the_scores(seed: int, size: int, examples: int, within: float) -> None:
    """Means and covariances agree with the joint Gaussian written out, effects integrated out, to 1e-6."""
    parents, sums, counts = world(Random(seed), size, examples)
    found = fit(parents, sums, counts, within=within)
    means, covariance = brute_force((parents, sums, counts), found, within)
    assert np.allclose(found.means, means, atol=1e-6)
    assert np.allclose(found.covariance, covariance, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 6))
def test_a_shift_moves_the_prior_of_its_child_alone(seed: int, size: int, examples: int) -> None:
    """The posterior is the dense Gaussian with that child's step moved by so many spreads."""
    rng = Random(seed)
    parents, sums, counts = world(rng, size, examples)
    sums, counts = sums / np.maximum(counts, 1), np.minimum(counts, 1)  # each pair once, so that nothing varies within
    shifts = [rng.choice((0.0, rng.gauss(0, 1))) if known else 0.0 for known in parents]
    found = fit(parents, sums, counts, shifts=shifts)
    means, covariance = brute_force((parents, sums, counts), found, 0.0, shifts)
    assert np.allclose(found.means, means, atol=1e-6)
    assert np.allclose(found.covariance, covariance, atol=1e-6)


def test_a_shift_gives_way_to_evidence() -> None:
    """It decides between children that hardly ran, and nothing between children that ran on all examples."""

    def lead(examples: int) -> float:
        counts = np.zeros((3, 60))
        counts[0], counts[1:, :examples] = 1.0, 1.0
        found = fit([(), (0,), (0,)], counts * 0.5, counts, shifts=[0.0, 0.8, -0.8])
        return found.difference(1, 2)[0]

    assert lead(1) > 4 * lead(60) > 0


def plain_rounds(table: Table, within: float) -> tuple[float, float, float]:
    """Step, spread and noise by expectation maximisation over worths and effects together, score by score."""
    parents, sums, counts = table
    size, examples = counts.shape
    steps = np.eye(size)
    for id, known in enumerate(parents):
        for parent in known:
            steps[id, parent] -= 1 / len(known)
    cells = np.argwhere(counts)
    reads = np.array([np.eye(size + examples)[c] + np.eye(size + examples)[size + e] for c, e in cells])
    scores, ran = np.array([sums[c, e] / counts[c, e] for c, e in cells]), np.array([counts[c, e] for c, e in cells])
    step, spread, noise = PRIOR.step, PRIOR.spread, PRIOR.noise
    for _ in range(PRIOR.rounds):
        share = min(within / noise, 1)
        times = 1 / (1 - share + share / ran)
        precision = reads.T @ (reads * (times / noise)[:, None])
        precision[size:, size:] += np.eye(examples) / PRIOR.effect_sd**2
        believed = np.array([PRIOR.seed_sd**-2, *(spread**-2 for _ in parents[1:])])
        precision[:size, :size] += steps.T @ (steps * believed[:, None])
        pull = reads.T @ (scores * times / noise)
        pull[:size] += steps.T @ (believed * [PRIOR.seed_mean, *(step for _ in parents[1:])])
        covariance = np.linalg.inv(precision)
        means = covariance @ pull
        squared = times @ ((scores - reads @ means) ** 2 + np.einsum("ni,ij,nj->n", reads, covariance, reads))
        noise = (squared + PRIOR.noise_weight * PRIOR.noise) / (len(cells) + PRIOR.noise_weight)
        moved, variances = steps @ means[:size], (steps @ covariance[:size, :size] @ steps.T).diagonal()
        children = size - 1 + PRIOR.step_weight
        step = (moved[1:].sum() + PRIOR.step_weight * PRIOR.step) / children
        scatter = ((moved[1:] - step) ** 2 + variances[1:]).sum()
        scatter += PRIOR.step_weight * (PRIOR.spread**2 + (step - PRIOR.step) ** 2)
        spread = (scatter / children) ** 0.5
    return step, spread, noise


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 6), withins)
def test_its_parameters_are_those_of_expectation_maximisation(
    seed: int, size: int, examples: int, within: float
) -> None:
    """Step, spread and noise agree with those of rounds over worths and effects together, to 1e-9."""
    table = world(Random(seed), size, examples)
    found = fit(*table, within=within)
    assert (found.step, found.spread, found.noise) == pytest.approx(plain_rounds(table, within), abs=1e-9)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_repeats_that_score_alike_say_nothing_new(seed: int) -> None:
    """Where nothing differs between scores of a pair, running it again changes neither means nor intervals."""
    parents, sums, counts = world(Random(seed), 5, 4)
    again = counts * np.array([Random(seed).choice((1, 2, 4)) for _ in parents])[:, None]
    once, often = fit(parents, sums, counts), fit(parents, sums / np.maximum(counts, 1) * again, again)
    assert np.allclose(often.means, once.means)
    assert np.allclose(often.covariance, once.covariance)


def test_intervals_are_calibrated() -> None:
    """On passes and failures drawn with parameters unknown, 90 % intervals cover the truth 85 to 95 % of the time."""
    covered = []
    for seed in range(60):
        rng = Random(seed)
        parents = random_tree(rng, 25)
        step, spread = rng.uniform(-0.01, 0.03), rng.uniform(0.05, 0.15)
        worths = [rng.uniform(0.2, 0.6)]
        for known in parents[1:]:
            worths.append(rng.gauss(mean(worths[parent] for parent in known) + step, spread))
        effects = np.array([rng.gauss(0, PRIOR.effect_sd) for _ in range(1000)])
        chances = np.clip(np.array(worths)[:, None] + effects, 0, 1)
        counts = np.array(
            [[float(e < n) for e in range(40)] for n in (40, *(rng.choice((6, 12, 40)) for _ in worths[1:]))]
        )
        passed = np.array([[float(rng.random() < chance) for chance in row[:40]] for row in chances])
        found = fit(parents, counts * passed, counts)
        for id, truth in enumerate(chances.mean(1)):
            center, sd = found.worth(id)
            covered.append(abs(float(truth) - center) <= NormalDist().inv_cdf(0.95) * sd)
    assert 0.85 <= sum(covered) / len(covered) <= 0.95


def test_the_parameters_are_found() -> None:
    """With many children fully scored, step, spread and noise come out near what made them."""
    rng = Random(5)
    spread, noise = 0.04, 0.02
    parents = [(), *((0,) for _ in range(30))]
    worths = [0.4, *(rng.gauss(0.45, spread) for _ in range(30))]
    counts = np.ones((31, 300))
    effects = [rng.gauss(0, 0.05) for _ in range(300)]
    sums = np.array([[min(1, max(0, w + e + rng.gauss(0, noise**0.5))) for e in effects] for w in worths])
    found = fit(parents, sums, counts)
    assert found.noise == pytest.approx(noise, rel=0.2)
    assert found.step == pytest.approx(0.05 * 30 / 36, abs=0.02)
    assert 0.03 < found.spread < 0.07


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(-50, 50), st.floats(2, 100))
def test_units_are_the_scores_own(seed: int, offset: float, factor: float) -> None:
    """Scores on another scale give the same posterior on that scale: neither order nor chances depend on it."""
    parents, sums, counts = world(Random(seed), 5, 4)
    scores = sums / np.maximum(counts, 1)
    low, high = scores[counts > 0].min(), scores[counts > 0].max()
    whole = fit(parents, (sums - low * counts) / (high - low), counts)
    other = fit(
        parents,
        (sums - low * counts) / (high - low) * factor + offset * counts,
        counts,
        scale=(offset, offset + factor),
    )
    assert np.allclose(other.means, whole.means * factor + offset, rtol=1e-6)
    assert np.allclose(other.covariance, whole.covariance * factor**2, rtol=1e-6)
    assert other.difference(0, 1) == pytest.approx([factor * moment for moment in whole.difference(0, 1)], abs=1e-6)
    assert whole.best == other.best


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_lucky_start_does_not_win(seed: int) -> None:
    """A child perfect on three examples is not believed above one nearly perfect on thirty."""
    rng, counts = Random(seed), np.zeros((3, 30))
    counts[0], counts[1], counts[2, :3] = 1, 1, 1
    sums = counts * [[float(rng.random() < p) for _ in range(30)] for p in (0.3, 0.0, 0.0)]
    sums[1, :27], sums[2, :3] = 1, 1
    found = fit([(), (0,), (0,)], sums, counts)
    assert found.best == 1
    assert found.beats(2, found.rival(2)) < 0.5


def test_twins_are_even() -> None:
    """Equal evidence is an even chance, no others a certain win, and a draw of twins does not fail."""
    counts, sums = np.ones((3, 5)), np.full((3, 5), 0.5)
    found = fit([(), (0,), (0,)], sums, counts)
    assert found.beats(1, 2) == pytest.approx(0.5)
    assert found.beats(1, 1) == 0.5
    assert len(found.draw(Random(0))) == 3


@given(st.integers(2, 40), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_the_earliest_of_equals_is_the_best(children: int, examples: int) -> None:
    """Candidates with the same evidence tie, whatever their means were rounded to."""
    counts = np.ones((children + 1, examples))
    found = fit([(), *[(0,)] * children], counts * ([0.1], *[[0.7]] * children), counts)
    assert found.best == 1
    assert all(found.beats(id, found.rival(id)) == pytest.approx(0.5) for id in range(1, children + 1))


def test_draws_scatter_as_the_posterior_says() -> None:
    """Draws have its means and, times the scale, its standard deviations; with scale 0 they are the means."""
    parents, sums, counts = world(Random(3), 6, 5)
    found = fit(parents, sums, counts)
    rng = Random(1)
    draws = [found.draw(rng, 0.5) for _ in range(4000)]
    for id, column in enumerate(zip(*draws, strict=True)):
        center, sd = found.worth(id)
        assert mean(column) == pytest.approx(center, abs=0.05 * sd + 1e-9)
        assert pstdev(column) == pytest.approx(0.5 * sd, rel=0.05)
    assert found.draw(rng, 0.0) == pytest.approx(found.means.tolist())


def test_steps_are_expected_as_the_dense_product_says() -> None:
    """The children's steps are A times the worths, and their squares the diagonal of A (covariance + mean mean') A'."""
    rng = np.random.default_rng(5)
    parents: list[tuple[int, ...]] = [(), (0,), (0, 1), (2,), (1, 3)]
    dense = np.eye(5)
    for child, known in enumerate(parents):
        for parent in known:
            dense[child, parent] -= 1 / len(known)
    means, root = rng.normal(size=5), rng.normal(size=(5, 5))
    steps, squares = Family.of(parents).steps(means, root @ root.T)
    assert np.allclose(steps, (dense @ means)[1:])
    assert np.allclose(squares, np.diag(dense @ (root @ root.T + np.outer(means, means)) @ dense.T)[1:])
