"""The rules of racing that act on a critic's opinions: whether to ask for them, and which proposed texts not to try."""

from __future__ import annotations

from collections.abc import Mapping

from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.search.turn import Turn

EXPLORE = 0.25
"""The share of iterations that ask the critic whether or not it is trusted, and try every text that is proposed.

What becomes of these edits shows how good the critic is: without them only edits that it likes would be tried.
"""

NEW = 12
"""The edits of known outcome before which a critic is new, and asked in every iteration."""


def worth_asking(turn: Turn) -> bool:
    """Whether to ask the critic: always while it is new or trusted, otherwise in a share of the iterations."""
    critique = turn.pool.critique
    return critique.trusted or critique.edits < NEW or _explores(turn)


def unlikely(turn: Turn, opinions: Mapping[str, Opinion]) -> frozenset[str]:
    """Returns the modules whose proposed texts are unlikely to help."""
    return frozenset() if _explores(turn) else turn.pool.critique.doubted(opinions)


def _explores(turn: Turn) -> bool:
    return turn.rng("critic").random() < EXPLORE
