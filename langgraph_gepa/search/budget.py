"""What a run may spend, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.rollout import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a search; the first one reached ends it. `None` is no limit.

    `rollouts` counts every run of the graph the search pays for. `tokens` and `dollars`
    count the graph's model calls and the reflection model's together. `seconds` is running
    time, over all sessions of a resumed run. The final scoring on held-out test examples
    comes on top: twice their number of rollouts.
    """

    rollouts: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise UsageError(f"Budget({name}={value!r}): a limit is a positive number, or None for no limit.")

    @property
    def bounded(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was paid for. `rollouts` are the search's; `tests` those on held-out examples.

    `lost` was spent on attempts that came to nothing: failed by the world, or cut off by a kill.
    """

    rollouts: int = 0
    tests: int = 0
    reflections: int = 0
    iterations: int = 0
    graph: Usage = Usage()
    reflection: Usage = Usage()
    lost: Usage = Usage()

    @property
    def usage(self) -> Usage:
        return self.graph + self.reflection + self.lost


def rollouts_left(budget: Budget, spent: Spent, reserved: int = 0) -> int | None:
    """Rollouts that may still be started when `reserved` are promised to others; `None` when unlimited."""
    if budget.rollouts is None:
        return None
    return max(0, budget.rollouts - spent.rollouts - reserved)


def limit_reached(budget: Budget, spent: Spent, seconds: float) -> str | None:
    """The limit that ends the search now, in words, or `None`."""
    usage = spent.usage
    dollars = usage.dollars or 0.0
    if budget.rollouts is not None and spent.rollouts >= budget.rollouts:
        return f"{spent.rollouts} of {budget.rollouts} rollouts spent"
    if budget.tokens is not None and usage.tokens >= budget.tokens:
        return f"{usage.tokens:,} of {budget.tokens:,} tokens spent"
    if budget.dollars is not None and dollars >= budget.dollars:
        return f"${dollars:.2f} of ${budget.dollars:.2f} spent"
    if budget.seconds is not None and seconds >= budget.seconds:
        return f"{seconds:.0f} of {budget.seconds:.0f} seconds passed"
    if budget.iterations is not None and spent.iterations >= budget.iterations:
        return f"{spent.iterations} of {budget.iterations} iterations done"
    return None
