"""Decides before each paid call whether it still fits the budget of tokens, dollars and seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from langgraph_gepa.core.budget import Budget, Limit, Spent, limit_reached
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.meter import Attempt
from langgraph_gepa.errors import Interrupted, UsageError

Kind = Literal["rollout", "reply"]


MARGIN = 3.0
"""The second call may take four times what the first took; the hundredth little more than the largest before it."""


class BudgetSpent(Interrupted):
    """No further paid call fits the budget, for this limit. Inside the engine only: a run ends well by it."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"the budget's {limit} are spent")
        self.limit = limit


def expected(spent: Spent, kind: Kind) -> Usage:
    """Returns the average cost of calls of this kind so far; nothing before the first."""
    usage, count = spent.reflection + spent.critic, spent.replies
    if kind == "rollout":
        usage, count = spent.graph, spent.rollouts + spent.tests
    if not count:
        return Usage()
    return Usage(usage.input_tokens // count, usage.output_tokens // count, (usage.dollars or 0.0) / count)


def at_most(spent: Spent, kind: Kind) -> Usage | None:
    """Estimates the most that a call of this kind takes: the largest so far, plus a margin that shrinks as they add up.

    `None` before the first, when nothing is known.
    """
    largest, count = spent.largest_reflection, spent.replies
    if kind == "rollout":
        largest, count = spent.largest_rollout, spent.rollouts + spent.tests
    if not count:
        return None
    margin = 1 + MARGIN / count
    dollars = None if largest.dollars is None else largest.dollars * margin
    return Usage(ceil(largest.input_tokens * margin), ceil(largest.output_tokens * margin), dollars)


@dataclass(slots=True)
class Allowance:
    """Reserves the most that calls under way will take, or what they have spent already if that is more.

    A call that does not fit beside them waits until it does; alone it starts as long as the average fits. Calls of a
    kind that has not ended once start one at a time. So tokens and dollars exceed their limits by no more than one
    call takes, however many run at once.
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

    def reserve(self, kind: Kind, attempt: Attempt) -> None:
        """Counts a call as under way, until it is released."""
        self._under_way[attempt.key] = (kind, attempt)

    def release(self, key: str) -> None:
        """Frees the reservation, once the cost of the call is in the journal."""
        if self._under_way.pop(key, None) is not None:
            self._freed.set()  # those who wait look again
            self._freed = asyncio.Event()

    def _refusal(self, kind: Kind) -> Limit | None:
        budget, spent = self.budget, self.spent()
        if budget.dollars is not None and spent.usage.dollars is None:
            raise UsageError(uncountable(self.unpriced))
        limits = Budget(tokens=budget.tokens, dollars=budget.dollars, seconds=budget.seconds)
        if (limit := limit_reached(limits, spent, self.seconds())) is not None:
            raise BudgetSpent(limit)
        if kind == "reply" and budget.reflections is not None:
            replies = spent.replies + sum(other == "reply" for other, _ in self._under_way.values())
            if replies >= budget.reflections:
                return "reflections"
        if budget.tokens is None and budget.dollars is None:
            return None
        reserved = self._reserved(spent, kind) if self._under_way else expected(spent, kind)
        if reserved is None:
            return "tokens" if budget.tokens is not None else "dollars"
        tokens, dollars = spent.usage.tokens, spent.usage.dollars or 0.0
        if budget.tokens is not None and tokens + reserved.tokens > budget.tokens:
            return "tokens"
        if budget.dollars is not None and dollars + (reserved.dollars or 0.0) > budget.dollars:
            return "dollars"
        return None

    def _reserved(self, spent: Spent, kind: Kind) -> Usage | None:
        """Returns what to reserve for the calls under way and one more; `None` if two of them were of unknown size.

        A single unknown size is taken for the largest known one.
        """
        kinds = [kind, *(other for other, _ in self._under_way.values())]
        most = {each: at_most(spent, each) for each in ("rollout", "reply")}
        guess = next((known for known in most.values() if known is not None), None)
        if guess is None or sum(most[each] is None for each in kinds) > 1:
            return None
        reported = [Usage(), *(attempt.reported for _, attempt in self._under_way.values())]
        limits = (most[each] or guess for each in kinds)
        return sum((limit.at_least(so_far) for limit, so_far in zip(limits, reported, strict=True)), Usage())


def uncountable(models: Collection[str]) -> str:
    """Returns why a limit in dollars cannot be kept with these models, and what to do."""
    which = f"the price of {' and '.join(sorted(models))} is" if models else "the price of a model in this run is"
    return (
        f"A budget in dollars cannot be kept: {which} unknown, or its provider counts no tokens. Give prices, in "
        'dollars for a million input and output tokens: RunnerOptions(prices={"<model>": (0.25, 2.0)}), and start '
        "in a new folder; or go on in this one with another limit, such as Budget(tokens=...)."
    )
