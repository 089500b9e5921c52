"""Laws of scores added up."""

from __future__ import annotations

from random import Random
from statistics import variance
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.posterior import fit
from langgraph_gepa.search.tally import Tally


@given(st.integers(0, 2**32))
def test_tables_hold_what_was_added(seed: int) -> None:
    """Whenever they are asked for, and for whichever texts, tables are the sums and counts of all scores so far."""
    rng = Random(seed)
    width, tally, sums, counts = rng.randint(1, 4), Tally(), np.zeros((6, 4)), np.zeros((6, 4))
    for _ in range(rng.randint(1, 40)):
        if rng.random() < 0.6:
            text, place, score = rng.randrange(6), rng.randrange(width), rng.random()
            tally.add(str(text), place, score, width)
            sums[text, place] += score
            counts[text, place] += 1
        else:
            texts = [rng.randrange(6) for _ in range(rng.randint(1, 8))]
            found = tally.tables([str(text) for text in texts], width)
            assert np.array_equal(found, (sums[texts, :width], counts[texts, :width]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_what_was_asked_before_does_not_change_the_posterior(tables: Any, seed: int) -> None:
    """A pool that was asked for its posterior after any events has that of its scores fitted afresh."""
    rng = Random(seed)
    told = tables.journal(tables.random_rows(rng))
    pool = Pool()
    for event in told:
        pool.apply(event)
        if pool.candidates and rng.random() < 0.5:
            found, known = pool.posterior, [pool.known("pareto", candidate.key) for candidate in pool.candidates]
            sums = [[sum(scores.get(example, ())) for example in pool.pareto_set] for scores in known]
            counts = [[len(scores.get(example, ())) for example in pool.pareto_set] for scores in known]
            parents = [candidate.parents for candidate in pool.candidates]
            fresh = fit(parents, sums, counts, scale=pool.scale.range, within=pool.noise.variance)
            assert np.allclose(found.means, fresh.means, rtol=0, atol=1e-12)
            assert np.allclose(found.covariance, fresh.covariance, rtol=0, atol=1e-12)
    assert np.allclose(pool.posterior.means, Pool.replay(told).posterior.means, rtol=0, atol=1e-12)


@given(st.integers(0, 2**32))
def test_noise_is_what_differs_between_scores_of_a_pair(seed: int) -> None:
    """The variance within pairs, pooled over them; none without repeats, nor where all of them score alike."""
    rng, tally, pairs = Random(seed), Tally(), dict[tuple[str, int], list[float]]()
    for _ in range(rng.randint(1, 30)):
        text, place, score = rng.choice("ab"), rng.randrange(3), rng.random()
        tally.add(text, place, score, 3)
        pairs.setdefault((text, place), []).append(score)
    repeated = sum(len(scores) - 1 for scores in pairs.values())
    squares = sum(variance(scores) * (len(scores) - 1) for scores in pairs.values() if len(scores) > 1)
    assert tally.noise().repeated == repeated
    assert tally.noise().variance == pytest.approx(squares / repeated if repeated else 0.0)


@given(st.floats(0, 1), st.integers(2, 9))
def test_the_same_score_again_is_no_noise(score: float, times: int) -> None:
    """However the mean of equal scores is rounded; a single rollout says nothing."""
    tally = Tally()
    tally.add("a", 0, score, 1)
    assert not tally.noise().none
    for _ in range(times):
        tally.add("a", 0, score, 1)
    assert tally.noise().none
    tally.add("a", 0, score + 0.01, 1)
    assert not tally.noise().none


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.floats(-5, 5))
def test_a_changed_score_leaves_no_trace(scores: list[float], after: float) -> None:
    """Noise and tables are those of the scores as they are now."""
    changed, fresh = Tally(), Tally()
    for score in scores:
        changed.add("a", 0, score, 1)
    changed.change("a", 0, scores[0], after)
    for score in (after, *scores[1:]):
        fresh.add("a", 0, score, 1)
    assert changed.noise().repeated == fresh.noise().repeated
    assert changed.noise().variance == pytest.approx(fresh.noise().variance, abs=1e-9)
    assert np.allclose(changed.tables(["a"], 1), fresh.tables(["a"], 1))


@given(st.integers(-9, 9), st.floats(0.1, 1))
def test_noise_is_judged_by_the_scale_of_the_scores(exponent: int, score: float) -> None:
    """A thousandth of the scale is noise and rounding is none, whether scores are tiny or huge."""
    unit = 10.0**exponent
    for difference, none in ((1e-3, False), (1e-15, True)):
        tally = Tally()
        for again in (0.0, difference):
            tally.add("a", 0, unit * (score + again), 1)
        assert tally.noise((0.0, unit)).none == none
