"""What a run may spend, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal

from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import UsageError

Limit = Literal["rollouts", "tokens", "dollars", "seconds", "iterations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a search; the first one reached ends it. `None` is no limit.

    `rollouts` counts every run of the graph the search pays for. `tokens` and `dollars`
    count the graph's model calls and the reflection model's together. `seconds` is running
    time, over all sessions of a resumed run; what is under way when it is over is cut off and not
    scored. A model call that is cut off is not counted, as nobody says what it cost. The final
    scoring on held-out test examples comes on top: twice their number of rollouts.
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
    The `largest` are the most that one rollout and one reflection took, number by number.
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
    """Rollouts that may still be started when `reserved` are promised to others; `None` when unlimited."""
    if budget.rollouts is None:
        return None
    return max(0, budget.rollouts - spent.rollouts - reserved)


def limit_reached(budget: Budget, spent: Spent, seconds: float) -> Limit | None:
    """The limit that ends the search now, or `None`."""
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
