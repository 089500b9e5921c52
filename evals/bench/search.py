"""Searches beside each other in simulated worlds: what a budget of rollouts buys.

    python evals/bench/search.py --half tuning          20 seeds, about an hour on two cores
    python evals/bench/search.py --half frozen
    python evals/bench/search.py --half unseen          worlds written by somebody who did not know the search
    python evals/bench/search.py --half blind           more of these, written later
    python evals/bench/search.py --quick                3 seeds, 750 rollouts, the tuning half
    python evals/bench/search.py --critic 0.75          racing with a simulated critic that is right so often, beside it
    python evals/bench/search.py --keep FILE            gepa's curves are kept there and not measured again

The official gepa package runs with its own engine, ours with the real `Optimizer`, ledger and store;
rollouts and reflections come from `worlds.py`, the same for all, and a critic's opinions from
`critic.py`. Gain is the share of the way from the seed's to the best possible expected score on
held-out examples, of the candidate that the search would return if it were stopped there. Every
figure is given in rollouts, and in rollouts plus 2 for each reflection and each opinion of a critic.
Intervals are 95 %, from resampling seeds; a difference between two searches is paired by seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from blind import BLIND, world_of
from comparison import Results, report
from curves import Curve, Job, append_curve, read_curves
from gepa_in_worlds import independent, theirs
from ours_in_worlds import ours
from unseen import UNSEEN
from worlds import FAMILIES, Family, World

from langgraph_gepa.search.rules import GEPA, RACING

BUDGETS = (150, 300, 750, 1500, 3000)

HALVES = ("tuning", "frozen", "unseen", "blind")

ALL: tuple[Family, ...] = (*FAMILIES, *UNSEEN, *BLIND)

Search = Callable[[World, int], Curve]

SEARCHES: dict[str, Search] = {
    "gepa defaults": theirs,
    "gepa with merge": partial(theirs, use_merge=True),
    "gepa all, 6": partial(theirs, module_selector="all", reflection_minibatch_size=6),
    "gepa all, 10": partial(theirs, module_selector="all", reflection_minibatch_size=10),
    "gepa all, 6, independent": partial(independent, size=6),
    "ours, gepa": partial(ours, rules=GEPA),
    "ours, racing": partial(ours, rules=RACING),
}

VARIANTS: dict[str, Search] = {
    "ours, shows rejected": partial(ours, rules=RACING, shows_rejected=True),
    "ours, an oracle's choice": partial(ours, rules=RACING, oracle=True),
}
"""Measured only where they are asked for by name."""

CRITICS: dict[str, Search] = {
    f"racing, critic {right:g}": partial(ours, rules=RACING, critic=right) for right in (0.5, 0.6, 0.75, 0.9)
}


def run_one(job: Job) -> Curve:
    family, search, seed, rollouts = job
    world = world_of(next(f for f in ALL if f.name == family), seed)
    return {**SEARCHES, **VARIANTS, **CRITICS}[search](world, rollouts)


def measured(
    families: Sequence[Family], searches: Sequence[str], seeds: int, rollouts: int, workers: int, keep: Path | None
) -> Results:
    jobs = [(f.name, search, seed, rollouts) for f in families for search in searches for seed in range(seeds)]
    curves = read_curves(keep) if keep else {}
    missing = [job for job in jobs if job not in curves]
    with ProcessPoolExecutor(workers) as pool:
        for job, curve in zip(missing, pool.map(run_one, missing), strict=True):
            curves[job] = curve
            if keep:
                append_curve(keep, job, curve)
    return {
        f.name: {search: [curves[f.name, search, seed, rollouts] for seed in range(seeds)] for search in searches}
        for f in families
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(*HALVES, "all"), default="tuning")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--rollouts", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=(*SEARCHES, *VARIANTS), default=tuple(SEARCHES))
    parser.add_argument("--keep", type=Path, help="append curves here, and read gepa's from here if there")
    parser.add_argument("--critic", type=float, nargs="*", choices=(0.5, 0.6, 0.75, 0.9), default=())
    asked = parser.parse_args()
    seeds = asked.seeds or (3 if asked.quick else 20)
    rollouts = asked.rollouts or (750 if asked.quick else 3000)
    for half in HALVES if asked.half == "all" else (asked.half,):
        families = [family for family in ALL if family.half == half]
        searches = [*asked.only, *(f"racing, critic {right:g}" for right in asked.critic)]
        results = measured(families, searches, seeds, rollouts, asked.workers, asked.keep)
        print(f"\n=== {half} half: {len(families)} families, {seeds} seeds, up to {rollouts} rollouts")
        report(results, [budget for budget in BUDGETS if budget <= rollouts])


if __name__ == "__main__":
    main()
