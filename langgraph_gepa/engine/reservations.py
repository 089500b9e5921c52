"""Reserves rollouts for iterations under way, so that each can finish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from langgraph_gepa.core.budget import Budget, Limit, limit_reached, rollouts_left
from langgraph_gepa.core.events import Event, ExamplesDrawn, RolloutFinished
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.search.rules import Rules


@dataclass(slots=True)
class Reservations:
    """An iteration starts only when the budget leaves what the rules reserve for one over `pareto` examples.

    It requests more when it needs more. Both stay reserved until the iteration ends.
    """

    ledger: Ledger
    budget: Budget
    rules: Rules
    pareto: int
    _allowed: dict[int, int] = field(default_factory=dict)

    @property
    def per_iteration(self) -> int:
        """Rollouts reserved for an iteration when it starts."""
        return self.rules.most_rollouts(self.pareto)

    def limit(self) -> Limit | None:
        """The limit that lets no further iteration start: it is reached, or leaves too few rollouts for one."""
        pool = self.ledger.pool
        if limit := limit_reached(self.budget, pool.spent, self.ledger.seconds):
            return limit
        if self.budget.iterations is not None and pool.iterations - pool.starts >= self.budget.iterations:
            return "iterations"
        left = rollouts_left(self.budget, pool.spent, sum(map(self._reserved, pool.open)))
        return None if left is None or left >= self.per_iteration else "rollouts"

    def grant(self, number: int, trials: int) -> int:
        """Grants an iteration up to `trials` runs of texts on an example, beside what others have reserved."""
        pool, repeats = self.ledger.pool, self.rules.repeats
        others = sum(self._reserved(other) for other in pool.open if other != number)
        left = rollouts_left(self.budget, pool.spent, others)
        granted = repeats * trials if left is None else min(repeats * trials, left)
        self._allowed[number] = max(self._of(number), paid(pool.open[number]) + granted)
        return granted // repeats

    def restore(self) -> None:
        """Reserves again what was granted to the iterations in the journal before the run stopped."""
        pool = self.ledger.pool
        for number, events in pool.open.items():
            draws = [event for event in events if isinstance(event, ExamplesDrawn)]
            unpaid = sum(
                max(0, draw.repeat + self.rules.repeats - len(pool.known(draw.subset, draw.texts).get(example, ())))
                for draw in draws
                for example in draw.examples
            )
            self._allowed[number] = max(self.per_iteration, paid(events) + unpaid)

    def _of(self, number: int) -> int:
        """Returns how many rollouts an iteration may start in all."""
        return self._allowed.get(number, self.per_iteration)

    def _reserved(self, number: int) -> int:
        """Returns how many rollouts an iteration under way may still start."""
        return max(0, self._of(number) - paid(self.ledger.pool.open[number]))


def paid(events: Iterable[Event]) -> int:
    """Returns how many rollouts were paid for."""
    return sum(isinstance(event, RolloutFinished) and not event.reused for event in events)
