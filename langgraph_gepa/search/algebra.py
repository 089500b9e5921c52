"""What the posterior is computed with: tables of which most rows are nearly constant, triangles solved by blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

FEW = 16
"""Columns with more unusual cells than this are multiplied as they are, the others pair by pair."""

BLOCK = 25
"""About the rows of a triangle that are solved at once: fewer are more calls, more are more work."""


def added(places: Places, values: Array, size: int) -> Array:
    """A vector with each value added at its place."""
    return np.bincount(places, values, size).astype(float, copy=False)  # whole numbers where there is nothing to add


@dataclass(frozen=True, slots=True)
class Table:
    """A table, each row as what is `usual` in it, and the cells that are not, less that.

    Who was run on everything has 1 throughout, who was stopped early 0 nearly everywhere. The work
    is in the cells that differ; where most do, it is about that of a table as it is.
    """

    usual: Array
    rows: Places
    columns: Places
    values: Array
    width: int

    @classmethod
    def of(cls, table: Array) -> Table:
        width = table.shape[1]
        usual = np.rint(table @ np.full(width, 1.0 / width))
        cells = np.flatnonzero(table != usual[:, None])
        rows, columns = np.divmod(cells, width)
        return cls(usual, rows, columns, table.ravel()[cells] - usual[rows], width)

    def by_column(self) -> Array:
        """The sum of each column."""
        sums: Array = added(self.columns, self.values, self.width) + self.usual.sum()
        return sums

    def times(self, vector: Array) -> Array:
        """`table @ vector`"""
        apart = added(self.rows, self.values * vector[self.columns], len(self.usual))
        product: Array = apart + self.usual * vector.sum()
        return product

    def gram(self, weights: Array) -> Array:
        """`table @ diag(weights) @ table.T`"""
        often = np.bincount(self.columns, minlength=self.width)
        many = np.flatnonzero(often > FEW)
        few = often[self.columns] <= FEW
        block = self._dense(many, ~few)
        apart = added(self.rows, self.values * weights[self.columns], len(self.usual))
        left = np.column_stack([block, self.usual, apart])
        right = np.column_stack([block * weights[many], weights.sum() * self.usual + apart, self.usual])
        product: Array = left @ right.T
        if few.any():
            product += self._by_pairs(few, weights)
        return product

    def _dense(self, columns: Places, cells: npt.NDArray[np.bool_]) -> Array:
        """These columns less what is usual, of which these are the cells."""
        place = np.zeros(self.width, dtype=np.intp)
        place[columns] = np.arange(len(columns))
        block = np.zeros((len(self.usual), len(columns)))
        block[self.rows[cells], place[self.columns[cells]]] = self.values[cells]
        return block

    def _by_pairs(self, cells: npt.NDArray[np.bool_], weights: Array) -> Array:
        """The gram of a table that is 0 but for these cells: each is multiplied with each of its column."""
        order = np.flatnonzero(cells)
        order = order[np.argsort(self.columns[order], kind="stable")]
        rows, columns, values = self.rows[order], self.columns[order], self.values[order]
        often = np.bincount(columns, minlength=self.width)
        first, partners = (np.cumsum(often) - often)[columns], often[columns]
        one = np.repeat(np.arange(len(rows)), partners)
        other = np.arange(len(one)) - np.repeat(np.cumsum(partners) - partners - first, partners)
        products = (values * weights[columns])[one] * values[other]
        size = len(self.usual)
        return added(rows[one] * size + rows[other], products, size * size).reshape(size, size)


@dataclass(frozen=True, slots=True)
class Triangle:
    """A lower triangular matrix, and the inverses of the blocks on its diagonal.

    numpy has no solver for triangles, and the whole inverse costs more than all that is asked of it.
    """

    matrix: Array
    corners: tuple[Array, ...]

    @classmethod
    def of(cls, matrix: Array) -> Triangle:
        size = len(matrix)
        side = -(-size // -(-size // BLOCK))
        blocks = [matrix[start : start + side, start : start + side] for start in range(0, size, side)]
        padded = np.array([np.eye(side)] * len(blocks))
        for corner, block in zip(padded, blocks, strict=True):
            corner[: len(block), : len(block)] = block
        pairs = zip(np.linalg.inv(padded).astype(float, copy=False), blocks, strict=True)
        return cls(matrix, tuple(corner[: len(block), : len(block)] for corner, block in pairs))

    def solve(self, right: Array) -> Array:
        """`matrix^-1 @ right`, of a vector or a matrix."""
        found = np.array(right)
        start = 0
        for corner in self.corners:
            end = start + len(corner)
            found[start:end] = corner @ (found[start:end] - self.matrix[start:end, :start] @ found[:start])
            start = end
        return found

    def solve_transposed(self, right: Array) -> Array:
        """`matrix.T^-1 @ right`, of a vector."""
        found = np.array(right)
        end = len(found)
        for corner in reversed(self.corners):
            start = end - len(corner)
            found[start:end] = (found[start:end] - found[end:] @ self.matrix[end:, start:end]) @ corner
            end = start
        return found
