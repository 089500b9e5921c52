"""What came of the replies of the reflection model and of the critic, folded from the events of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from langgraph_gepa.core.events import ChildrenProposed, Event, ModulesChosen

UNREAD = frozenset({"empty", "thinking", "unclosed", "unmarked", "several", "echo", "loop", "cut", "withheld"})
"""The codes of reflections whose replies hold nothing that could be taken as the new text."""

READ = frozenset({"unchanged", "refused", "repeated", "doubted"})
"""The codes of reflections without a text to try whose replies were in the form that is asked for."""


@dataclass(slots=True)
class Answers:
    """How many `reflections` ended, each on one module, and how many edits the critic had `opinions` of.

    `without` counts the reflections that led to no text to try, by the codes of `ChildrenProposed.reasons`. `read`
    counts the iterations with a reply that could be used, and `unread` the latest ones in a row with none that could.
    """

    reflections: int = 0
    without: Counter[str] = field(default_factory=Counter)
    opinions: int = 0
    read: int = 0
    unread: int = 0

    def add(self, proposed: ChildrenProposed, events: Iterable[Event]) -> None:
        """Takes in what an iteration proposed; `events` are those of the iteration so far."""
        self.reflections += sum(len(event.modules) for event in events if isinstance(event, ModulesChosen))
        self.without.update(proposed.reasons.values())
        self.opinions += bool(proposed.opinions)
        codes = {*proposed.reasons.values()}
        if proposed.children or proposed.repeated or codes & READ:
            self.read, self.unread = self.read + 1, 0
        elif codes & UNREAD:
            self.unread += 1
