"""Runs texts on examples of a run's sets, each as often as the rules repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

from langgraph_gepa.core.events import Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Refused

Trial = tuple[Rollout, ...]
"""Rollouts of one candidate on one example: as many as the rules' `repeats`."""


def score_of(trial: Trial) -> float:
    """Returns the mean score of the trial's rollouts."""
    return trial[0].score if len(trial) == 1 else mean(rollout.score for rollout in trial)


def lowest(trial: Trial) -> Rollout:
    """Returns the rollout with the lowest score, which has most to teach."""
    return min(trial, key=lambda rollout: rollout.score)


def in_common(several: Iterable[Sequence[Trial]]) -> list[list[Trial]]:
    """Returns the lists without trials on examples that another list lacks because they were set aside."""
    lists = list(several)
    common = set.intersection(*({trial[0].example for trial in trials} for trials in lists))
    return [[trial for trial in trials if trial[0].example in common] for trials in lists]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """In place of a rollout, why the world refused it."""

    cause: Exception


async def _or_refusal(call: Callable[[], Awaitable[Rollout]]) -> Rollout | _Refusal:
    try:
        return await call()
    except Refused as refused:
        return _Refusal(refused.cause)


@dataclass(frozen=True, slots=True)
class Trials:
    """Runs texts on examples by their ids. With `reuse` no texts run twice on the same content.

    On the pareto set and the test set, where each candidate runs once, rollouts that earlier runs paid for are used
    in place of new ones.
    """

    ledger: Ledger
    examples: Mapping[Subset, Mapping[str, Example]]
    repeats: int = 1
    reuse: bool = False

    async def run(
        self, texts: Texts, ids: Sequence[str], iteration: int, subset: Subset, turn: str = "", repeat: int = 0
    ) -> list[Trial]:
        """Returns trials in the order of `ids`. Without `reuse` an id that occurs twice runs twice.

        With `reuse` these are the `repeat`-th and following rollouts of these texts on each example. Examples that were
        set aside before, or are set aside by this call, are left out.
        """
        ids = [id for id in ids if not self._is_set_aside(id, subset)]
        seen: Counter[str] = Counter()
        calls: list[Callable[[], Awaitable[Rollout]]] = []
        for id in ids:
            example = self.examples[subset][id]
            for place in range(repeat, repeat + self.repeats):
                if self.reuse or (subset in ("pareto", "test") and self.ledger.carried(texts, example, place)):
                    calls.append(partial(self.ledger.rollout_once, texts, example, iteration, subset, place))
                else:
                    seen[id] += 1
                    calls.append(partial(self.ledger.rollout, texts, example, iteration, subset, f"{turn}{seen[id]}"))
        outcomes = await settle(map(_or_refusal, calls))
        trials = [outcomes[place : place + self.repeats] for place in range(0, len(outcomes), self.repeats)]
        refused = {
            id: one.cause for id, trial in zip(ids, trials, strict=True) for one in trial if isinstance(one, _Refusal)
        }
        if refused:
            self.ledger.set_aside(subset, refused, whole=len(ids) > 1 and refused.keys() >= set(ids))
        return [
            tuple(one for one in trial if not isinstance(one, _Refusal))
            for id, trial in zip(ids, trials, strict=True)
            if not self._is_set_aside(id, subset)
        ]

    def _is_set_aside(self, id: str, subset: Subset) -> bool:
        return id in self.ledger.pool.set_aside.get("pareto" if subset == "gate" else subset, ())

    async def take_over(self, texts: Texts, iteration: int) -> None:
        """Gives the pool all scores of these texts that earlier runs paid for, where scores are reused."""
        for subset in ("pareto", "feedback") if self.reuse else ():
            known = [id for id, example in self.examples[subset].items() if self.carried(texts, example)]
            await self.run(texts, known, iteration, subset)

    def carried(self, texts: Texts, example: Example) -> bool:
        """Whether every rollout of these texts on this example was paid for by an earlier run."""
        return all(self.ledger.carried(texts, example, repeat) for repeat in range(self.repeats))
