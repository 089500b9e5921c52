"""What a run has spent, added up from its events."""

from __future__ import annotations

from dataclasses import replace

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.events import (
    Charged,
    Event,
    IterationFinished,
    ModelTried,
    ReflectionFinished,
    RolloutFinished,
)


def spent_after(spent: Spent, event: Event) -> Spent:
    """What is spent once `event` has happened too."""
    match event:
        case RolloutFinished():
            test = event.subset == "test"
            return replace(
                spent,
                rollouts=spent.rollouts + (not test and not event.reused),
                tests=spent.tests + (test and not event.reused),
                graph=spent.graph + event.usage,
                largest_rollout=spent.largest_rollout.at_least(event.usage),
            )
        case ReflectionFinished():
            return replace(
                spent,
                reflections=spent.reflections + 1,
                reflection=spent.reflection + event.usage,
                largest_reflection=spent.largest_reflection.at_least(event.usage),
            )
        case ModelTried():
            return replace(spent, reflection=spent.reflection + event.usage)
        case Charged():
            return replace(spent, lost=spent.lost + event.usage)
        case IterationFinished():
            return replace(spent, iterations=spent.iterations + (event.iteration > 0))
        case _:
            return spent
