"""The official gepa package, with its own engine, in the simulated worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curves import Curve, Watch
from gepa.api import optimize as gepa_optimize
from gepa.core.adapter import EvaluationBatch
from gepa.strategies.proposal_sampling import IndependentSampling
from ours_in_worlds import SimulatedReflection
from worlds import Seen, Texts, World


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
