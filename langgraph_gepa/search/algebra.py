"""Linear algebra that numpy has no function for: triangular systems, and sums by position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

BLOCK = 32
"""Rows of a triangular system that are solved at once: numpy has no solver for the whole of one."""


def added(places: Places, values: Array, size: int) -> Array:
    """A vector of `size` zeros, each value added at its place."""
    return np.bincount(places, values, size).astype(float, copy=False)  # whole numbers where there is nothing to add


def solve_lower(matrix: Array, right: Array) -> Array:
    """`matrix^-1 @ right` for a lower triangular matrix, of a vector or a matrix, block by block from the top."""
    found = np.array(right)
    for start in range(0, len(matrix), BLOCK):
        end = start + BLOCK
        rest = found[start:end] - matrix[start:end, :start] @ found[:start]
        found[start:end] = np.linalg.solve(matrix[start:end, start:end], rest)
    return found


def solve_lower_transposed(matrix: Array, right: Array) -> Array:
    """`matrix.T^-1 @ right` for a lower triangular matrix, of a vector, block by block from the bottom."""
    found = np.array(right)
    for start in reversed(range(0, len(matrix), BLOCK)):
        end = start + BLOCK
        rest = found[start:end] - found[end:] @ matrix[end:, start:end]
        found[start:end] = np.linalg.solve(matrix[start:end, start:end].T, rest)
    return found
