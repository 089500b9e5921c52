"""What a child must clear on its minibatch before it is scored on the whole pareto set."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def improves(before: Sequence[float], after: Sequence[float]) -> bool:
    """A mutation's bar: a strictly larger sum than its parent's (Alg. 1)."""
    return fsum(after) > fsum(before)


def keeps_up(before: Sequence[float], after: Sequence[float]) -> bool:
    """A merge's bar: a sum no smaller than the better parent's (Alg. 4)."""
    return fsum(after) >= fsum(before)


def perfect(scores: Sequence[float], full: float) -> bool:
    """Nothing to learn from: every score is full."""
    return all(score >= full for score in scores)
