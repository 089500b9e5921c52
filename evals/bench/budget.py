"""Whether what a budget is said to be enough for is what searches make of it, in the simulated worlds.

    python evals/bench/budget.py --seeds 2          some minutes

Before a run it is said how many new prompts its rollouts let be tried (`engine.preflight`). Here searches are run and
their iterations counted that tried new prompts. `in range` is the share of searches within what was said; those that
ended before their budget, as nothing was left to learn from, are counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import Any

from blind import world_of
from curves import Watch
from ours_in_worlds import SimulatedReflection, WorldEvaluator, WorldModel, WorldReflector
from search import ALL
from worlds import World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import ChildrenProposed, Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.preflight import preflight
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

SETS = ((4, 4), (8, 40), (20, 20), (40, 8), (60, 60))
"""Training and validation examples."""
BUDGETS = (60, 150, 500)
PRESETS = {"racing": RACING, "gepa": GEPA}


def tried(world: World, sizes: tuple[int, int], rollouts: int, rules: Rules) -> tuple[int, bool]:
    """How many iterations tried new prompts, and whether the budget ended the search."""
    tries = 0

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        nonlocal tries
        tries += isinstance(event, ChildrenProposed) and bool(event.children)

    async def run() -> Pool:
        evaluator = WorldEvaluator(world)
        ledger = Ledger(evaluator, WorldModel(SimulatedReflection(Watch(world))), MemoryStore(), observers=[observe])
        reflector: Any = WorldReflector(ledger)
        feedback, pareto = (
            [Example(str(task.id), {"task": task.id}) for task in tasks[:size]]
            for tasks, size in zip((world.feedback, world.pareto), sizes, strict=True)
        )
        budget = Budget(rollouts=rollouts)
        optimizer = Optimizer(
            ledger, reflector, evaluator.modules, Examples(feedback, pareto), budget, rules, seed=world.seed
        )
        return await optimizer.run()

    pool = asyncio.run(run())
    return tries, pool.finished is not None and pool.finished.ended == "rollouts"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    seeds = range(parser.parse_args().seeds)
    print(f"{'':48}{'said':>12}{'middle 80 %':>14}{'in range':>10}{'ended early':>13}")
    for preset, rules in PRESETS.items():
        for sizes in SETS:
            for rollouts in BUDGETS:
                if rules.most_rollouts(sizes[1]) + rules.seed_rollouts(sizes[1]) > rollouts:
                    continue
                found: dict[bool, list[int]] = defaultdict(list)
                for family in ALL:
                    for seed in seeds:
                        world = world_of(replace(family, examples=max(sizes)), seed)
                        count, spent = tried(world, sizes, rollouts, rules)
                        found[spent].append(count)
                counts, said = sorted(found[True]), preflight(Budget(rollouts=rollouts), *sizes, rules)
                if said is None or not counts:
                    continue
                low, high = counts[len(counts) // 10], counts[-1 - len(counts) // 10]
                within = sum(said.least <= count <= said.most for count in counts) / len(counts)
                name = f"{preset}, {sizes[0]} training, {sizes[1]} validation, {rollouts}"
                print(
                    f"{name:48}{f'{said.least} to {said.most}':>12}{f'{low} to {high}':>14}"
                    f"{100 * within:9.0f} %{len(found[False]):13}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
