"""Objectives: what is known of a rollout by name beside its score, and which of them a search is to pursue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout, Usage

SCORE = "score"
LENGTH = "prompt_length"
COSTS = ("tokens", "dollars", "seconds")
MEASURED = frozenset({SCORE, LENGTH, *COSTS})
"""Objectives of every metric: its score, the characters of the optimised texts, and what running the graph took."""

Direction = Literal["min", "max"]
Goals = Mapping[str, Direction]


def direction_of(objective: str) -> Direction:
    """Returns which values of an objective are better: low ones of what is paid, high ones of scores."""
    return "min" if objective in MEASURED - {SCORE} else "max"


def objectives_of(rollout: Rollout) -> dict[str, float]:
    """Returns the metric's named scores, and what the run of the graph took; the dollars if they are known.

    The metric's own model calls do not count. Where no call reported its usage, the rollout's counts.
    """
    usage = sum((call.usage for call in rollout.calls if call.kind == "model"), Usage())
    usage = usage if usage.tokens else rollout.usage
    named = {name: score for name, score in rollout.feedback.objectives.items() if name not in MEASURED}
    dollars = {} if usage.dollars is None else {"dollars": usage.dollars}
    return {**named, "tokens": float(usage.tokens), **dollars, "seconds": rollout.seconds}


def length_of(texts: Texts) -> float:
    """Returns how many characters the texts have together."""
    return float(sum(map(len, texts.values())))
