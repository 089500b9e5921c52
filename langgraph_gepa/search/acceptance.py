"""The rules that accept a child on its minibatch, before it is scored on the pareto set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from langgraph_gepa.core.objectives import Goals


def improves(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether a mutation is accepted: its sum is strictly larger than its parent's (Alg. 1)."""
    return fsum(after) > fsum(before)


def keeps_up(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether a merge is accepted: its sum is no smaller than the better parent's (Alg. 4)."""
    return fsum(after) >= fsum(before)


def gains(goals: Goals, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether a goal is reached better after a mutation, given the means of objectives; unknown means are no gain."""
    known = {goal: way for goal, way in goals.items() if goal in before and goal in after}
    return any(
        after[goal] < before[goal] if way == "min" else after[goal] > before[goal] for goal, way in known.items()
    )


def perfect(scores: Sequence[float], full: float) -> bool:
    """Whether every score is `full`, so that there is nothing to learn."""
    return all(score >= full for score in scores)
