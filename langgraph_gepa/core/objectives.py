"""Objectives: what is known of a rollout by name beside its score, and which of them a search is to pursue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from math import fsum
from typing import Literal

from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Feedback, Rollout, Usage

SCORE = "score"
LENGTH = "prompt_length"
COSTS = ("tokens", "dollars", "seconds")
MEASURED = frozenset({SCORE, LENGTH, *COSTS})
"""Objectives of every metric: its score, the characters of the optimised texts, and what running the graph took."""

MOST = 1000
"""Named scores of a metric that are kept of a rollout."""

Direction = Literal["min", "max"]
Goals = Mapping[str, Direction]


Pursued = Mapping[str, float | Direction]
"""What a search is to pursue: objectives with their weight in the score, or with the direction of a goal of its own."""


def weights_of(pursued: Pursued) -> dict[str, float]:
    """Returns the weights by objective; without any the score has all of it."""
    return {name: float(aim) for name, aim in pursued.items() if not isinstance(aim, str)} or {SCORE: 1.0}


def goals_in(pursued: Pursued) -> dict[str, Direction]:
    """Returns the objectives that are goals of their own."""
    return {name: aim for name, aim in pursued.items() if isinstance(aim, str)}


def in_words(goals: Goals) -> str:
    """Returns a sentence for the reflection model about the goals beside the score; empty without goals."""
    wanted = [f"{'lower' if way == 'min' else 'higher'} {name.replace('_', ' ')}" for name, way in goals.items()]
    return f"Of texts that score alike the one with {' and '.join(wanted)} is better." if wanted else ""


def direction_of(objective: str) -> Direction:
    """Returns which values of an objective are better: low ones of what is paid, high ones of scores."""
    return "min" if objective in MEASURED - {SCORE} else "max"


def objectives_of(rollout: Rollout) -> dict[str, float]:
    """Returns the metric's named scores, and what the run of the graph took; the dollars if they are known.

    The metric's own model calls do not count. Where no call reported its usage, the rollout's counts.
    """
    usage = sum((call.usage for call in rollout.calls if call.kind == "model"), Usage())
    usage = usage if usage.tokens else rollout.usage
    scores = islice(rollout.feedback.objectives.items(), MOST)
    named = {name: score for name, score in scores if name not in MEASURED}
    dollars = {} if usage.dollars is None else {"dollars": usage.dollars}
    return {**named, "tokens": float(usage.tokens), **dollars, "seconds": rollout.seconds}


def pursuing(rollout: Rollout, texts: Texts, pursued: Pursued) -> Feedback:
    """Returns the rollout's feedback with the weighted score, and with the objectives that are pursued among its own.

    The score is the weighted sum over the sum of the positive weights, so that scores from 0 to 1 stay there. Raises
    `LookupError`, with the names that are known, for an objective that the rollout does not have.
    """
    feedback, weights = rollout.feedback, weights_of(pursued)
    values = {**objectives_of(rollout), SCORE: rollout.score, LENGTH: length_of(texts)}
    for name in pursued:
        if name not in values:
            raise LookupError(name, tuple(values))
    score = rollout.score
    if weights.keys() != {SCORE}:
        total = fsum(weight for weight in weights.values() if weight > 0) or 1.0
        score = fsum(weight * values[name] for name, weight in weights.items()) / total
    added = {name: values[name] for name in pursued if name != SCORE or score != rollout.score}
    return replace(feedback, score=score, objectives={**feedback.objectives, **added})


def length_of(texts: Texts) -> float:
    """Returns how many characters the texts have together."""
    return float(sum(map(len, texts.values())))
