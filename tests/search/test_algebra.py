"""Laws of the linear algebra that the posterior is computed with."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.algebra import solve_lower, solve_lower_transposed


@given(st.integers(1, 90), st.integers(0, 2**32))
def test_a_triangle_is_solved_both_ways(size: int, seed: int) -> None:
    """Solving and multiplying undo each other, for a vector and for a matrix, whatever blocks the rows make."""
    numbers = np.random.default_rng(seed)
    matrix = np.tril(numbers.normal(size=(size, size))) / size + np.eye(size)
    right = numbers.normal(size=(size, 3))
    assert np.allclose(matrix @ solve_lower(matrix, right), right)
    assert np.allclose(matrix @ solve_lower(matrix, right[:, 0]), right[:, 0])
    assert np.allclose(matrix.T @ solve_lower_transposed(matrix, right[:, 0]), right[:, 0])
