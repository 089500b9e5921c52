"""A candidate: texts with an id and parents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Texts

Origin = Literal["seed", "mutation", "merge"]


@dataclass(frozen=True)  # without slots, so that `cached_property` works
class Candidate:
    """Texts for every module, and where they came from.

    `id` counts admissions to the pool from 0, the seed. A merge has two parents and the
    common ancestor it was made over; a mutation has one parent.
    """

    id: int
    texts: Texts
    parents: tuple[int, ...] = ()
    ancestor: int | None = None

    @property
    def origin(self) -> Origin:
        return ("seed", "mutation", "merge")[len(self.parents)]

    @cached_property
    def key(self) -> str:
        return texts_key(self.texts)


def texts_key(texts: Texts) -> str:
    """Returns a name for texts by their content: candidates with equal texts share their scores."""
    return digest(dict(texts))
