"""The budget of a run, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from numbers import Real
from typing import Literal

from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import UsageError

Limit = Literal[
    "rollouts", "tokens", "dollars", "seconds", "iterations", "reflections", "target", "patience", "gain"
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a search; the first one reached ends it. `None` means no limit.

    The first five, and `patience`, end every search; a budget needs one of them.

    `rollouts` counts every run of the graph that the search pays for. `tokens` and `dollars` count the model calls of
    the graph and of the reflection model together. `seconds` is running time over all sessions of a resumed run; calls
    under way at its end are cut off and not scored. A model call that is cut off is not counted, since its cost is
    unknown. The final scoring on held-out test examples is extra: twice their number of rollouts.
    `reflections` counts replies of the reflection model and of the critic.

    The others end a search that has what it was to find. `target` is a score: it is reached when the mean of the best
    candidate over the whole validation set is, or is with a probability of 90 % where the best ran on a part of it.
    `patience` is a number of iterations after the one that made the candidate which is the best today. `gain` ends the
    search when another iteration is expected to gain less than this share of the validation set's resolution, which is
    one example's part in the mean; not before 10 iterations. With `gain=0` it goes on where it would end by default:
    when the best is perfect on every validation example, or no reply of the reflection model could be used.
    """

    rollouts: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None
    iterations: int | None = None
    reflections: int | None = None
    target: float | None = None
    patience: int | None = None
    gain: float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, Real) and not isinstance(value, bool)
            if name == "target":
                if not (number and isfinite(value)):
                    raise UsageError(f"Budget(target={value!r}): a target is a score, or None for no target.")
            elif not (number and (value > 0 or (name == "gain" and value == 0))):
                raise UsageError(f"Budget({name}={value!r}): a limit is a positive number, or None for no limit.")

    @property
    def bounded(self) -> bool:
        """Whether every search ends by it. A target may never be reached, and iterations may reflect on nothing."""
        ends = (self.rollouts, self.tokens, self.dollars, self.seconds, self.iterations, self.patience)
        return any(limit is not None for limit in ends)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has paid for. `rollouts` are the search's, `tests` those on held-out examples.
    `carried` are those that earlier runs paid for. `iterations` are without those that score the candidates of a start.

    `opinions` are the critic's replies. `lost` is the cost of attempts without a result: the world failed, or the
    process was killed. The `largest` are the most that one rollout and one reply took, number by number.
    """

    rollouts: int = 0
    tests: int = 0
    carried: int = 0
    reflections: int = 0
    iterations: int = 0
    graph: Usage = Usage()
    reflection: Usage = Usage()
    lost: Usage = Usage()
    largest_rollout: Usage = Usage()
    largest_reflection: Usage = Usage()
    opinions: int = 0
    critic: Usage = Usage()

    @property
    def usage(self) -> Usage:
        return self.graph + self.reflection + self.critic + self.lost

    @property
    def replies(self) -> int:
        """The replies of the reflection model and of the critic, which `Budget.reflections` limits."""
        return self.reflections + self.opinions


def rollouts_left(budget: Budget, spent: Spent, reserved: int = 0) -> int | None:
    """Returns how many rollouts may still start when `reserved` are promised to others; `None` for no limit."""
    if budget.rollouts is None:
        return None
    return max(0, budget.rollouts - spent.rollouts - reserved)


def limit_reached(budget: Budget, spent: Spent, seconds: float) -> Limit | None:
    """Returns the limit that is spent, or `None`; whether the search has what it was to find is `search.stopping`'s."""
    used: dict[Limit, float] = {
        "rollouts": spent.rollouts,
        "tokens": spent.usage.tokens,
        "dollars": spent.usage.dollars or 0.0,
        "seconds": seconds,
        "iterations": spent.iterations,
        "reflections": spent.replies,
    }
    for limit, amount in used.items():
        allowed: float | None = getattr(budget, limit)
        if allowed is not None and amount >= allowed:
            return limit
    return None
