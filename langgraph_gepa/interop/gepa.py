"""Lets the official `gepa` package optimise a LangGraph graph: `gepa.optimize(..., adapter=LangGraphAdapter(...))`.

Install it with `pip install "langgraph-gepa[gepa]"`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph_gepa.adapter.discovery.chat_models import models_of
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.process_state import undisturbed
from langgraph_gepa.adapter.loading import load_graph, load_metric, load_options
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import explained, masking, secrets_of
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.excerpt import fit_all
from langgraph_gepa.core.module import KINDS, Module
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.errors import UsageError
from langgraph_gepa.reflection.prompt import feedback_text
from langgraph_gepa.reflection.records import Record, record_blocks
from langgraph_gepa.runs.arguments import at_least_one, finite, kinds_of
from langgraph_gepa.runs.evaluate import run_examples
from langgraph_gepa.runs.examples import examples_of
from langgraph_gepa.runs.job import WORLD
from langgraph_gepa.runs.module_choice import choice_of, require_chosen

if TYPE_CHECKING:
    from gepa.core.adapter import EvaluationBatch

LONGEST_RECORD = 24_000
"""Characters of one record without its feedback; the longest inputs, messages and outputs lose their middle."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One example and its rollout: what a reflective data set is made of."""

    example: Example
    rollout: Rollout


class LangGraphAdapter:
    """A graph as gepa's `GEPAAdapter`: modules are the components, examples the data, rollouts the trajectories.

        adapter = LangGraphAdapter(graph, metric)
        result = gepa.optimize(adapter.seed_candidate, trainset, valset, adapter=adapter, ...)
        better = bind(graph, result.best_candidate)

    Graph, metric, `kinds`, `modules`, `library`, `options`, `concurrency` and `failure_score` are given as to
    `optimize`, and examples in the form that `optimize` takes them. Rollouts run as those of `optimize` do, each apart
    from the others, and are tried again while the world fails. gepa keeps every score as it was returned: where a
    metric's scores go below 0, give a `failure_score` below the worst of them, since the lowest score seen may fall
    later. Raises `UsageError` where gepa is not installed, and as `optimize` does.
    """

    propose_new_texts = None
    """gepa writes its own reflection prompts."""

    @undisturbed()
    def __init__(
        self,
        graph: Any,
        metric: Any,
        *,
        kinds: Collection[str] = ("prompt",),
        modules: Sequence[str] | str | None = None,
        library: bool = False,
        options: RunnerOptions | str | None = None,
        concurrency: int = 16,
        failure_score: float | None = None,
    ) -> None:
        try:
            from gepa.core.adapter import EvaluationBatch
        except ImportError as error:
            raise UsageError(
                f'The package gepa cannot be imported ({error}). Run: pip install "langgraph-gepa[gepa]"'
            ) from error
        self._batch = EvaluationBatch
        compiled, options = load_graph(graph), load_options(options)
        found = survey(compiled, kinds=KINDS)
        chosen, _ = choice_of(modules, library).to_optimise(found.modules, kinds_of(kinds))
        require_chosen(chosen, kinds_of(kinds))
        self._mask = masking(secrets_of(models_of(compiled)), options.mask)
        self._evaluator = GraphEvaluator(
            found,
            load_metric(metric),
            modules=[module.name for module in chosen if module.on],
            options=options,
            mask=self._mask,
        )
        self._modules = {module.name: module for module in self._evaluator.modules}
        self._concurrency = at_least_one("concurrency", concurrency)
        given = None if failure_score is None else finite("failure_score", failure_score)
        self._scale = MetricScale(failure=given)
        self._objectives: dict[str, MetricScale] = {}

    @property
    def seed_candidate(self) -> dict[str, str]:
        """The graph's own texts by module name."""
        return {name: module.text for name, module in self._modules.items()}

    @undisturbed()
    def evaluate(
        self, batch: Sequence[Any], candidate: Mapping[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Trajectory, Any]:
        """Scores the candidate on each example of the batch, in order. Modules it does not name keep their own text.

        A candidate with a text that breaks its placeholders' contract has the failure score everywhere, with the reason
        as feedback, and is not run. Raises `UsageError` for the name of no module and when the world keeps failing.
        """
        examples = [examples_of([item], "batch")[0] for item in batch]  # one by one: gepa may repeat an example
        if broken := self._broken(candidate):
            rollouts = [Rollout(example.id, None, broken, error=broken.comment) for example in examples]
        else:
            texts = self.seed_candidate | dict(candidate)
            with explained("The examples could not all be run", self._mask):
                rollouts = run_examples(
                    self._evaluator, [(texts, example) for example in examples], self._concurrency, WORLD
                )
        rollouts = self._settled(rollouts)
        return self._batch(
            outputs=[rollout.outputs for rollout in rollouts],
            scores=[rollout.score for rollout in rollouts],
            trajectories=list(map(Trajectory, examples, rollouts)) if capture_traces else None,
            objective_scores=self._by_objective(rollouts),
        )

    def make_reflective_dataset(
        self,
        candidate: Mapping[str, str],
        eval_batch: EvaluationBatch[Trajectory, Any],
        components_to_update: Sequence[str],
    ) -> dict[str, list[dict[str, str]]]:
        """Returns for each component its own calls in each rollout, the outcome, and the feedback on it."""
        trajectories = eval_batch.trajectories or ()
        return {
            name: [_record(self._module(name), candidate, trajectory) for trajectory in trajectories]
            for name in components_to_update
        }

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            raise UsageError(f"No module under optimisation is called {name!r}. There are: {', '.join(self._modules)}.")
        return self._modules[name]

    def _broken(self, candidate: Mapping[str, str]) -> Feedback | None:
        """Feedback on the texts that cannot be used, or `None` when all can."""
        reasons = {name: self._evaluator.check(self._module(name).name, text) for name, text in candidate.items()}
        broken = {name: f"The text cannot be used: {reason}" for name, reason in reasons.items() if reason}
        if not broken:
            return None
        return Feedback(0.0, "\n".join(f"{name}: {reason}" for name, reason in broken.items()), broken)

    def _settled(self, rollouts: Sequence[Rollout]) -> list[Rollout]:
        """Returns the rollouts; those that failed have the failure score, given all scores seen so far."""
        for rollout in rollouts:
            self._scale = self._scale.after(rollout.score, failed=rollout.error is not None)
        return list(map(self._scale.settled, rollouts))

    def _by_objective(self, rollouts: Sequence[Rollout]) -> list[dict[str, float]] | None:
        """Returns the scores by objective; a rollout that failed has a failure's for each that was seen so far."""
        for rollout in rollouts:
            for name, score in rollout.feedback.objectives.items():
                self._objectives[name] = self._objectives.get(name, MetricScale()).after(score, failed=False)
        if not self._objectives:
            return None
        failed = {name: scale.failure_score for name, scale in self._objectives.items()}
        return [dict(rollout.feedback.objectives) or failed for rollout in rollouts]


def _record(module: Module, candidate: Mapping[str, str], trajectory: Trajectory) -> dict[str, str]:
    example, rollout = trajectory.example, trajectory.rollout
    record = Record(example.inputs, rollout, example.outputs)
    blocks = record_blocks(module, candidate.get(module.name, module.text), record)
    inputs, calls, outcome = fit_all(blocks, LONGEST_RECORD)
    return {
        "Inputs": inputs,
        "Generated Outputs": calls,
        "Outcome": outcome,
        "Feedback": feedback_text(module, record),
        "Score": f"{rollout.score:g}",
    }
