"""Scores the seed and the best candidate on the test set, the seed while the last iterations end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.scoring import Trials


@dataclass
class HeldOut:
    """Scores candidates on the test set, given by the `ids` of its examples. `tasks` run beside the search."""

    trials: Trials
    ids: Sequence[str]
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, seed: Texts, budget: Budget) -> None:
        """Begins to score the seed, which is scored whichever candidate turns out to be the best.

        Does nothing where the budget limits tokens, dollars or seconds: tests count in these, and would take them from
        the iterations under way.
        """
        if not self.tasks and (budget.tokens, budget.dollars, budget.seconds) == (None, None, None):
            self.tasks.add(asyncio.create_task(self._score(seed), name="test"))

    async def finish(self, candidates: Sequence[Texts]) -> None:
        """Scores the candidates on the examples on which they were not scored yet."""
        await asyncio.gather(*self.tasks)
        for texts in candidates:
            await self.trials.run(texts, self.ids, 0, "test")

    async def _score(self, texts: Texts) -> None:
        """Takes half of the rollouts at once, and leaves the others to the search."""
        size = max(1, self.trials.ledger.concurrency // 2)
        for start in range(0, len(self.ids), size):
            await self.trials.run(texts, self.ids[start : start + size], 0, "test")
