"""Laws of scores added up."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
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
            fresh = fit([candidate.parents for candidate in pool.candidates], sums, counts, scale=pool.scale.range)
            assert np.allclose(found.means, fresh.means, rtol=0, atol=1e-12)
            assert np.allclose(found.covariance, fresh.covariance, rtol=0, atol=1e-12)
    assert np.allclose(pool.posterior.means, Pool.replay(told).posterior.means, rtol=0, atol=1e-12)
