"""The critic's opinions so far, folded from the events of a run, and the critic calibrated by their outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from langgraph_gepa.core.events import ChildrenProposed, Event
from langgraph_gepa.core.opinion import chances
from langgraph_gepa.search.attempts import Attempt
from langgraph_gepa.search.calibration import Critique, calibrated


@dataclass(slots=True)
class CriticHistory:
    """The probabilities that the critic gave to new texts, in order, and those of each candidate's changed texts.

    `version` changes with whatever the calibration depends on.
    """

    given: list[float] = field(default_factory=list)
    by_candidate: list[tuple[float, ...]] = field(default_factory=list)
    version: int = field(default=0, compare=False)
    _critique: Critique | None = field(default=None, repr=False, compare=False)

    def add(self, proposed: ChildrenProposed) -> None:
        """Takes in the opinions of proposed texts."""
        if proposed.opinions:
            self.given += chances(proposed.opinions, proposed.opinions)
            self._changed()

    def admit(self, changed: Sequence[str], events: Iterable[Event]) -> None:
        """Takes in the next candidate, the modules whose texts it changed, and the events of its iteration so far."""
        opinions = next((event.opinions for event in events if isinstance(event, ChildrenProposed)), {})
        self.by_candidate.append(chances(opinions, changed))

    def finish(self, events: Iterable[Event]) -> None:
        """Notes that the outcome of an iteration is known, given its events."""
        if any(isinstance(event, ChildrenProposed) and event.opinions for event in events):
            self._changed()

    def critique(self, attempts: Sequence[Attempt]) -> Critique:
        """Returns the critic, calibrated on what became of the edits that were tried."""
        if self._critique is None:
            self._critique = calibrated(self.given, attempts)
        return self._critique

    def _changed(self) -> None:
        self.version += 1
        self._critique = None
