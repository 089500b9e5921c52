"""Linear algebra of the posterior: the family tree as a matrix, and triangular systems, which numpy does not solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

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


@dataclass(frozen=True, slots=True)
class Family:
    """The matrix A that subtracts from each worth the mean of its parents': three terms a row.

    Rows are candidates; `columns`, of shape (candidates, 3), are the worths of the terms. `seeds` have no parents.
    """

    columns: Places
    seeds: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, parents: Sequence[tuple[int, ...]]) -> Family:
        terms = ((id, known[0], known[-1]) if known else (id, id, id) for id, known in enumerate(parents))
        columns = np.fromiter(chain.from_iterable(terms), dtype=np.intp).reshape(-1, 3)
        return cls(columns, columns[:, 0] == columns[:, 1])

    @property
    def coefficients(self) -> Array:
        """The factors of the terms; a single parent is both parents."""
        return np.where(self.seeds[:, None], (1.0, 0.0, 0.0), (1.0, -0.5, -0.5))

    def latest(self, recent: int) -> tuple[Family, Places]:
        """Returns the family of the `recent` children and their parents, and its rows here; parents become seeds."""
        children = np.flatnonzero(~self.seeds)[-recent:]
        young, kept = np.zeros((2, len(self.seeds)), dtype=bool)
        young[children] = True
        kept[self.columns[children]] = True
        kept[0] = True
        rows = np.flatnonzero(kept)
        columns, seeds = (np.cumsum(kept) - 1)[self.columns[rows]], ~young[rows]
        return Family(np.where(seeds[:, None], columns[:, :1], columns), seeds), rows

    def quadratic(self, weights: Array) -> Array:
        """`A.T @ diag(weights) @ A`"""
        size, terms = len(weights), self.coefficients
        products = weights[:, None, None] * terms[:, :, None] * terms[:, None, :]
        places = self.columns[:, :, None] * size + self.columns[:, None, :]
        return added(places.ravel(), products.ravel(), size * size).reshape(size, size)

    def linear(self, weights: Array) -> Array:
        """`A.T @ weights`"""
        products = weights[:, None] * self.coefficients
        return added(self.columns.ravel(), products.ravel(), len(weights))

    def steps(self, means: Array, covariance: Array) -> tuple[Array, Array]:
        """The children's steps and their squares, as worths with these moments lead to expect them."""
        columns, terms = self.columns[~self.seeds], self.coefficients[~self.seeds]
        steps = (terms * means[columns]).sum(1)
        moments = covariance[columns[:, :, None], columns[:, None, :]]
        squares: Array = steps**2 + (terms[:, :, None] * terms[:, None, :] * moments).sum((1, 2))
        return steps, squares
