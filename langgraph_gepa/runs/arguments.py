"""The arguments of `optimize`: where strings and other short forms are checked and become objects."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.module import KINDS, Kind
from langgraph_gepa.core.objectives import SCORE, Direction, Pursued, direction_of
from langgraph_gepa.engine.ports import Observer
from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.racing import SUCCESSES
from langgraph_gepa.search.rules import GEPA, RACING, Rules, reading, run_never_again
from langgraph_gepa.trackers.tracking import TRACKERS

SEARCHES = {"gepa": GEPA, "racing": RACING}

Repeats = int | Literal["auto"]

LOGGED = ("best", "all")
"""Which candidates are logged as experiments: the seed and the best one, or every one of the pool."""
EXPERIMENTS = ("none", *LOGGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of `api.optimize` as the user gave them; its docstring explains each."""

    graph: Any
    trainset: Any
    valset: Any
    testset: Any
    metric: Any
    perfect: float | None
    failure_score: float | None
    objectives: Pursued | None
    kinds: Collection[str]
    modules: Sequence[str] | str | None
    library: bool
    reflection_lm: Any
    proposer: Any
    critic_lm: Any
    objective: str
    notes: str | Mapping[str, str] | None
    frozen: Mapping[str, str | Sequence[str]] | None
    reflection_prompt: str | Path | Mapping[str, str | Path] | None
    reflection_tokens: int
    records: int | None
    budget: Budget
    search: str | Rules
    repeats: Repeats | None
    start: Any
    seed: int
    in_flight: int | None
    concurrency: int
    options: RunnerOptions | str | None
    workers: Sequence[Any]
    run: Path | str | None
    track: Sequence[str] | str
    observers: Sequence[Observer]
    own_project: bool
    experiments: str
    progress: bool
    ui: bool


_PLAIN = {
    name: hint | int if float in get_args(hint) else hint
    for name, hint in get_type_hints(Arguments).items()
    if get_origin(hint) in (None, UnionType) and {*(get_args(hint) or (hint,))} <= {int, float, str, NoneType}
}
"""The types of the arguments that may only be a number or a text."""


def require_plain_types(given: Arguments) -> None:
    """Raises `UsageError` for a number or text of the wrong type, before it fails after something was paid for."""
    for name, hint in _PLAIN.items():
        value = getattr(given, name)
        if isinstance(value, bool) or not isinstance(value, hint):
            kinds = get_args(hint) or (hint,)
            wanted = "a text" if str in kinds else "a number" if float in kinds else "a whole number"
            raise UsageError(f"{name}={value!r} is of type {type(value).__name__}: give {wanted}.")


def require_objects(given: Arguments) -> None:
    """Raises `UsageError` for a run's folder, a search, an observer or a switch that is none."""
    if not isinstance(given.run, str | Path | None):
        raise UsageError(f"run={given.run!r} is no folder: give its path.")
    if given.run is not None and not str(given.run).strip():  # as a path it would be the working directory
        raise UsageError(f"run={str(given.run)!r} names no folder: give its path, or leave it out.")
    if not isinstance(given.search, str | Rules):
        raise UsageError(f"search={given.search!r} is no search: give one of {', '.join(SEARCHES)}, or Rules(...).")
    require_own_project(given.own_project)
    observers = given.observers
    if not isinstance(observers, Sequence) or not all(map(callable, observers)):
        raise UsageError(f"observers={observers!r}: give a list of functions of an event, the pool and the seconds.")


def require_own_project(own_project: bool) -> None:
    """Raises `UsageError` for anything but a switch, such as the name of a project."""
    if not isinstance(own_project, bool):
        raise UsageError(f"own_project={own_project!r} is not True or False: the project is named after the run.")


def rules_of(
    search: str | Rules,
    repeats: Repeats | None = None,
    perfect: float | None = None,
    failure_score: float | None = None,
    records: int | None = None,
) -> Rules:
    """Returns the preset called `search`, or the rules themselves, changed by the other arguments that are given.

    With `repeats="auto"`, as without `repeats`, the rules decide on repeats.
    """
    rules = search if isinstance(search, Rules) else SEARCHES[one_of("search", search, SEARCHES)]
    if isinstance(repeats, int):
        rules = replace(rules, repeats=at_least_one("repeats", repeats), again=run_never_again)
    elif repeats not in (None, "auto"):
        raise UsageError(f'repeats={repeats!r} is neither "auto" nor a number of rollouts, such as repeats=2.')
    if records is not None:
        rules = reading(rules, _enough_records(search, records))
    if perfect is not None:
        rules = replace(rules, perfect=finite("perfect", perfect))
    if failure_score is not None:
        rules = replace(rules, failure_score=finite("failure_score", failure_score))
    if rules.perfect is not None and rules.failure_score is not None and rules.failure_score >= rules.perfect:
        raise UsageError(
            f"failure_score={rules.failure_score:g} is not below perfect={rules.perfect:g}, and a higher score is a "
            "better one. Where the metric counts costs, let it return -cost, with perfect=0."
        )
    return rules


def _enough_records(search: str | Rules, records: int) -> int:
    """Returns `records` if reflections can read so many; otherwise raises a `UsageError`."""
    if search != "racing":
        raise UsageError(
            f"records={records} is for search='racing'. With rules of your own set Rules(records=...); 'gepa' reflects "
            "on its minibatch."
        )
    if records <= SUCCESSES:
        raise UsageError(
            f"records={records} is too few: up to {SUCCESSES} are successes, so {SUCCESSES + 1} or more are needed."
        )
    return records


def objectives_of(objectives: Pursued | None) -> Pursued:
    """Returns the objectives, checked. Raises `UsageError`."""
    if not isinstance(objectives or {}, Mapping):
        raise UsageError(f"objectives={objectives!r}: give them by name, such as {{'score': 1, 'dollars': 'min'}}.")
    return {name: _aim(name, aim) for name, aim in (objectives or {}).items()}


def _aim(name: str, aim: Any) -> float | Direction:
    if not isinstance(name, str):
        raise UsageError(f"The objective {name!r} is not a name: give a text, such as {{'dollars': 'min'}}.")
    lower = direction_of(name) == "min"
    if name == SCORE and isinstance(aim, str):
        raise UsageError("The score is always to be high: give a weight, such as objectives={'score': 1}.")
    if isinstance(aim, str):
        return cast("Direction", one_of(f"The goal of {name}", aim, ("min", "max")))
    if isinstance(aim, bool) or not isinstance(aim, int | float) or not math.isfinite(aim) or aim == 0:
        raise UsageError(f"The objective {name} has {aim!r}: give 'min', 'max', or a weight in the score other than 0.")
    if lower and aim > 0:
        raise UsageError(
            f"The weight {aim:g} would reward more {name}. Give 'min', for a goal of its own, or a weight below 0."
        )
    return float(aim)


def finite(name: str, score: float) -> float:
    """Returns `score` if it is one; otherwise raises a `UsageError`."""
    if not math.isfinite(score):
        raise UsageError(f"{name}={score!r} is not a score: give a number, the higher the better.")
    return float(score)


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """Returns `value` if it is allowed; otherwise raises a `UsageError` that lists what is."""
    if value in allowed:
        return value
    close = difflib.get_close_matches(value, allowed, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else "."
    raise UsageError(f"{name}={value!r} is not known{meant} Known: {', '.join(allowed)}.")


def at_least_one(name: str, value: int) -> int:
    """Returns `value` if it is a whole number from 1 on; otherwise raises a `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{name}={value!r} is of type {type(value).__name__}: give a whole number.")
    if value < 1:
        raise UsageError(f"{name}={value} is too few: at least 1.")
    return value


def default_in_flight(concurrency: int, budget: Budget, pareto: int, rules: Rules) -> int:
    """How many iterations at once keep `concurrency` rollouts busy at little cost in samples.

    Half of the rollouts, from 2 to 8, but at most a tenth of the iterations that `budget` affords over `pareto`
    examples: iterations that are under way together cannot learn from each other (measured in
    `evals/bench/in_flight.py`).
    """
    iterations = budget.iterations
    if budget.rollouts is not None:
        afforded = (budget.rollouts - rules.seed_rollouts(pareto)) // rules.most_rollouts(pareto)
        iterations = afforded if iterations is None else min(iterations, afforded)
    most = 8 if iterations is None else min(8, iterations // 10)
    return max(2, min(most, concurrency // 2))


def kinds_of(kinds: Collection[str]) -> tuple[Kind, ...]:
    """The kinds of modules, checked; a single one may be given as a string. Raises `UsageError`."""
    wanted = {one_of("kinds", kind, KINDS) for kind in ((kinds,) if isinstance(kinds, str) else kinds)}
    return tuple(kind for kind in KINDS if kind in wanted)


def trackers_of(track: Sequence[str] | str) -> tuple[str, ...]:
    """The names of trackers, checked; a single one may be given as a string. Raises `UsageError`."""
    names = (track,) if isinstance(track, str) else track
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"track={track!r} does not list names of trackers: give {', '.join(TRACKERS)}. A tracker of your own "
            "is one of the `observers`."
        )
    return tuple(dict.fromkeys(one_of("track", name, TRACKERS) for name in names))


def with_limits(budget: Budget, limits: Budget) -> Budget:
    """Returns `budget` with the limits that `limits` has in place of its own."""
    given = {name: limit for name, limit in asdict(limits).items() if limit is not None}
    return Budget(**{**asdict(budget), **given})
