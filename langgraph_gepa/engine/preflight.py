"""What a budget buys, told before it is spent."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_gepa.engine.allowance import expected
from langgraph_gepa.search.budget import Budget, Spent
from langgraph_gepa.search.rules import Rules

FEW_PROPOSALS, FEW_VALIDATIONS = 10, 4
"""Below these a search has hardly begun; the paper's runs make dozens of proposals and ten validations or more."""

PLENTY = 50
"""Rollouts for each validation example from which on, where there is noise, the luckiest of many candidates is taken
for the best (seen in simulated worlds, `evals/bench/README.md`)."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """`rollouts` on `pareto` validation examples, by the cost of the seed's and of a proposal: rejected at once, and
    at the most."""

    rollouts: int
    pareto: int
    seed: int
    rejected: int
    whole: int
    repeats: int = 1

    @property
    def validations(self) -> int:
        """How many candidates can be scored on every validation example, the graph as it is included."""
        return self.rollouts // max(1, self.repeats * self.pareto)

    @property
    def proposals(self) -> tuple[int, int]:
        """How many new prompts can be tried: when all of them are validated, and when none is."""
        left = max(0, self.rollouts - self.seed)
        return left // max(1, self.whole), left // max(1, self.rejected)

    @property
    def few(self) -> bool:
        return self.proposals[1] < FEW_PROPOSALS or self.validations < FEW_VALIDATIONS

    def __str__(self) -> str:
        least, most = self.proposals
        said = (
            f"{self.rollouts:,} rollouts buy {self.validations:,} full validations on {self.pareto:,} examples, "
            f"the graph as it is included, and {least:,} to {most:,} proposals."
        )
        if self.few:
            said += " That is few: give more rollouts, or fewer validation examples (20 to 50 tell prompts apart)."
        elif self.repeats == 1 and self.rollouts >= PLENTY * self.pareto:
            said += (
                " That is plenty: where the graph or the metric says now this, now that, repeats=2 (--repeats 2) or "
                "more validation examples tell prompts apart better."
            )
        return said


def preflight(budget: Budget, pareto: int, rules: Rules, spent: Spent | None = None) -> Preflight | None:
    """What `budget` buys over a pareto set of this size; `None` when rollouts are not what ends it.

    Tokens and dollars are counted in rollouts once some are `spent`.
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
    costs = rules.seed_rollouts(pareto), rules.most_rollouts(0), rules.most_rollouts(pareto)
    return Preflight(min(limits), pareto, *costs, rules.repeats)
