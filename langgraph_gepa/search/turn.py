"""The arguments and values of rules: the pool at an iteration, a picked parent, a record, a stage of a race."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from random import Random

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import Lineage
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tally import average


@dataclass(frozen=True, slots=True)
class Turn:
    """What a rule may read: the pool as it is, the iteration's number, the run's seed."""

    pool: Pool
    number: int
    seed: int

    @property
    def perfect(self) -> float:
        """The score that leaves nothing to learn."""
        return self.pool.scale.full

    def enough_for(self, parent: int) -> float:
        """Returns the score that leaves nothing to learn of this candidate's training examples.

        Where all of them are that high, but no score is known to be perfect or the search has goals beside the score,
        none is enough.
        """
        known = self.pool.known("feedback", self.pool.candidates[parent].key)
        below = any(average(scores) < self.perfect for scores in known.values())
        return self.perfect if below or self.pool.may_be_flawless else inf

    def rng(self, purpose: str = "") -> Random:
        """Returns the iteration's generator for one purpose, equal in every call."""
        return Random(f"{self.seed}:{self.number}{purpose and ':'}{purpose}")


@dataclass(frozen=True, slots=True)
class Pick:
    """The parent to edit, and whether one module or several."""

    parent: int
    lineage: Lineage = "single"


@dataclass(frozen=True, slots=True)
class Concern:
    """What a rule may read of a record: its example, its score, and the modules about which it teaches something."""

    example: str
    score: float
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a race: the candidate to run next, the child or its rival, and the pareto examples.

    `repeat` is how often it was run on each of them before.
    """

    candidate: Candidate
    examples: tuple[str, ...]
    repeat: int = 0
