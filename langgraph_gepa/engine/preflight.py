"""Forecasts how many new prompts a budget buys."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.engine.allowance import expected
from langgraph_gepa.search.rules import Rules

FEW = 10
"""With fewer new prompts a search has hardly begun; the paper's runs try dozens."""

ENOUGH = 60
"""More validation examples than this cost more rollouts than they add information."""

VERDICT = 6
"""With fewer validation examples no verdict is given (see `report.view`)."""

PLENTY = 50
"""With more rollouts than this for each validation example, noise makes the luckiest of many candidates look best
(seen in simulated worlds, `evals/bench/README.md`)."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The forecast: with `rollouts` and `pareto` validation examples, `least` to `most` new prompts are tried."""

    rollouts: int
    pareto: int
    least: int
    most: int
    repeated: bool = False

    @property
    def few(self) -> bool:
        return self.most < FEW

    def __str__(self) -> str:
        return " ".join([f"{_counted(self.rollouts, 'rollout')} {self._tries()}", *self._advice()])

    def _tries(self) -> str:
        enough = "is enough" if self.rollouts == 1 else "are enough"
        tried = f"about {_counted(self.most, 'new prompt')} to be tried"
        if self.least < self.most:
            tried = f"about {self.least:,} to {_counted(self.most, 'new prompt')} to be tried"
        return f"{enough} for {tried}, with {_counted(self.pareto, 'validation example')}."

    def _advice(self) -> list[str]:
        advice = []
        if self.few:
            fewer = f", or fewer validation examples: {ENOUGH} are enough" if self.pareto > ENOUGH else ""
            advice.append(f"That is few: give more rollouts{fewer}.")
        if self.pareto < VERDICT:
            advice.append("So few validation examples cannot tell whether prompts help: 20 to 60 can.")
        elif not self.repeated and self.rollouts >= PLENTY * self.pareto:
            advice.append(
                "That is plenty: when the graph or the metric is noisy, repeats=2 (--repeats 2) or more validation "
                "examples tell prompts apart better."
            )
        return advice


def preflight(budget: Budget, feedback: int, pareto: int, rules: Rules, spent: Spent | None = None) -> Preflight | None:
    """Forecasts what `budget` buys with sets of these sizes; `None` when rollouts do not limit it.

    Tokens and dollars are converted to rollouts once some are `spent`.
    """
    limits = [] if budget.rollouts is None else [budget.rollouts]
    if spent is not None and spent.rollouts:
        rollout = expected(spent, "rollout")
        if budget.tokens is not None and rollout.tokens:
            limits.append(budget.tokens // rollout.tokens)
        if budget.dollars is not None and rollout.dollars:
            limits.append(int(budget.dollars / rollout.dollars))
    if not limits:
        return None
    left = max(0, min(limits) - rules.seed_rollouts(pareto)) / rules.repeats
    cheap, dear = rules.try_costs(feedback, pareto)
    most = max(1, ceil(left / cheap))
    return Preflight(
        min(limits), pareto, min(most, max(1, int(left / dear))), most, rules.repeats > 1 or rules.decides_repeats
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
