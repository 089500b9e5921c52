"""The budget of a run, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal

from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import UsageError

Limit = Literal["rollouts", "tokens", "dollars", "seconds", "iterations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a search; the first one reached ends it. `None` means no limit.

    `rollouts` counts every run of the graph that the search pays for. `tokens` and `dollars` count the model calls of
    the graph and of the reflection model together. `seconds` is running time over all sessions of a resumed run; calls
    under way at its end are cut off and not scored. A model call that is cut off is not counted, since its cost is
    unknown. The final scoring on held-out test examples is extra: twice their number of rollouts.
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
    """What a run has paid for. `rollouts` are the search's, `tests` those on held-out examples.

    `lost` is the cost of attempts without a result: the world failed, or the process was killed. The `largest` are the
    most that one rollout and one reflection took, number by number.
    """

    rollouts: int = 0
    tests: int = 0
    reflections: int = 0
    iterations: int = 0
    graph: Usage = Usage()
    reflection: Usage = Usage()
    lost: Usage = Usage()
    largest_rollout: Usage = Usage()
    largest_reflection: Usage = Usage()

    @property
    def usage(self) -> Usage:
        return self.graph + self.reflection + self.lost


def rollouts_left(budget: Budget, spent: Spent, reserved: int = 0) -> int | None:
    """Returns how many rollouts may still start when `reserved` are promised to others; `None` for no limit."""
    if budget.rollouts is None:
        return None
    return max(0, budget.rollouts - spent.rollouts - reserved)


def limit_reached(budget: Budget, spent: Spent, seconds: float) -> Limit | None:
    """Returns the limit that ends the search now, or `None`."""
    used: dict[Limit, float] = {
        "rollouts": spent.rollouts,
        "tokens": spent.usage.tokens,
        "dollars": spent.usage.dollars or 0.0,
        "seconds": seconds,
        "iterations": spent.iterations,
    }
    for limit, amount in used.items():
        allowed: float | None = getattr(budget, limit)
        if allowed is not None and amount >= allowed:
            return limit
    return None
