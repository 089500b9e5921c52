"""Whether more than 12 records a reflection are worth their price, in one prompt or by map and reduce.

    python evals/bench/many_records.py --seeds 16          about half an hour on one core

Searches of the racing preset in simulated worlds, which differ in how many records a reflection reads and how: all in
one prompt, or in groups of at most 12, with one call for each group and one that joins the summaries. A summary passes
on every note that it takes up, with the number of its records that show it. `tireless` is the reflection of the worlds,
which reads 24 records as carefully as 12; of a `tiring` one the chance to take up a note falls with the number of
records beyond 12 (half at 24). Gains are compared at equal price, with each call at 2 rollouts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from blind import world_of
from comparison import REFLECTION, interval
from curves import Watch, gain_at
from ours_in_worlds import WorldEvaluator
from search import ALL
from worlds import World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.search import racing
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

GROUP = 12
WORLDS = ("additive", "weak feedback", "misleading traces", "conflicting clusters")
BUDGETS = (300, 750, 1500)

Notes = Sequence[tuple[float, Sequence[str]]]
"""Records as a world's reflection reads them: score, and notes on the module."""


def rules_for(records: int) -> Rules:
    """Racing with so many records a reflection, of which two are successes."""
    failures = records - racing.SUCCESSES
    return replace(
        RACING,
        batch=partial(racing.fresh_batch, wanted=failures),
        records=partial(racing.failures_and_successes, size=failures),
    )


@dataclass(frozen=True)
class Reader:
    """A simulated reflection model: `tiring` where long prompts cost it attention."""

    watch: Watch
    tiring: bool

    async def complete(self, prompt: str) -> Reply:
        asked = json.loads(prompt)
        self.watch.reflections += 1
        rng = Random(f"{self.watch.world.seed}:{self.watch.reflections}:{prompt}")
        tired = self.tiring and asked["what"] != "join"  # summaries are short
        grasp = self.watch.world.family.grasp * (min(1.0, GROUP / len(asked["records"])) if tired else 1.0)
        if asked["what"] == "summarise":
            read = Counter(note for _, notes in asked["records"] for note in dict.fromkeys(notes))
            return Reply(json.dumps([n for n, times in read.items() if rng.random() < 1 - (1 - grasp) ** times]))
        world = replace_grasp(self.watch.world, grasp)
        text = World.reflect(world, asked["text"], asked["records"], rng)
        return Reply("NO CHANGE" if text == asked["text"] else f"```\n{text}\n```")


def replace_grasp(world: World, grasp: float) -> Any:
    """The part of a world that a reflection reads, with another chance to take up a note."""
    return argparse.Namespace(family=replace(world.family, grasp=grasp))


@dataclass(frozen=True)
class MappedReflector:
    """In the place of `Reflector`: at most `group` records a call, and one more call that joins several."""

    ledger: Ledger
    group: int

    async def propose(self, module: Module, text: str, records: Sequence[Record], iteration: int) -> Proposal:
        seen = [(r.rollout.score, json.loads(r.rollout.feedback.by_module.get(module.name, "[]"))) for r in records]
        count = -(-len(seen) // self.group)
        if count > 1:
            seen = [one for n in range(count) for one in await self._summary(module, seen[n::count], iteration)]
        what = "join" if count > 1 else "reflect"
        return parse_reply(await self._asked(module, text, seen, iteration, what), text)

    async def _summary(self, module: Module, records: Notes, iteration: int) -> Notes:
        """The records as their summary tells of them: without the notes that it did not take up."""
        kept = json.loads(await self._asked(module, "", records, iteration, "summarise"))
        return [(score, [note for note in notes if note in kept]) for score, notes in records]

    async def _asked(self, module: Module, text: str, records: Notes, iteration: int, what: str) -> str:
        prompt = json.dumps({"text": text, "records": records, "iteration": iteration, "what": what})
        return (await self.ledger.replies.reflection(prompt, iteration, module.name)).text


def search(world: World, rollouts: int, records: int, group: int, *, tiring: bool) -> list[tuple[int, int, float]]:
    watch = Watch(world)

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        if pool.candidates:
            watch.see(pool.spent.rollouts, lambda: pool.best.texts)

    async def run() -> Pool:
        evaluator = WorldEvaluator(world)
        model: Any = Reader(watch, tiring)
        ledger = Ledger(evaluator, model, MemoryStore(), observers=[observe])
        feedback, pareto = (
            [Example(str(task.id), {"task": task.id}) for task in tasks] for tasks in (world.feedback, world.pareto)
        )
        reflector: Any = MappedReflector(ledger, group)
        budget, rules = Budget(rollouts=rollouts), rules_for(records)
        examples = Examples(feedback, pareto)
        return await Optimizer(ledger, reflector, evaluator.modules, examples, budget, rules, seed=world.seed).run()

    pool = asyncio.run(run())
    return watch.end(pool.spent.rollouts, pool.best.texts)


VARIANTS = {"12": (12, 12), "24, one prompt": (24, 24), "24, map and reduce": (24, 12), "36, map and reduce": (36, 12)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--rollouts", type=int, default=max(BUDGETS))
    asked = parser.parse_args()
    families = [family for family in ALL if family.name in WORLDS]
    for tiring in (False, True):
        print(f"\n{'tiring' if tiring else 'tireless'}: mean gain over {len(families)} worlds, {asked.seeds} seeds")
        curves = {
            name: [
                search(world_of(family, seed), asked.rollouts, records, group, tiring=tiring)
                for family in families
                for seed in range(asked.seeds)
            ]
            for name, (records, group) in VARIANTS.items()
        }
        for name, mine in curves.items():
            cells = []
            for budget in BUDGETS:
                gains = [gain_at(curve, budget, REFLECTION) for curve in mine]
                against = [gain_at(curve, budget, REFLECTION) for curve in curves["12"]]
                low, high = interval([gain - other for gain, other in zip(gains, against, strict=True)])
                cells.append(f"{statistics.fmean(gains):.3f} [{low:+.3f}, {high:+.3f}]")
            print(f"  {name:20}" + "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
