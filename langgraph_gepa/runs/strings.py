"""Strings become objects here, and nowhere else."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import get_args

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.module import Kind, Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.rules import GEPA, RACING, Rules

SEARCHES = {"gepa": GEPA, "racing": RACING}


def rules_of(search: str | Rules, repeats: int | None = None, perfect: float | None = None) -> Rules:
    """The preset called `search`, or the rules themselves; with other `repeats` and `perfect` where these are given."""
    rules = search if isinstance(search, Rules) else SEARCHES[one_of("search", search, SEARCHES)]
    if repeats is not None:
        rules = replace(rules, repeats=at_least_one("repeats", repeats))
    if perfect is None:
        return rules
    if not (math.isfinite(perfect) and perfect > 0):
        raise UsageError(
            f"perfect={perfect} is no score to aim at: it must be a number above 0, because a rollout that fails "
            "scores 0. Where the metric counts costs, let it return a gain, such as 1 / (1 + cost)."
        )
    return replace(rules, perfect=float(perfect))


def one_of(what: str, value: str, allowed: Collection[str]) -> str:
    """`value` if it is allowed; else a `UsageError` that says what is."""
    if value in allowed:
        return value
    raise UsageError(f"{what}={value!r} is not known{_meant(value, allowed)} Known: {', '.join(allowed)}.")


def at_least_one(what: str, value: int) -> int:
    """`value` if it counts something; else a `UsageError`."""
    if value < 1:
        raise UsageError(f"{what}={value} is too few: at least 1.")
    return value


def default_in_flight(concurrency: int, budget: Budget, pareto: int, rules: Rules) -> int:
    """Iterations under way at once that keep `concurrency` rollouts busy at little cost in samples.

    Half of the rollouts, from 2 to 8, but at most a tenth of the iterations that `budget` affords over
    `pareto` examples: what is under way together cannot learn from each other (measured in
    `evals/bench/in_flight.py`).
    """
    iterations = budget.iterations
    if budget.rollouts is not None:
        afforded = (budget.rollouts - rules.seed_rollouts(pareto)) // rules.most_rollouts(pareto)
        iterations = afforded if iterations is None else min(iterations, afforded)
    most = 8 if iterations is None else min(8, iterations // 10)
    return max(2, min(most, concurrency // 2))


def kinds_of(kinds: Collection[str]) -> tuple[Kind, ...]:
    """The kinds of modules, checked; one may stand by itself."""
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    return tuple(
        known for known in get_args(Kind) if known in {one_of("kinds", kind, get_args(Kind)) for kind in kinds}
    )


def with_limits(budget: Budget, limits: Budget) -> Budget:
    """`budget` with the limits that `limits` has in place of its own."""
    given = {name: limit for name, limit in asdict(limits).items() if limit is not None}
    return Budget(**{**asdict(budget), **given})


def chosen(modules: Sequence[Module], kinds: Collection[str]) -> tuple[Module, ...]:
    """The modules that are on. Raises `UsageError` where none is, with what else there is."""
    picked = tuple(module for module in modules if module.on)
    if not picked:
        raise UsageError(_nothing(modules, kinds))
    return picked


def _nothing(modules: Sequence[Module], kinds: Collection[str]) -> str:
    unbound = [f"{m.name} ({m.reason})" for m in modules if m.reason]
    other = sorted({m.kind for m in modules if not m.reason} - set(kinds))
    lines = ["No prompt to optimise was found in this graph."]
    if unbound:
        lines.append(f"Seen but not replaceable: {'; '.join(unbound)}.")
    if other:
        lines.append(f"There are modules of other kinds: pass kinds={(*kinds, *other)!r}.")
    if possible := sum(m.evidence == "possible" and not m.reason for m in modules):
        lines.append(f"{possible} only may reach a model: `langgraph-gepa prompts GRAPH --all` lists them.")
    if not modules:
        lines.append("Its nodes call no model with a text that could be found by walking the graph.")
    lines.append(
        "To watch its model calls: `discover(graph, examples)`, `langgraph-gepa prompts GRAPH --examples FILE`."
    )
    return " ".join(lines)


def _meant(value: str, allowed: Collection[str]) -> str:
    close = difflib.get_close_matches(value, allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else "."
