"""Laws of what the posterior is computed with: as numpy would have it, only sooner."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.algebra import FEW, Table, solve_lower, solve_lower_transposed


def random_counts(rng: Random) -> np.ndarray:
    """Rows run on everything, on some, on a few and on nothing, once or repeatedly; many of them on the same few."""
    size, width = rng.randint(1, 2 * FEW + 8), rng.choice((1, 2, 7, 40))
    counts = np.zeros((size, width))
    common = rng.sample(range(width), min(width, 3))
    for row in counts:
        times = rng.choice((1.0, 1.0, 2.0))
        row[rng.choice((common, rng.sample(range(width), rng.randint(0, width)), range(width)))] = times
        row[rng.randrange(width)] += rng.choice((0.0, 0.0, 1.0))
    return counts


@given(st.integers(0, 2**32))
def test_a_table_multiplies_as_it_is_written(seed: int) -> None:
    """Column sums and products of a table are those of its cells, however many are unusual in a row or a column."""
    rng = Random(seed)
    counts = random_counts(rng)
    weights = np.array([rng.uniform(0.1, 2.0) for _ in counts[0]])
    table = Table.of(counts)
    assert np.allclose(table.by_column(), counts.sum(0), atol=1e-12)
    assert np.allclose(table.times(weights), counts @ weights, atol=1e-12)
    assert np.allclose(table.gram(weights), counts @ np.diag(weights) @ counts.T, atol=1e-11)


@given(st.integers(1, 90), st.integers(0, 2**32))
def test_a_triangle_is_solved_both_ways(size: int, seed: int) -> None:
    """Solving and multiplying undo each other, for a vector and for a matrix, whatever blocks the rows make."""
    numbers = np.random.default_rng(seed)
    matrix = np.tril(numbers.normal(size=(size, size))) / size + np.eye(size)
    right = numbers.normal(size=(size, 3))
    assert np.allclose(matrix @ solve_lower(matrix, right), right)
    assert np.allclose(matrix @ solve_lower(matrix, right[:, 0]), right[:, 0])
    assert np.allclose(matrix.T @ solve_lower_transposed(matrix, right[:, 0]), right[:, 0])
