"""A candidate: texts with an id and parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Texts

Origin = Literal["seed", "start", "mutation", "merge"]

SHORT_KEY = 12
"""Characters of a candidate's key that stand for its texts in traces and experiments."""


@dataclass(frozen=True)  # without slots, so that `cached_property` works
class Candidate:
    """Texts for every module, and where they came from.

    `id` counts admissions to the pool from 0, the seed. A merge has two parents and the
    common ancestor it was made over; a mutation has one parent. So has one that the search was `given` as a start, as a
    child of the seed.
    """

    id: int
    texts: Texts
    parents: tuple[int, ...] = ()
    ancestor: int | None = None
    given: bool = False

    @property
    def origin(self) -> Origin:
        return origin_of(self.parents, given=self.given)

    @cached_property
    def key(self) -> str:
        return texts_key(self.texts)


def origin_of(parents: Sequence[int], *, given: bool) -> Origin:
    """Returns how a candidate with these parents came about."""
    return "start" if given else ("seed", "mutation", "merge")[len(parents)]


def ancestors(candidates: Sequence[Candidate], id: int) -> set[int]:
    """Returns the ids of all candidates that candidate `id` descends from; `candidates` are in the order of ids."""
    found: set[int] = set()
    queue = list(candidates[id].parents)
    while queue:
        parent = queue.pop()
        if parent not in found:
            found.add(parent)
            queue.extend(candidates[parent].parents)
    return found


def texts_key(texts: Texts) -> str:
    """Returns a name for texts by their content: candidates with equal texts share their scores."""
    return digest(dict(texts))
