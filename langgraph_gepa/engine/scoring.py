"""Runs texts on examples of a run's sets, each as often as the rules repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from langgraph_gepa.core.events import Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.engine.ledger import Ledger

Trial = tuple[Rollout, ...]
"""Rollouts of one candidate on one example: as many as the rules' `repeats`."""


def score_of(trial: Trial) -> float:
    """Returns the mean score of the trial's rollouts."""
    return trial[0].score if len(trial) == 1 else mean(rollout.score for rollout in trial)


def lowest(trial: Trial) -> Rollout:
    """Returns the rollout with the lowest score, which has most to teach."""
    return min(trial, key=lambda rollout: rollout.score)


@dataclass(frozen=True, slots=True)
class Trials:
    """Runs texts on examples by their ids. With `reuse` no texts run twice on the same content.

    What earlier runs paid for is used in place of rollouts for validation and test, which each candidate has once.
    """

    ledger: Ledger
    examples: Mapping[Subset, Mapping[str, Example]]
    repeats: int = 1
    reuse: bool = False

    async def run(
        self, texts: Texts, ids: Sequence[str], iteration: int, subset: Subset, turn: str = "", repeat: int = 0
    ) -> list[Trial]:
        """Returns trials in the order of `ids`. Without `reuse` an id that occurs twice runs twice.

        With `reuse` these are the rollouts from the `repeat`-th of these texts on each example.
        """
        seen: Counter[str] = Counter()
        calls: list[Awaitable[Rollout]] = []
        for id in ids:
            example = self.examples[subset][id]
            for place in range(repeat, repeat + self.repeats):
                if self.reuse or (subset in ("pareto", "test") and self.ledger.carried(texts, example, place)):
                    calls.append(self.ledger.rollout_once(texts, example, iteration, subset, place))
                else:
                    seen[id] += 1
                    calls.append(self.ledger.rollout(texts, example, iteration, subset, f"{turn}{seen[id]}"))
        rollouts = await settle(calls)
        return [tuple(rollouts[place : place + self.repeats]) for place in range(0, len(rollouts), self.repeats)]

    async def take_over(self, texts: Texts, iteration: int) -> None:
        """Gives the pool all scores of these texts that earlier runs paid for, where scores are reused."""
        for subset in ("pareto", "feedback") if self.reuse else ():
            known = [id for id, example in self.examples[subset].items() if self.carried(texts, example)]
            await self.run(texts, known, iteration, subset)

    def carried(self, texts: Texts, example: Example) -> bool:
        """Whether every rollout of these texts on this example was paid for by an earlier run."""
        return all(self.ledger.carried(texts, example, repeat) for repeat in range(self.repeats))
