"""Whether a paid call still fits the budget: asked before each one starts, so that limits hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from langgraph_gepa.engine.attempt import Attempt
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.search.budget import Budget, Limit, Spent, limit_reached
from langgraph_gepa.search.rollout import Usage

Kind = Literal["rollout", "reply"]


class BudgetSpent(Interrupted):
    """No further paid call fits the budget, for this limit. Inside the engine only: a run ends well by it."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"the budget's {limit} are spent")
        self.limit = limit


def expected(spent: Spent, kind: Kind) -> Usage:
    """What a call of this kind has cost so far, on average; nothing before the first."""
    usage, count = spent.reflection, spent.reflections
    if kind == "rollout":
        usage, count = spent.graph, spent.rollouts + spent.tests
    if not count:
        return Usage()
    return Usage(usage.input_tokens // count, usage.output_tokens // count, (usage.dollars or 0.0) / count)


@dataclass(slots=True)
class Allowance:
    """Reserves what calls under way are expected to spend, or have spent already if that is more.

    A call that does not fit beside them waits until it does, or until it is clear that it never
    will. So tokens and dollars go beyond their limits by no more than the calls under way cost
    above the average; before anything is known of that, by what they cost.
    """

    spent: Callable[[], Spent]
    seconds: Callable[[], float]
    budget: Budget = field(default_factory=Budget)
    unpriced: set[str] = field(default_factory=set)
    _under_way: dict[str, tuple[Kind, Attempt]] = field(default_factory=dict)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, kind: Kind) -> None:
        """Returns when a call may start. Raises `BudgetSpent`, and `UsageError` when dollars cannot be counted."""
        while (limit := self._refusal(kind)) is not None:
            if not self._under_way:
                raise BudgetSpent(limit)
            await self._freed.wait()

    @contextmanager
    def reserved(self, kind: Kind, attempt: Attempt) -> Iterator[None]:
        """Counts a call as under way."""
        self._under_way[attempt.key] = (kind, attempt)
        try:
            yield
        finally:
            del self._under_way[attempt.key]
            self._freed.set()  # those who wait look again, after what this one spent is in the journal
            self._freed = asyncio.Event()

    def _refusal(self, kind: Kind) -> Limit | None:
        budget, spent = self.budget, self.spent()
        if budget.dollars is not None and spent.usage.dollars is None:
            raise UsageError(uncountable(self.unpriced))
        limits = Budget(tokens=budget.tokens, dollars=budget.dollars, seconds=budget.seconds)
        if (limit := limit_reached(limits, spent, self.seconds())) is not None:
            raise BudgetSpent(limit)
        next = expected(spent, kind)
        reserved = sum((_more(expected(spent, k), attempt.heard) for k, attempt in self._under_way.values()), next)
        tokens, dollars = spent.usage.tokens, spent.usage.dollars or 0.0
        if budget.tokens is not None and tokens + reserved.tokens > budget.tokens:
            return "tokens"
        if budget.dollars is not None and dollars + (reserved.dollars or 0.0) > budget.dollars:
            return "dollars"
        return None


def _more(one: Usage, other: Usage) -> Usage:
    dollars = None if other.dollars is None else max(one.dollars or 0.0, other.dollars)
    return Usage(max(one.input_tokens, other.input_tokens), max(one.output_tokens, other.output_tokens), dollars)


def uncountable(models: Collection[str]) -> str:
    """Why a limit in dollars cannot be kept with these models, and what to do."""
    which = f"the price of {' and '.join(sorted(models))} is" if models else "the price of a model in this run is"
    return (
        f"A budget in dollars cannot be kept: {which} unknown, or its provider counts no tokens. Give prices, in "
        'dollars for a million input and output tokens: RunnerOptions(prices={"<model>": (0.25, 2.0)}), and start '
        "in a new folder; or go on in this one with another limit, such as Budget(tokens=...)."
    )
