"""The family tree as a matrix: what is believed of a candidate's worth is a step from its parents'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from langgraph_gepa.search.algebra import Array, Places, added


@dataclass(frozen=True, slots=True)
class Family:
    """Each worth less the mean of its parents, as three terms a row: columns, coefficients. `seeds` have no parents.

    Written A below: rows are candidates, columns the worths it is applied to.
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
        """An only parent counts as both."""
        return np.where(self.seeds[:, None], (1.0, 0.0, 0.0), (1.0, -0.5, -0.5))

    def latest(self, recent: int) -> tuple[Family, Places]:
        """That of the latest children with their parents, who are seeds where theirs are left out; and who they are."""
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
