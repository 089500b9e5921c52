"""Whether more than 12 records a reflection are worth their price, in one prompt or by map and reduce.

    python evals/bench/many_records.py --seeds 16          about half an hour on one core

Searches of the racing preset in simulated worlds, which differ in how many records a reflection reads and how: all in
one prompt, or in groups of at most 12, with one call for each group and one that joins the summaries. A summary passes
on every note that it takes up, with the number of its records that show it. `tireless` is the reflection of the worlds,
which reads 24 records as carefully as 12; of a `tiring` one the chance to take up a note falls with the number of
records beyond 12 (half at 24). Gains are compared at equal price: with each call at 2 rollouts, and with each call
at the price of the tokens that it reads (`PER_RECORD`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from blind import world_of
from comparison import REFLECTION, interval
from curves import Point, Watch, gain_at
from ours_in_worlds import WorldEvaluator
from search import ALL
from worlds import Texts, World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import RACING, reading
from langgraph_gepa.store.memory import MemoryStore

GROUP = 12
WORLDS = ("additive", "weak feedback", "misleading traces", "conflicting clusters")
BUDGETS = (300, 750, 1500)
READERS = ("tireless", "tiring")

PER_RECORD, PER_CALL = 0.45, 1.5
"""The price of reading a record, in rollouts of the same model by tokens, and what a call costs beside its records, in
records: of PUPA's graph (1,570 tokens a rollout, 700 a record). The longer traces of HotpotQA and HoVer fill the 24,000
tokens of a prompt with 8 records already, which is 5.5 rollouts of theirs; more records are shortened to fit."""

Prices = dict[str, tuple[float, Sequence[tuple[int, float, float]]]]

Notes = Sequence[tuple[float, Sequence[str]]]
"""Records as a world's reflection reads them: score, and notes on the module."""


class Meter(Watch):
    """Notes the records that reflections have read as well, with those that a call costs beside."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.read = 0.0
        self.by_tokens: list[tuple[int, float, float]] = []

    def _point(self, rollouts: int, best: Texts) -> Point:
        point = super()._point(rollouts, best)
        self.by_tokens.append((rollouts, self.read, point[2]))
        return point


@dataclass(frozen=True)
class Reader:
    """A simulated reflection model: `tiring` where long prompts cost it attention."""

    watch: Meter
    tiring: bool

    async def complete(self, prompt: str) -> Reply:
        asked = json.loads(prompt)
        self.watch.reflections += 1
        # Summaries of two groups are about as long as two records.
        self.watch.read += PER_CALL + (2 if asked["what"] == "join" else len(asked["records"]))
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

    async def propose(
        self,
        module: Module,
        text: str,
        records: Sequence[Record],
        iteration: int,
        rejected: Sequence[Edit] = (),  # noqa: ARG002  # as in the built-in prompt
    ) -> Proposal:
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


def search(world: World, rollouts: int, records: int, group: int, *, tiring: bool) -> Prices:
    """Returns the curves by each price: what to multiply with the second value of their points, and the points."""
    watch = Meter(world)

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
        budget, rules = Budget(rollouts=rollouts), reading(RACING, records)
        examples = Examples(feedback, pareto)
        return await Optimizer(ledger, reflector, evaluator.modules, examples, budget, rules, seed=world.seed).run()

    pool = asyncio.run(run())
    curve = watch.end(pool.spent.rollouts, pool.best.texts)
    return {"2 a call": (REFLECTION, curve), "tokens": (PER_RECORD, watch.by_tokens)}


VARIANTS = {
    "12": (12, 12),
    "8": (8, 12),
    "24, one prompt": (24, 24),
    "24, map and reduce": (24, 12),
    "36, map and reduce": (36, 12),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--rollouts", type=int, default=max(BUDGETS))
    tuned_on = [family.name for family in ALL if family.half != "blind"]
    parser.add_argument("--worlds", nargs="*", choices=tuned_on, default=WORLDS)
    parser.add_argument("--reflection", nargs="*", choices=READERS, default=READERS)
    parser.add_argument("--variants", nargs="*", choices=tuple(VARIANTS), default=tuple(VARIANTS))
    asked = parser.parse_args()
    families = [family for family in ALL if family.name in asked.worlds]
    for reader in asked.reflection:
        print(f"\n{reader}: mean gain over {len(families)} worlds, {asked.seeds} seeds", flush=True)
        found = {
            name: [
                search(world_of(family, seed), asked.rollouts, *VARIANTS[name], tiring=reader == "tiring")
                for family in families
                for seed in range(asked.seeds)
            ]
            for name in ("12", *(name for name in asked.variants if name != "12"))
        }
        for priced in ("2 a call", "tokens"):
            print(f"  a reflection at {priced}")
            report({name: [curves[priced] for curves in runs] for name, runs in found.items()})


def report(runs: Mapping[str, Sequence[tuple[float, Any]]]) -> None:
    """Prints the mean gain of each variant, and the interval of its difference to 12 records."""
    for name, mine in runs.items():
        cells = []
        for budget in BUDGETS:
            gains = [gain_at(curve, budget, price) for price, curve in mine]
            against = [gain_at(curve, budget, price) for price, curve in runs["12"]]
            low, high = interval([gain - other for gain, other in zip(gains, against, strict=True)])
            cells.append(f"{statistics.fmean(gains):.3f} [{low:+.3f}, {high:+.3f}]")
        print(f"    {name:20}" + "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
