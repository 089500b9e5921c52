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
import asyncio
import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from blind import BLIND, world_of
from critic import WorldCritic, WorldCriticModel
from curves import Curve, Job, Point, append_curve, read_curves
from gepa.api import optimize as gepa_optimize
from gepa.core.adapter import EvaluationBatch
from gepa.strategies.proposal_sampling import IndependentSampling
from unseen import UNSEEN
from worlds import FAMILIES, Family, Seen, Texts, World, heeding

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.reflection.prompt import Record
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.reflection.rejected import MOST
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.memory import MemoryStore

BUDGETS = (150, 300, 750, 1500, 3000)
HALVES = ("tuning", "frozen", "unseen", "blind")
ALL: tuple[Family, ...] = (*FAMILIES, *UNSEEN, *BLIND)
REFLECTION = 2
"""What a reflection costs, in rollouts."""


class Watch:
    """Notes the gain of what a search would return, each time the rollouts pass another step."""

    def __init__(self, world: World, step: int = 25) -> None:
        self.world = world
        self.step = step
        self.reflections = 0
        self.opinions: Callable[[], int] = lambda: 0
        self.curve: Curve = []
        self._next = step

    def see(self, rollouts: int, best: Callable[[], Texts]) -> None:
        if rollouts >= self._next:
            self._next = (rollouts // self.step + 1) * self.step
            self.curve.append(self._point(rollouts, best()))

    def end(self, rollouts: int, best: Texts) -> Curve:
        return [*self.curve, self._point(rollouts, best)]

    def _point(self, rollouts: int, best: Texts) -> Point:
        return rollouts, self.reflections + self.opinions(), self.world.gain(best)


class SimulatedReflection:
    """The reflection of a world. The same text and notes are answered differently each time they come."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __call__(
        self, text: str, records: Sequence[tuple[float, Sequence[str]]], rejected: Sequence[tuple[str, str]] = ()
    ) -> str:
        self.watch.reflections += 1
        rng = Random(f"{self.watch.world.seed}:{self.watch.reflections}:{text}:{records}")
        return heeding(self.watch.world.reflect(text, records, rng), text, rejected, rng)


class WorldEvaluator:
    """A world as our engine's `Evaluator`."""

    fingerprint = "simulated"

    def __init__(self, world: World) -> None:
        self.world = world
        self.modules = tuple(Module(name, "prompt", world.seed_texts[name]) for name in world.modules)
        self._tasks = {str(task.id): task for task in (*world.feedback, *world.pareto)}

    def check(self, module: str, text: str) -> str | None:  # noqa: ARG002  # no placeholders here
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        seen = self.world.run(texts, self._tasks[example.id])
        notes = {name: json.dumps(said) for name, said in seen.notes.items() if said}
        calls = tuple(Call("model", name, "simulated", [], modules=(name,)) for name in seen.called)
        return Rollout(example.id, None, Feedback(seen.score, "", notes), calls, nodes=seen.called)


class WorldModel:
    """A world's reflection as our engine's `LanguageModel`: the prompt is plain data."""

    def __init__(self, reflection: SimulatedReflection) -> None:
        self._reflection = reflection

    async def complete(self, prompt: str) -> Reply:
        asked = json.loads(prompt)
        text = self._reflection(asked["text"], asked["records"], asked["rejected"])
        return Reply("NO CHANGE" if text == asked["text"] else f"```\n{text}\n```")


@dataclass(frozen=True)
class WorldReflector:
    """In the place of `Reflector`: the ledger and the parser are real, the prompt is not a prompt.

    As the built-in prompt does, it leaves out earlier edits that did not help unless it `shows_rejected`.
    """

    ledger: Ledger
    shows_rejected: bool = False

    async def propose(
        self, module: Module, text: str, records: Sequence[Record], iteration: int, rejected: Sequence[Edit] = ()
    ) -> Proposal:
        shown = [(r.rollout.score, json.loads(r.rollout.feedback.by_module.get(module.name, "[]"))) for r in records]
        # A prompt of its own for each iteration: the simulated model answers the same one differently each time.
        edits = [(edit.old, edit.new) for edit in (rejected[:MOST] if self.shows_rejected else ())]
        prompt = json.dumps({"text": text, "records": shown, "rejected": edits, "iteration": iteration})
        reply = await self.ledger.replies.reflection(prompt, iteration, module.name)
        return parse_reply(reply.text, text)


def ours(
    world: World,
    rollouts: int,
    rules: Rules,
    in_flight: int = 1,
    critic: float | None = None,
    *,
    shows_rejected: bool = False,
    oracle: bool = False,
) -> Curve:
    """Our engine in a world; `critic` is how often its critic is right, if it has one.

    With `oracle` what counts is the candidate that is truly the best of the pool, which no search can know.
    """
    watch = Watch(world)
    gains: dict[str, float] = {}

    def gain(candidate: Candidate) -> float:
        if candidate.key not in gains:
            gains[candidate.key] = world.gain(candidate.texts)
        return gains[candidate.key]

    def chosen(pool: Pool) -> Texts:
        return (max(pool.candidates, key=gain) if oracle else pool.best).texts

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        if pool.candidates:
            watch.see(pool.spent.rollouts, lambda: chosen(pool))

    async def search() -> Pool:
        evaluator = WorldEvaluator(world)
        model = WorldModel(SimulatedReflection(watch))
        critical = None if critic is None else WorldCriticModel(world, critic)
        if critical is not None:
            watch.opinions = lambda: critical.opinions
        ledger = Ledger(evaluator, model, MemoryStore(), critic=critical, observers=[observe])
        examples = Examples(
            [Example(str(task.id), {"task": task.id}) for task in world.feedback],
            [Example(str(task.id), {"task": task.id}) for task in world.pareto],
        )
        reflector: Any = WorldReflector(ledger, shows_rejected)
        judge: Any = None if critical is None else WorldCritic(ledger)
        budget = Budget(rollouts=rollouts)
        return await Optimizer(
            ledger,
            reflector,
            evaluator.modules,
            examples,
            budget,
            rules,
            seed=world.seed,
            in_flight=in_flight,
            critic=judge,
        ).run()

    pool = asyncio.run(search())
    return watch.end(pool.spent.rollouts, chosen(pool))


class Adapter:
    """A world as gepa's adapter. It counts metric calls, and knows what gepa would return."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.reflection = SimulatedReflection(watch)
        self.calls = 0
        self.best: tuple[float, Texts] = (-1.0, watch.world.seed_texts)

    def evaluate(
        self, batch: Sequence[Any], candidate: Mapping[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Any, Any]:
        seen: list[Seen] = []
        for task in batch:
            seen.append(self.watch.world.run(candidate, task))
            self.calls += 1
            self.watch.see(self.calls, lambda: self.best[1])
        return EvaluationBatch([None] * len(seen), [one.score for one in seen], seen if capture_traces else None)

    def make_reflective_dataset(
        self,
        candidate: Mapping[str, str],  # noqa: ARG002  # gepa's interface
        batch: EvaluationBatch[Any, Any],
        components: Sequence[str],
    ) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [{"score": seen.score, "notes": seen.notes[name]} for seen in batch.trajectories or ()]
            for name in components
        }

    def propose_new_texts(
        self,
        candidate: Mapping[str, str],
        dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components: Sequence[str],
    ) -> dict[str, str]:
        return {
            name: self.reflection(candidate[name], [(record["score"], record["notes"]) for record in dataset[name]])
            for name in components
        }

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        if event["average_score"] > self.best[0]:
            self.best = (event["average_score"], dict(event["candidate"]))


class Silent:
    def log(self, message: str) -> None:
        pass


def theirs(world: World, rollouts: int, **options: Any) -> Curve:
    """The official package in a world."""
    watch = Watch(world)
    adapter: Any = Adapter(watch)
    gepa_optimize(
        dict(world.seed_texts),
        trainset=world.feedback,
        valset=world.pareto,
        adapter=adapter,
        callbacks=[adapter],
        max_metric_calls=rollouts,
        logger=Silent(),
        seed=world.seed,
        **options,
    )
    curve = watch.end(adapter.calls, adapter.best[1])
    return [point for point in curve if point[0] <= rollouts] or curve[:1]


def independent(world: World, rollouts: int, size: int) -> Curve:
    return theirs(
        world,
        rollouts,
        module_selector="all",
        reflection_minibatch_size=size,
        sampling_strategy=IndependentSampling(4),
    )


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
BASELINES = ("gepa all, 6", "gepa all, 10", "gepa all, 6, independent")


def gain_at(curve: Curve, budget: float, price: int) -> float:
    """The gain of what would have been returned when `budget` was spent; 0, the seed's, before the first point."""
    reached = [gain for rollouts, reflections, gain in curve if rollouts + price * reflections <= budget]
    return reached[-1] if reached else 0.0


def spent_to(curve: Iterable[tuple[float, float]], target: float) -> float:
    """The first cost at which a curve of (cost, gain) is at the target; infinity when it never is."""
    return next((cost for cost, gain in curve if gain >= target - 1e-9), math.inf)


def mean_curve(curves: Sequence[Curve], price: int, most: int) -> list[tuple[float, float]]:
    """Running maximum of the mean gain over seeds, by cost."""
    best, points = 0.0, []
    for cost in range(25, most + 1, 25):
        best = max(best, statistics.fmean(gain_at(curve, cost, price) for curve in curves))
        points.append((float(cost), best))
    return points


def interval(values: Sequence[float], tries: int = 2000) -> tuple[float, float]:
    """95 % of the mean, from resampling."""
    rng = Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(tries))
    return means[int(0.025 * tries)], means[int(0.975 * tries) - 1]


Results = dict[str, dict[str, list[Curve]]]
"""Family, search, and a curve for each seed."""


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


def report(results: Results, budgets: Sequence[int]) -> None:
    families, most = list(results), max(budgets)
    searches = list(next(iter(results.values())))
    for price, unit in ((0, "rollouts"), (REFLECTION, f"rollouts + {REFLECTION} x reflections")):
        within = list(budgets)
        print(f"\nGain, mean of all worlds, at {unit}")
        print(f"{'':26}" + "".join(f"{budget:>8}" for budget in within))
        for search in searches:
            row = [
                statistics.fmean(gain_at(curve, b, price) for f in families for curve in results[f][search])
                for b in within
            ]
            print(f"{search:26}" + "".join(f"{gain:8.3f}" for gain in row))
        best = best_baseline(results, most, price)
        print(f"best options: {best}")
        if "ours, racing" in searches:
            versus(results, "gepa defaults", within, price)
            if best:
                versus(results, best, within, price)
            for search in CRITICS.keys() & {*searches}:
                beside_racing(results, search, within, price)
            by_world(results, within, price)


def best_baseline(results: Results, budget: int, price: int) -> str:
    """The baseline with the highest mean gain at the end."""
    there = [name for name in BASELINES if name in next(iter(results.values()))]

    def gain(name: str) -> float:
        return statistics.fmean(gain_at(curve, budget, price) for f in results for curve in results[f][name])

    return max(there, key=gain, default="")


def versus(results: Results, baseline: str, budgets: Sequence[int], price: int) -> None:
    """How many times sooner racing is where the baseline ends, and where it is worse than it."""
    most, factors = max(budgets), []
    print(f"\nracing against {baseline}: cost at which each first has the baseline's gain at {most}")
    for family, curves in results.items():
        if baseline not in curves:
            return
        theirs_curve = mean_curve(curves[baseline], price, most)
        ours_curve = mean_curve(curves["ours, racing"], price, most)
        target = theirs_curve[-1][1]
        theirs_cost, ours_cost = spent_to(theirs_curve, target), spent_to(ours_curve, target)
        factors.append(theirs_cost / (ours_cost if math.isfinite(ours_cost) else most * 1.0))
        note = "" if math.isfinite(ours_cost) else "  (never: counted as the whole budget)"
        print(f"  {family:24} gain {target:.3f}  {theirs_cost:6.0f} {ours_cost:6.0f}  {factors[-1]:5.2f}x{note}")
    print(f"  geometric mean {math.exp(statistics.fmean(map(math.log, factors))):.2f}x")
    losses(results, baseline, budgets, price)


def losses(results: Results, baseline: str, budgets: Sequence[int], price: int) -> None:
    """The cells in which racing is significantly worse, and those that are so after correction for their number."""
    cells = {
        (family, budget): [
            gain_at(mine, budget, price) - gain_at(other, budget, price)
            for mine, other in zip(curves["ours, racing"], curves[baseline], strict=True)
        ]
        for family, curves in results.items()
        for budget in budgets
    }
    confirmed = holm({cell: chance_of_loss(differences) for cell, differences in cells.items()})
    for (family, budget), differences in cells.items():
        low, high = interval(differences)
        if high < 0 or (family, budget) in confirmed:
            after = "also" if (family, budget) in confirmed else "not"
            mean = statistics.fmean(differences)
            print(f"  loss: {family} at {budget}: {mean:+.3f} [{low:+.3f}, {high:+.3f}], {after} after correction")
    print(f"  significant losses after correction for {len(cells)} cells (Holm): {len(confirmed)}")


def chance_of_loss(differences: Sequence[float], tries: int = 20_000) -> float:
    """One-sided p-value of a mean this low if signs were random (paired permutation test)."""
    total = sum(differences)
    if total >= 0:
        return 1.0
    rng = Random(0)
    sizes = [abs(one) for one in differences]
    lower = sum(sum(size if rng.random() < 0.5 else -size for size in sizes) <= total + 1e-12 for _ in range(tries))
    return (lower + 1) / (tries + 1)


def holm(chances: Mapping[tuple[str, int], float], level: float = 0.05) -> set[tuple[str, int]]:
    """The hypotheses rejected by Holm's step-down procedure (Scand. J. Statist. 6, 1979)."""
    rejected = set[tuple[str, int]]()
    for place, (cell, chance) in enumerate(sorted(chances.items(), key=lambda one: one[1])):
        if chance > level / (len(chances) - place):
            break
        rejected.add(cell)
    return rejected


def beside_racing(results: Results, search: str, budgets: Sequence[int], price: int) -> None:
    """The difference in gain to racing, paired by seed, with its interval."""
    cells = []
    for budget in budgets:
        pairs = [
            pair for curves in results.values() for pair in zip(curves[search], curves["ours, racing"], strict=True)
        ]
        differences = [gain_at(mine, budget, price) - gain_at(other, budget, price) for mine, other in pairs]
        low, high = interval(differences)
        cells.append(f"{statistics.fmean(differences):+.3f} [{low:+.3f},{high:+.3f}]")
    print(f"{search} less racing: " + "  ".join(cells))


def by_world(results: Results, budgets: Sequence[int], price: int) -> None:
    print("\nby world, gain with 95 % intervals")
    for family, curves in results.items():
        print(f"  {family}")
        for search, runs in curves.items():
            cells = []
            for budget in budgets:
                gains = [gain_at(curve, budget, price) for curve in runs]
                low, high = interval(gains, 500)
                cells.append(f"{statistics.fmean(gains):6.3f} [{low:5.2f},{high:5.2f}]")
            print(f"    {search:26}" + " ".join(cells))


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
