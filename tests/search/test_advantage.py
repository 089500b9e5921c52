"""Verdicts on candidates, with their intervals."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.search.advantage import advantage, posterior_on, within
from langgraph_gepa.search.posterior import fit

seeds = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("seed", "child", "size", "verdict"),
    [
        (0.0, 1.0, 60, "better"),
        (1.0, 0.0, 60, "worse"),
        (0.5, 0.5, 4000, "same"),
        (0.4, 0.5, 3, "unknown"),
    ],
)
def test_the_scores_decide(tables: Any, seed: float, child: float, size: int, verdict: str) -> None:
    """Clear differences are told, equality too where there is enough to tell it, and nothing where there is not."""
    pool = tables.pool(tables.Row((), "a", [seed] * size), tables.Row((0,), "b", [child] * size))
    assert advantage(pool.posterior, 1).verdict == verdict


@pytest.mark.parametrize("unit", [1e-6, 1e-3])
@pytest.mark.parametrize(("child", "verdict"), [(1.0, "better"), (0.0, "worse")])
def test_the_unit_of_a_small_scale_decides_nothing(unit: float, child: float, verdict: str) -> None:
    """Scores from 0 to a millionth are compared as those from 0 to 1 are."""
    sums = [[0.5 * unit] * 60, [child * unit] * 60]
    posterior = fit([(), (0,)], sums, [[1.0] * 60] * 2, scale=(0.0, unit))
    assert advantage(posterior, 1, widest=unit).verdict == verdict


@given(seeds)
@settings(deadline=None, max_examples=30)
def test_the_verdict_is_the_intervals(tables: Any, seed: int) -> None:
    """Better and worse exclude zero, the interval holds the difference, and turned round it is turned round."""
    pool = tables.pool(*tables.random_rows(Random(seed)))
    for candidate in pool.candidates[1:]:
        widest = float(pool.posterior.width)
        found = advantage(pool.posterior, candidate.id, widest=widest)
        back = advantage(pool.posterior, 0, candidate.id, widest=widest)
        assert -widest <= found.low < found.difference < found.high <= widest
        assert (found.low, found.high) == pytest.approx((-back.high, -back.low))
        assert (found.verdict == "better") == (back.verdict == "worse")
        if found.verdict in ("better", "worse"):
            assert found.low > 0 or found.high < 0


def test_the_seed_is_the_same_as_itself(tables: Any) -> None:
    """No difference, and no doubt of it."""
    found = advantage(tables.pool(tables.Row((), "a", [0.0, 1.0])).posterior, 0)
    assert (found.verdict, found.low, found.high) == ("same", 0.0, 0.0)


@pytest.mark.parametrize("mean", [-9.0, -1.0, 0.3, 0.95, 1.139])
@pytest.mark.parametrize("sd", [0.01, 0.1, 3.0])
def test_no_change_is_expected_beyond_the_scale(mean: float, sd: float) -> None:
    """A family that rose from 0 to 1 may be thought to rise on; a score cannot. Far from the ends nothing changes."""
    middle, low, high = within(mean, sd, -1.0, 1.0)
    assert -1.0 <= low < middle < high <= 1.0
    if abs(mean) + 5 * sd < 1:
        assert (middle, low, high) == pytest.approx((mean, mean - 1.96 * sd, mean + 1.96 * sd), abs=1e-3)


def test_what_was_learned_from_is_left_out(tables: Any) -> None:
    """The expectation from some of the examples is that of a run that has no others."""
    rows = [tables.Row((), "a", [0.0, 0.0, 1.0, 0.0]), tables.Row((0,), "b", [1.0, 1.0, 0.0, 1.0])]
    pool = tables.pool(*rows)
    some = posterior_on(pool, pool.pareto_set[:3])
    alone = tables.pool(*(tables.Row(row.parents, row.texts, row.scores[:3]) for row in rows))
    assert some.means.tolist() == pytest.approx(posterior_on(alone, alone.pareto_set).means.tolist())


@pytest.mark.parametrize(("old", "new", "size"), [(0.0, 1.0, 8), (0.2, 0.7, 8), (0.2, 0.7, 20), (0.0, 1.0, 6)])
def test_what_all_pairs_agree_on_is_not_denied(tables: Any, old: float, new: float, size: int) -> None:
    """A large step is believed as far as the interval goes, though it is the only one and the pairs are few."""
    pool = tables.pool(tables.Row((), "a", [old] * size), tables.Row((0,), "b", [new] * size))
    found = advantage(posterior_on(pool, pool.pareto_set), 1)
    assert found.low > 0.05
    assert found.high >= 0.98 * (new - old)
    assert found.difference > 0.75 * (new - old)
