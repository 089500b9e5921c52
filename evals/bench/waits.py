"""Tables of waiting: minutes to a score, slots busy, samples lost. What ran them is `waiting.py`."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """One search to run. Without `compress` waits are jumped over, without `graph` a rollout is a wait and a score."""

    world: str
    search: str
    seed: int
    rollouts: int
    concurrency: int = 16
    in_flight: int = 1
    compress: float | None = None
    graph: bool = True

    @property
    def label(self) -> str:
        return f"{self.search}, {self.in_flight} in flight" if self.search.startswith("ours") else self.search


class Run(NamedTuple):
    """`gains`: minutes, rollouts, and the gain of what would have been returned then. `busy`: rollouts under way on
    average; `busy_before_end`: until nine in ten had run. `cpu`: seconds of computing in a second of the clock."""

    gains: tuple[tuple[float, int, float], ...]
    minutes: float
    rollouts: int
    reflections: int
    busy: float
    busy_before_end: float
    cpu: float


Runs = Mapping[Job, Run]
ByLabel = dict[str, dict[str, list[Run]]]
"""Search with its settings, world, and a run for each seed."""

DEFAULTS = "gepa defaults"


def gain_after(run: Run, minutes: float) -> float:
    return next((gain for at, _, gain in reversed(run.gains) if at <= minutes), 0.0)


def gain_within(run: Run, rollouts: int) -> float:
    return next((gain for _, spent, gain in reversed(run.gains) if spent <= rollouts), 0.0)


def minutes_to(runs: Sequence[Run], gain: float, step: float = 0.1) -> float:
    """When the mean gain is first there, at least a `step`; infinity when it never is."""
    most = max(run.minutes for run in runs)
    grid = (step * place for place in range(1, int(most / step) + 2))
    return next((at for at in grid if statistics.fmean(gain_after(run, at) for run in runs) >= gain - 1e-9), math.inf)


def kept(jobs: Sequence[Job], runs: Iterable[Run], path: Path | None = None) -> dict[Job, Run]:
    """Runs as they end; where a path is given, each is a line of JSON there."""
    found = {}
    with path.open("w") if path else nullcontext() as file:
        for job, run in zip(jobs, runs, strict=True):
            found[job] = run
            if file:
                print(json.dumps([job, run]), file=file, flush=True)
    return found


def report(runs: Runs) -> None:
    """One concurrency's tables."""
    first = next(iter(runs))
    seeds = 1 + max(job.seed for job in runs)
    how = f"waits {first.compress:g} times shorter" if first.compress else "waits jumped over"
    graph = "" if first.graph else ", no graph"
    print(f"\n=== concurrency {first.concurrency}: {first.rollouts} rollouts, {seeds} seeds, {how}{graph}")
    by_label: ByLabel = {}
    for job, run in runs.items():
        by_label.setdefault(job.label, {}).setdefault(job.world, []).append(run)
    _overview(by_label, first)
    _by_minutes(by_label)
    for budget in sorted({min(750, first.rollouts), first.rollouts}):
        if DEFAULTS in by_label:
            _waits(by_label, DEFAULTS, budget)
    theirs = [label for label in by_label if label.startswith("gepa")]
    if (best := max(theirs, key=_final(by_label), default=DEFAULTS)) != DEFAULTS:
        _waits(by_label, best, first.rollouts)


def _final(by_label: ByLabel) -> Callable[[str], float]:
    return lambda label: statistics.fmean(run.gains[-1][2] for runs in by_label[label].values() for run in runs)


def _by_minutes(by_label: ByLabel, minutes: Sequence[int] = (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 60)) -> None:
    print(f"\n{'gain, mean of all, after':30}" + "".join(f"{f'{at} min':>8}" for at in minutes))
    for label, by_world in by_label.items():
        runs = [run for some in by_world.values() for run in some]
        print(
            f"{label:30}" + "".join(f"{statistics.fmean(gain_after(run, at) for run in runs):8.3f}" for at in minutes)
        )


def _overview(by_label: ByLabel, job: Job) -> None:
    """Slots busy over the whole run and until nine in ten rollouts had run; computing; seconds of a rollout.

    The last says whether the machine kept up: the waits in a rollout are 4.1 s on average, 4.5 s without a graph.
    """
    budgets = [budget for budget in (150, 300, 750, 1500) if budget <= job.rollouts]
    print(
        f"{'mean of all runs':30}" + "".join(f"{f'at {b}':>8}" for b in budgets) + " minutes  busy 9/10    cpu rollout"
    )
    for label, by_world in by_label.items():
        runs = [run for some in by_world.values() for run in some]
        gains = "".join(f"{statistics.fmean(gain_within(run, b) for run in runs):8.3f}" for b in budgets)
        minutes, cpu = statistics.fmean(run.minutes for run in runs), statistics.fmean(run.cpu for run in runs)
        busy = statistics.fmean(run.busy for run in runs) / job.concurrency
        most = statistics.fmean(run.busy_before_end for run in runs) / job.concurrency
        took = statistics.fmean(60 * run.minutes * run.busy / run.rollouts for run in runs)
        print(f"{label:30}{gains}{minutes:8.1f}{busy:6.0%}{most:6.0%}{cpu:7.1%}{took:6.1f} s")


def _waits(by_label: ByLabel, baseline: str, budget: int) -> None:
    worlds = list(by_label[baseline])
    targets = {w: statistics.fmean(gain_within(run, budget) for run in by_label[baseline][w]) for w in worlds}
    print(f"\nMinutes to the gain of {baseline} at {budget} rollouts, and how many times fewer than they take")
    print(f"{'':30}" + "".join(f"{world[:20]:>22}" for world in worlds) + f"{'geometric mean':>22}")
    print(f"{'gain':30}" + "".join(f"{targets[world]:22.3f}" for world in worlds))
    waits = {
        label: [minutes_to(by_world[world], targets[world]) for world in worlds] for label, by_world in by_label.items()
    }
    for label, minutes in waits.items():
        if math.inf in minutes:
            print(f"{label:30}" + "".join(f"{m:22.1f}" for m in minutes) + f"{'not in the budget':>22}")
            continue
        ratios = [theirs / mine for theirs, mine in zip(waits[baseline], minutes, strict=True)]
        cells = "".join(f"{m:14.1f} {r:6.1f}x" for m, r in zip(minutes, ratios, strict=True))
        mean = (statistics.geometric_mean(what) for what in (minutes, ratios))
        print(f"{label:30}{cells}{next(mean):14.1f} {next(mean):6.1f}x")
