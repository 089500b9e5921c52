"""Where in a search a decision is made."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import Lineage
from langgraph_gepa.search.pool import Pool


@dataclass(frozen=True, slots=True)
class Turn:
    """What a rule may look at: the pool as it stands, the iteration's number, the run's seed.

    A score of `perfect` leaves nothing to learn.
    """

    pool: Pool
    number: int
    seed: int
    perfect: float = 1.0

    def rng(self, purpose: str = "") -> Random:
        """The iteration's randomness for one purpose: the same however often it is asked for."""
        return Random(f"{self.seed}:{self.number}{purpose and ':'}{purpose}")


@dataclass(frozen=True, slots=True)
class Pick:
    """Whom to edit, and how."""

    parent: int
    lineage: Lineage = "single"


@dataclass(frozen=True, slots=True)
class Stage:
    """Whom to run next in a race, and on which pareto examples: the child, or whom it has to beat."""

    candidate: Candidate
    examples: tuple[str, ...]
