"""How much of its budget a run has used, by the limit that it will reach first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.report import words


@dataclass(frozen=True, slots=True)
class Pace:
    """The use of the limit that will be reached first. `limit` is `None` if the budget has no limit."""

    words: str
    used: float
    limit: float | None

    def seconds_left(self, seconds: float) -> float | None:
        """The seconds until the limit, after `seconds` of running time; `None` if unknown."""
        if self.limit is None or self.used <= 0 or seconds <= 0:
            return None
        return max(0.0, seconds * (self.limit - self.used) / self.used)


def pace_of(budget: Budget, spent: Spent, seconds: float) -> Pace:
    """Returns the pace of a run that has `spent` this much in `seconds` of running time."""
    usage = spent.usage
    known: list[tuple[float, float | None, Callable[[float], str], str]] = [
        (spent.rollouts, budget.rollouts, _count, " rollouts"),
        (usage.tokens, budget.tokens, lambda n: words.large(round(n)), " tokens"),
        (usage.dollars or 0.0, budget.dollars, words.money, ""),
        (seconds, budget.seconds, words.duration, ""),
        (spent.iterations, budget.iterations, _count, " iterations"),
        (spent.replies, budget.reflections, _count, " reflections"),
    ]
    limited = [(now, limit, write, unit) for now, limit, write, unit in known if limit is not None]
    if not limited:
        return Pace(words.plural(spent.rollouts, "rollout"), spent.rollouts, None)
    now, limit, write, unit = max(limited, key=lambda row: row[0] / row[1])
    return Pace(f"{write(now)} of {write(limit)}{unit}", now, limit)


def _count(number: float) -> str:
    return f"{number:,.0f}"
