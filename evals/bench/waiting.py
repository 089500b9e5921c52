"""How long a person waits: gepa and us on the same LangGraph graph, over a model that takes its time.

    python evals/bench/waiting.py                         three worlds, 5 seeds, 1500 rollouts, concurrency 16
    python evals/bench/waiting.py --concurrency 8 16 32
    python evals/bench/waiting.py --compress 25           in real time, 25 times faster, one run after another
    python evals/bench/waiting.py --quick                 one world, 2 seeds, 300 rollouts

The graph has a node and a model call for each module of a world of `worlds.py`; it runs through our runner
and evaluator on both sides, so a rollout costs the same. The model is simulated: it takes a lognormal time
and hands on the prompt it was given, and the metric scores the prompts that came through as the world does.
Waits are jumped over (`clock.py`), computing counts as it is; with `--compress` they are waited for, that
many times shorter, while computing takes as long as ever. `cpu` is the process's own share of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from clock import JumpingLoop
from gepa.api import optimize as gepa_optimize
from gepa.core.adapter import EvaluationBatch
from gepa.proposer.reflective_mutation.reflection_lm import ReflectionProposal
from gepa.strategies.proposal_sampling import IndependentSampling
from gepa_in_worlds import Silent
from ours_in_worlds import WorldReflector
from slow import Clock, Pace, SlowReflection, SlowWorld, Watched, examples_of
from waits import Job, Run, kept, report
from worlds import FAMILIES, Texts, World

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Optimizer
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

WORLDS = ("pipeline", "long prompts hurt", "conflicting clusters")
"""Noise; where gepa's single edits do well; where gepa's best options need fewer rollouts than racing."""


def evaluator_of(clock: Clock, job: Job) -> Watched | SlowWorld:
    return Watched(clock) if job.graph else SlowWorld(clock)


async def search(clock: Clock, job: Job, rules: Rules) -> None:
    """Our engine."""
    evaluator = evaluator_of(clock, job)
    last = [0]

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        if pool.candidates and clock.rollouts >= last[0] + 10:
            last[0] = clock.rollouts
            clock.note(evaluator.texts_of(pool.best.texts))

    ledger = Ledger(
        evaluator,
        SlowReflection(clock),
        MemoryStore(),
        observers=[observe],
        concurrency=job.concurrency,
        clock=clock.loop.time,
    )
    reflector: Any = WorldReflector(ledger)
    examples, budget = examples_of(clock.world), Budget(rollouts=job.rollouts)
    pool = await Optimizer(ledger, reflector, evaluator.modules, examples, budget, rules, job.seed, job.in_flight).run()
    clock.note(evaluator.texts_of(pool.best.texts))


def ours(runner: asyncio.Runner, clock: Clock, job: Job, *, rules: Rules) -> None:
    runner.run(search(clock, job, rules))


class Adapter:
    """The same graph and evaluator as gepa's adapter, `width` rollouts at once, and what gepa would return."""

    propose_new_texts = None

    def __init__(self, runner: asyncio.Runner, clock: Clock, evaluator: Watched | SlowWorld, width: int) -> None:
        self.runner, self.clock, self.evaluator, self.width = runner, clock, evaluator, width
        self.reflection = SlowReflection(clock)
        self.best = -1.0

    def evaluate(self, batch: Sequence[Example], candidate: Texts, capture_traces: bool = False) -> Any:  # noqa: ARG002
        return self.batch_evaluate([(candidate, batch)])[0]

    def batch_evaluate(self, items: Sequence[tuple[Texts, Sequence[Example]]]) -> list[Any]:
        return self.runner.run(self._evaluate(items))

    async def _evaluate(self, items: Sequence[tuple[Texts, Sequence[Example]]]) -> list[Any]:
        slots = asyncio.Semaphore(self.width)

        async def one(texts: Texts, example: Example) -> Rollout:
            async with slots:
                return await self.evaluator.evaluate(texts, example)

        done = iter(await asyncio.gather(*(one(texts, example) for texts, batch in items for example in batch)))
        rollouts = [[next(done) for _ in batch] for _, batch in items]
        return [EvaluationBatch([None] * len(some), [r.score for r in some], some) for some in rollouts]

    def make_reflective_dataset(self, candidate: Texts, batch: Any, names: Sequence[str]) -> Any:  # noqa: ARG002
        return {
            name: [{"score": r.score, "notes": r.feedback.by_module.get(name, "[]")} for r in batch.trajectories]
            for name in names
        }

    def reflect_many(self, jobs: Sequence[tuple[Texts, Mapping[str, Any], Sequence[str]]]) -> list[Any]:
        """All replies at once, as gepa asks for them when its reflection model takes batches."""

        async def ask() -> list[str]:
            return await asyncio.gather(*(self._ask(t[name], records[name]) for t, records, n in jobs for name in n))

        replies = iter(self.runner.run(ask()))
        return [(ReflectionProposal({name: next(replies) for name in names}), self) for _, _, names in jobs]

    def reflect(self, *job: Any) -> Any:
        return self.reflect_many([job])[0]

    async def _ask(self, text: str, records: Sequence[Mapping[str, Any]]) -> str:
        shown = [(record["score"], json.loads(record["notes"])) for record in records]
        reply = (await self.reflection.complete(json.dumps({"text": text, "records": shown, "rejected": []}))).text
        return text if reply == "NO CHANGE" else reply.removeprefix("```\n").removesuffix("\n```")

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        if event["average_score"] > self.best:
            self.best = event["average_score"]
            self.clock.note(self.evaluator.texts_of(event["candidate"]))


def theirs(
    runner: asyncio.Runner, clock: Clock, job: Job, *, batches: bool = True, proposals: int = 1, **options: Any
) -> None:
    """The official package. `batches`: the rollouts of a batch run at once; `proposals` at once in an iteration."""
    adapter: Any = Adapter(runner, clock, evaluator_of(clock, job), job.concurrency if batches else 1)
    seed = {module.name: module.text for module in adapter.evaluator.modules}
    examples = examples_of(clock.world)
    gepa_optimize(
        seed,
        list(examples.feedback),
        list(examples.pareto),
        adapter=adapter,
        callbacks=[adapter],
        reflection_strategy=adapter,
        sampling_strategy=IndependentSampling(proposals) if proposals > 1 else None,
        max_metric_calls=job.rollouts,
        logger=Silent(),
        seed=job.seed,
        **options,
    )


SEARCHES: dict[str, Callable[[asyncio.Runner, Clock, Job], None]] = {
    "gepa defaults, one by one": partial(theirs, batches=False),
    "gepa defaults": theirs,
    "gepa all, 10": partial(theirs, module_selector="all", reflection_minibatch_size=10),
    "gepa all, 10, 4 proposals": partial(theirs, module_selector="all", reflection_minibatch_size=10, proposals=4),
    "gepa all, 6, 8 proposals": partial(theirs, module_selector="all", reflection_minibatch_size=6, proposals=8),
    "ours, gepa": partial(ours, rules=GEPA),
    "ours, racing": partial(ours, rules=RACING),
}


def run_one(job: Job) -> Run:
    family = next(family for family in FAMILIES if family.name == job.world)
    with asyncio.Runner(loop_factory=None if job.compress else JumpingLoop) as runner:
        pace = Pace(Random(f"{job}"), job.compress or 1.0)
        clock = Clock(World(family, job.seed), runner.get_loop(), pace)
        SEARCHES[job.search](runner, clock, job)
        return clock.run()


def jobs_of(asked: argparse.Namespace) -> list[Job]:
    return [
        Job(world, name, seed, asked.rollouts, concurrency, in_flight, asked.compress, not asked.without_graph)
        for concurrency in asked.concurrency
        for seed in range(asked.seeds)
        for name in asked.only
        for in_flight in (asked.in_flight if name.startswith("ours") else (1,))
        for world in asked.worlds
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--rollouts", type=int)
    parser.add_argument("--worlds", nargs="*", choices=[family.name for family in FAMILIES])
    parser.add_argument("--concurrency", nargs="*", type=int, default=(16,))
    parser.add_argument("--in-flight", nargs="*", type=int, default=None)
    parser.add_argument("--only", nargs="*", choices=tuple(SEARCHES), default=tuple(SEARCHES))
    parser.add_argument("--compress", type=float, help="wait in real time, so many times shorter")
    parser.add_argument(
        "--without-graph", action="store_true", help="rollouts that only wait and score, for many seeds"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write the runs here as JSON")
    asked = parser.parse_args()
    asked.seeds = asked.seeds or (2 if asked.quick else 5)
    asked.rollouts = asked.rollouts or (300 if asked.quick else 1500)
    asked.worlds = asked.worlds or WORLDS[: 1 if asked.quick else None]
    asked.in_flight = asked.in_flight or ((2, 8) if asked.quick else (1, 2, 4, 8))
    jobs = jobs_of(asked)
    with ProcessPoolExecutor(1 if asked.compress else asked.workers) as workers:
        runs = kept(jobs, workers.map(run_one, jobs), asked.keep)
    for concurrency in asked.concurrency:
        report({job: run for job, run in runs.items() if job.concurrency == concurrency})


if __name__ == "__main__":
    main()
