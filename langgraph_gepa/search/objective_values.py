"""The values of the rollouts' objectives by candidate and example, folded from the events of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.objectives import MEASURED

Values = Mapping[str, Mapping[str, float]]
"""By objective and example the mean value of a candidate."""


@dataclass(slots=True)
class Objectives:
    """Updated with every rollout. A failed one counts with the lowest value seen, or 0, in each named score."""

    _known: dict[Subset, dict[str, dict[str, list[Mapping[str, float]]]]] = field(default_factory=dict)
    _failures: dict[str, float] = field(default_factory=dict)

    def add(self, event: RolloutFinished) -> None:
        values = event.objectives or _of_earlier_version(event)
        if event.error is None:
            for name in values.keys() - MEASURED:
                self._failures[name] = min(self._failures.get(name, 0.0), values[name])
        else:
            values = {name: value for name, value in values.items() if name in MEASURED}
        known = self._known.setdefault(event.subset, {}).setdefault(event.texts, {})
        known.setdefault(event.example, []).append(values)

    def values(self, subset: Subset, key: str) -> Values:
        """Returns what is known of the texts with this key on the examples of a set."""
        found: dict[str, dict[str, float]] = {}
        for example, rollouts in self._known.get(subset, {}).get(key, {}).items():
            for name in {*self._failures, *(name for values in rollouts for name in values)}:
                if (known := self._of(name, rollouts)) is not None:
                    found.setdefault(name, {})[example] = known
        return found

    def _of(self, name: str, rollouts: Sequence[Mapping[str, float]]) -> float | None:
        """Returns the mean of an objective over rollouts; `None` where one of them does not know it."""
        known = [values.get(name, self._failures.get(name)) for values in rollouts]
        numbers = [value for value in known if value is not None]
        return fmean(numbers) if len(numbers) == len(known) else None


def _of_earlier_version(event: RolloutFinished) -> dict[str, float]:
    """Returns what the event of an earlier version tells of a rollout; nothing of one that was paid for before."""
    if event.reused:
        return {}
    dollars = {} if event.usage.dollars is None else {"dollars": event.usage.dollars}
    return {"tokens": float(event.usage.tokens), **dollars, "seconds": event.seconds}
