"""Verdicts on candidates, with their intervals."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.search.advantage import advantage

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
    assert advantage(pool, 1).verdict == verdict


@given(seeds)
@settings(deadline=None, max_examples=30)
def test_the_verdict_is_the_intervals(tables: Any, seed: int) -> None:
    """Better and worse exclude zero, the interval holds the difference, and turned round it is turned round."""
    pool = tables.pool(*tables.random_rows(Random(seed)))
    for candidate in pool.candidates[1:]:
        found, back = advantage(pool, candidate.id), advantage(pool, 0, candidate.id)
        assert found.low <= found.difference <= found.high
        assert (found.low, found.high) == pytest.approx((-back.high, -back.low))
        assert (found.verdict == "better") == (back.verdict == "worse")
        if found.verdict in ("better", "worse"):
            assert found.low > 0 or found.high < 0


def test_the_seed_is_the_same_as_itself(tables: Any) -> None:
    """No difference, and no doubt of it."""
    found = advantage(tables.pool(tables.Row((), "a", [0.0, 1.0])), 0)
    assert (found.verdict, found.low, found.high) == ("same", 0.0, 0.0)
