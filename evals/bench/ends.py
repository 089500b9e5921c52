"""What a search spends after it has won, and what it loses by ending there.

    python evals/bench/ends.py                      worlds that can be solved, 16 seeds, some minutes
    python evals/bench/ends.py --half all           the worlds of search.py, which hardly can; about an hour

`never` is a search that spends its whole budget, as all did before ends existed (`Budget(gain=0)`); `perfect` is the
default, which ends when the best candidate is perfect on every validation example; `gain` ends as well when another
iteration is expected to gain less than a fifth of one example's part in the mean (`Budget(gain=0.2)`), and `patience`
after 20 iterations without a better candidate. A world is won once the candidate that would be returned has an expected
score of 1 on every validation example. Gain is that of `search.py`, on 300 held-out examples; its differences are
paired by world and seed, with 95 % intervals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from blind import world_of
from comparison import interval
from curves import Watch
from ours_in_worlds import SimulatedReflection, WorldEvaluator, WorldModel, WorldReflector
from search import ALL, HALVES
from worlds import FAMILIES, Family, World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.search import racing
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

BY_NAME = {family.name: family for family in FAMILIES}
_EASY = partial(replace, BY_NAME["additive"], slip=0.1, lessons=4, examples=24)
SOLVABLE: tuple[Family, ...] = (
    _EASY(name="rubric", needs=(2, 4)),
    _EASY(name="one prompt", modules=1, needs=(1, 3)),
    _EASY(name="right or wrong", combine="all", needs=(2, 3), known=0.4),
    _EASY(name="three stages", combine="pipeline", needs=(2, 3), known=0.4),
    _EASY(name="by chance", noisy=True, blur=0.0, known=0.4),
    _EASY(name="few examples", examples=8, needs=(2, 4)),
)
_AS_BEFORE = replace(RACING, stage=partial(racing.next_stage, finish=False))
ENDS: dict[str, tuple[Rules, Budget]] = {
    "never": (_AS_BEFORE, Budget(gain=0)),
    "perfect": (RACING, Budget()),
    "gain": (RACING, Budget(gain=0.2)),
    "patience": (RACING, Budget(patience=20)),
    "gepa, never": (GEPA, Budget(gain=0)),
    "gepa, perfect": (GEPA, Budget()),
}


@dataclass(frozen=True)
class Outcome:
    """What a search spent in all, and by the time it had won; `None` where it never did."""

    rollouts: int
    reflections: int
    gain: float
    ended: str
    won: tuple[int, int] | None


def run_one(job: tuple[Family, str, int, int]) -> Outcome:
    family, name, seed, rollouts = job
    world = world_of(family, seed)
    rules, ends = ENDS[name]
    won: list[tuple[int, int]] = []
    wins: dict[str, bool] = {}

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        if not won and pool.candidates:
            best = pool.best
            if best.key not in wins:
                wins[best.key] = all(world.chance(best.texts, task) >= 1 for task in world.pareto)
            if wins[best.key]:
                won.append((pool.spent.rollouts, pool.spent.reflections))

    pool = asyncio.run(_search(world, rules, replace(ends, rollouts=rollouts), observe))
    ended = (pool.finished and pool.finished.ended) or ""
    spent = pool.spent
    return Outcome(spent.rollouts, spent.reflections, world.gain(pool.best.texts), ended, won[0] if won else None)


async def _search(world: World, rules: Rules, budget: Budget, observe: Any) -> Pool:
    evaluator = WorldEvaluator(world)
    ledger = Ledger(evaluator, WorldModel(SimulatedReflection(Watch(world))), MemoryStore(), observers=[observe])
    feedback, pareto = (
        [Example(str(task.id), {"task": task.id}) for task in tasks] for tasks in (world.feedback, world.pareto)
    )
    reflector: Any = WorldReflector(ledger)
    modules = evaluator.modules
    return await Optimizer(ledger, reflector, modules, Examples(feedback, pareto), budget, rules, seed=world.seed).run()


def report(families: Sequence[Family], found: dict[tuple[str, str], list[Outcome]], names: Sequence[str]) -> None:
    print(f"{'':40}{'won':>7}{'rollouts':>10}{'after':>7}{'reflections':>13}{'after':>7}{'gain':>8}  ended by")
    whole = [(family.name, [family.name]) for family in families]
    for title, members in [*whole, ("all", [family.name for family in families])]:
        for name in names:
            runs = [run for member in members for run in found[member, name]]
            won = [(run, run.won) for run in runs if run.won is not None]
            after = [(run.rollouts - at[0], run.reflections - at[1]) for run, at in won]
            late = [fmean(kind) for kind in zip(*after, strict=True)] if after else [0.0, 0.0]
            ended = ", ".join(f"{why} {count}" for why, count in Counter(run.ended for run in runs).most_common())
            print(
                f"{title[:24]:24}{name:16}{len(won):4}/{len(runs):<4}{fmean(run.rollouts for run in runs):8.0f}"
                f"{late[0]:7.0f}{fmean(run.reflections for run in runs):13.1f}{late[1]:7.1f}"
                f"{fmean(run.gain for run in runs):8.3f}  {ended}"
            )
    for name in names:
        against = "gepa, never" if name.startswith("gepa") else "never"
        if name != against and against in names:
            pairs = [pair for f in families for pair in zip(found[f.name, name], found[f.name, against], strict=True)]
            paired = [mine.gain - other.gain for mine, other in pairs]
            low, high = interval(paired)
            print(f"{name} minus {against}: gain {fmean(paired):+.4f} [{low:+.4f}, {high:+.4f}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("solvable", *HALVES, "all"), default="solvable")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=tuple(ENDS), default=tuple(ENDS))
    parser.add_argument("--keep", type=Path, help="write the outcomes here as JSON")
    asked = parser.parse_args()
    halves = {"solvable": SOLVABLE, "all": ALL}
    families = halves.get(asked.half) or [family for family in ALL if family.half == asked.half]
    jobs = [
        (family, name, seed, asked.rollouts)
        for family in families
        for name in asked.only
        for seed in range(asked.seeds)
    ]
    found: dict[tuple[str, str], list[Outcome]] = {}
    with ProcessPoolExecutor(asked.workers) as pool:
        for (family, name, _, _), outcome in zip(jobs, pool.map(run_one, jobs), strict=True):
            found.setdefault((family.name, name), []).append(outcome)
    if asked.keep:
        asked.keep.write_text(json.dumps([(*key, vars(run)) for key, runs in found.items() for run in runs]))
    report(families, found, asked.only)


if __name__ == "__main__":
    main()
