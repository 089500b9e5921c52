"""How true the change is that a search says to expect of the candidate it chose, in the simulated worlds.

    python evals/bench/choice.py --seeds 6          some minutes

A search ends and says by how much its best candidate is better than the seed, to be expected on new examples, with a
95 % interval (`search.advantage`). The truth is the difference of their expected scores on 300 held-out examples.
Beside it stands the mean over the validation examples both were run on, which also chose the candidate.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from blind import world_of
from curves import Watch
from ours_in_worlds import SimulatedReflection, WorldEvaluator, WorldModel, WorldReflector
from search import ALL
from worlds import World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import Example
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.report.intervals import Interval, difference
from langgraph_gepa.search.advantage import Advantage, advantage, posterior_on
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

SIZES = (8, 20, 40)
BUDGETS = (150, 500)
PRESETS = {"racing": RACING, "gepa": GEPA}


@dataclass(frozen=True)
class Claim:
    """What one search said, and what is true."""

    preset: str
    size: int
    rollouts: int
    noisy: bool
    truth: float
    expected: Advantage
    measured: Interval


def search(world: World, rollouts: int, rules: Rules) -> Pool:
    async def run() -> Pool:
        evaluator = WorldEvaluator(world)
        ledger = Ledger(evaluator, WorldModel(SimulatedReflection(Watch(world))), MemoryStore())
        reflector: Any = WorldReflector(ledger)
        feedback, pareto = (
            [Example(str(task.id), {"task": task.id}) for task in tasks] for tasks in (world.feedback, world.pareto)
        )
        examples, budget = Examples(feedback, pareto), Budget(rollouts=rollouts)
        return await Optimizer(ledger, reflector, evaluator.modules, examples, budget, rules, seed=world.seed).run()

    return asyncio.run(run())


def claims(seeds: int) -> list[Claim]:
    """Of every search that ended with another candidate than the seed."""
    found = []
    for family in ALL:
        for size in SIZES:
            for rollouts in BUDGETS:
                for preset, rules in PRESETS.items():
                    if rules.most_rollouts(size) + rules.seed_rollouts(size) > rollouts / 2:
                        continue  # hardly a search
                    for seed in range(seeds):
                        world = world_of(replace(family, examples=size), seed)
                        pool = search(world, rollouts, rules)
                        first, best = pool.candidates[0], pool.best
                        old, new = pool.scores(first), pool.scores(best)
                        both = [example for example in old if example in new]
                        measured = difference([old[one] for one in both], [new[one] for one in both])
                        if best.id and measured is not None:
                            truth = world.worth(best.texts) - world.worth(first.texts)
                            expected = advantage(posterior_on(pool, pool.pareto_set), best.id)
                            found.append(Claim(preset, size, rollouts, family.noisy, truth, expected, measured))
    return found


def table(found: list[Claim], by: Callable[[Claim], Hashable]) -> None:
    groups: dict[Hashable, list[Claim]] = defaultdict(list)
    for claim in found:
        groups[by(claim)].append(claim)
    for name, group in sorted(groups.items(), key=lambda item: str(item[0])):
        said = [claim.expected for claim in group]
        held = statistics.fmean(s.low <= c.truth <= s.high for s, c in zip(said, group, strict=True))
        off = statistics.fmean(s.difference - c.truth for s, c in zip(said, group, strict=True))
        plain = statistics.fmean(c.measured.mean - c.truth for c in group)
        better = [c.truth > 0 for s, c in zip(said, group, strict=True) if s.verdict == "better"]
        wrong = len(better) - sum(better)
        print(
            f"{name!s:28}{len(group):6}{100 * held:8.1f}{off:+9.3f}{plain:+10.3f}"
            f"{100 * len(better) / len(group):9.0f}{wrong:8}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    found = claims(parser.parse_args().seeds)
    print(f"{'':28}{'runs':>6}{'held %':>8}{'off by':>9}{'measured':>10}{'better %':>9}{'wrong':>8}")
    table(found, lambda _: "all")
    table(found, lambda claim: f"{claim.size} validation examples")
    table(found, lambda claim: f"{claim.preset}, {claim.rollouts} rollouts")
    table(found, lambda claim: "noisy scores" if claim.noisy else "scores without noise")


if __name__ == "__main__":
    main()
