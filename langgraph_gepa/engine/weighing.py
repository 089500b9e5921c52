"""Weighs the objectives of a rollout: its score becomes what the search pursues."""

from __future__ import annotations

from dataclasses import replace

from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Pursued, pursuing
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.errors import MetricError


def weighed(rollout: Rollout, texts: Texts, objectives: Pursued) -> Rollout:
    """Returns the rollout with the weighted score; one that failed, and any without objectives, as it is.

    Raises `MetricError` for an objective that the rollout does not have.
    """
    if not objectives or rollout.error is not None:
        return rollout
    try:
        return replace(rollout, feedback=pursuing(rollout, texts, objectives))
    except LookupError as missing:
        name, known = missing.args
        raise MetricError(
            f"The objective {name!r} is not known of example {rollout.example!r}. Known are: {', '.join(known)}. "
            "Let the metric return it by name, or correct the name in objectives=... (--goal)."
        ) from None
