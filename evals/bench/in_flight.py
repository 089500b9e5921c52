"""What several iterations at once cost in samples, and what they save in minutes, by budget.

    python evals/bench/in_flight.py                  the tuning half, 20 seeds, about half an hour on one core
    python evals/bench/in_flight.py --seeds 2        a look

Worlds and reflection as in `search.py`, waits as in `waiting.py`, but no graph: a rollout is a wait and a
score. Each budget is a run of its own, since the end of a budget is shared out among what is under way.
Differences are paired by world and seed; the interval is 95 %, from resampling pairs.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from comparison import interval
from waiting import run_one
from waits import Job, Run, kept
from worlds import FAMILIES

BUDGETS = (150, 300, 750, 1500)


def report(runs: dict[Job, Run], in_flight: Sequence[int], budgets: Sequence[int]) -> None:
    first = next(iter(runs))
    seeds = 1 + max(job.seed for job in runs)
    print(f"\n{first.search}, concurrency {first.concurrency}, {seeds} seeds of {len({j.world for j in runs})} worlds:")
    print("gain of what is returned, against 1 in flight with its interval; minutes; rollouts under way on average")
    print(f"{'in flight':9}" + "".join(f"{f'{budget} rollouts':>44}" for budget in budgets))
    for number in in_flight:
        cells = []
        for budget in budgets:
            some = {job: run for job, run in runs.items() if (job.in_flight, job.rollouts) == (number, budget)}
            alone = [runs[job._replace(in_flight=in_flight[0])].gains[-1][2] for job in some]
            less = [run.gains[-1][2] - before for run, before in zip(some.values(), alone, strict=True)]
            low, high = interval(less)
            gain, minutes, busy = (
                statistics.fmean(values)
                for values in zip(*((run.gains[-1][2], run.minutes, run.busy) for run in some.values()), strict=True)
            )
            cells.append(f"{gain:9.3f} {statistics.fmean(less):+.3f} [{low:+.3f},{high:+.3f}]{minutes:6.1f}{busy:5.1f}")
        print(f"{number:>9}" + "".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", choices=("racing", "gepa"), default="racing")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--in-flight", nargs="*", type=int, default=(1, 2, 3, 4, 6, 8, 12))
    parser.add_argument("--budgets", nargs="*", type=int, default=BUDGETS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="write the runs here as JSON")
    asked = parser.parse_args()
    jobs = [
        Job(family.name, f"ours, {asked.search}", seed, budget, asked.concurrency, number, graph=False)
        for budget in asked.budgets
        for number in asked.in_flight
        for family in FAMILIES
        if family.half == "tuning"
        for seed in range(asked.seeds)
    ]
    with ProcessPoolExecutor(asked.workers) as workers:
        runs = kept(jobs, workers.map(run_one, jobs), asked.keep)
    report(runs, asked.in_flight, asked.budgets)


if __name__ == "__main__":
    main()
