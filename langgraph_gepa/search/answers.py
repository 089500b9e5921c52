"""What came of the replies of the reflection model and of the critic, folded from the events of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from langgraph_gepa.core.events import ChildrenProposed, Event, ModulesChosen


@dataclass(slots=True)
class Answers:
    """How many `reflections` ended, each on one module, and how many edits the critic had `opinions` of.

    `without` counts the reflections that led to no text to try, by the codes of `ChildrenProposed.reasons`.
    """

    reflections: int = 0
    without: Counter[str] = field(default_factory=Counter)
    opinions: int = 0

    def add(self, proposed: ChildrenProposed, events: Iterable[Event]) -> None:
        """Takes in what an iteration proposed; `events` are those of the iteration so far."""
        self.reflections += sum(len(event.modules) for event in events if isinstance(event, ModulesChosen))
        self.without.update(proposed.reasons.values())
        self.opinions += bool(proposed.opinions)
