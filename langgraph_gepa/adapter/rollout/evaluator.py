"""Evaluates candidates of a LangGraph graph for the engine: bind the texts, run the graph, attribute calls, score."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.adapter.failures.classification import FailureContext, error_text
from langgraph_gepa.adapter.failures.outcomes import ambiguous_failure, verdict_by
from langgraph_gepa.adapter.isolation.graph_copies import for_a_rollout
from langgraph_gepa.adapter.rollout import metric as metrics
from langgraph_gepa.adapter.rollout.effect import Effects
from langgraph_gepa.adapter.rollout.fingerprint import parts_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask, masked_rollout, masking, secrets_of
from langgraph_gepa.adapter.rollout.runner import Graph, UnscoredRollout, run
from langgraph_gepa.adapter.rollout.trajectories import asks_for_trajectory
from langgraph_gepa.adapter.tools.stand_ins import replaced
from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.adapter.tracing.callback_handler import Tracer, current_tracer, watching
from langgraph_gepa.adapter.tracing.traces import traced_rollout
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.example import Example, digest, in_message
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.errors import Error, MetricError, UsageError
from langgraph_gepa.reflection.directions import touched

K = TypeVar("K")
BOUND_GRAPHS = 64
METRIC = "metric"
"""The tag of a metric's own calls in traces."""


class GraphEvaluator:
    """Runs candidates of a surveyed graph and scores them with `metric`; the engine's port `Evaluator`.

    `modules` names the modules under optimisation, in round-robin order; by default all that are `on`. Every other
    module keeps its own text. `frozen` are the parts of modules' texts that a new text may not touch. `mask` hides what
    must not be stored: by default keys in the environment, and what `options.mask` hides. `parts` are what
    `fingerprint` is made of. Raises `UsageError` for the name of no module and for a metric that cannot be
    called.
    """

    def __init__(
        self,
        survey: Survey,
        metric: Any,
        *,
        modules: Sequence[str] | None = None,
        options: RunnerOptions | None = None,
        mask: Mask | None = None,
        frozen: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._survey = survey
        self._options = options or RunnerOptions()
        self._score = metrics.adapt(metric, self._may_be_worlds)
        self._with_trajectory = asks_for_trajectory(metric)
        self._frozen = dict(frozen or {})
        self._modules = modules_named(survey.modules, modules)
        self.parts = parts_of(survey, metric, self._options)
        self.fingerprint = digest(self.parts)
        self._mask = mask or masking(secrets_of(()), self._options.mask)
        self._bound: OrderedDict[str, Graph] = OrderedDict()
        self._failed: OrderedDict[tuple[str, str], Graph] = OrderedDict()
        self._effects = Effects(survey, (module.name for module in self._modules), self._made, self._options)

    @property
    def modules(self) -> tuple[Module, ...]:
        return self._modules

    def check(self, module: str, text: str) -> str | None:
        if (broken := self._survey.check(module, text)) is not None or module not in self._frozen:
            return broken
        original = next(known.text for known in self._modules if known.name == module)
        return touched(text, original, self._frozen[module])

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        """Returns one scored rollout, whose usage includes the metric's own model calls.

        A failure of the candidate scores 0 with the error as feedback; a failure of the world, and `MetricError`, are
        raised. A failure that may be either's raises `Unfinished` with the rollout that stands if trying again does not
        help; so does the world's failure in the metric, after which only the metric is called again.
        """
        unscored = await self._run(texts, example)
        rollout = self._rollout(unscored, texts, example)
        self._effects.keep(texts, example, unscored, rollout)
        if unscored.error is None:
            return await self._scored(unscored, rollout, texts, example)
        kept = masked_rollout(rollout, self._mask)
        if unscored.ambiguous is not None:
            raise Unfinished(unscored.ambiguous, stands=kept) from unscored.ambiguous
        return kept

    async def _run(self, texts: Texts, example: Example) -> UnscoredRollout:
        """Runs the graph on the example.

        A rollout that is tried again after a failure of the world continues with the copy of the graph that it failed
        on, and what the graph's functions wrote there, as a second call in the user's process would.
        """
        graph, key = self._graph(texts), (texts_key(texts), example.id)
        graph_copy = self._failed.pop(key, None)
        graph_copy = for_a_rollout(graph) if graph_copy is None else graph_copy
        try:
            with traced_rollout(texts, example):
                unscored = await run(
                    graph, example, self._options, graph_copy=graph_copy, trajectory=self._with_trajectory
                )
        except Exception:
            _keep(self._failed, key, graph_copy)
            raise
        if unscored.ambiguous is not None:
            _keep(self._failed, key, graph_copy)
        return unscored

    async def _scored(self, unscored: UnscoredRollout, rollout: Rollout, texts: Texts, example: Example) -> Rollout:
        """Returns `rollout` with its score. When the metric is called again, its usage adds up over all tries."""
        tracer = Tracer(self._options.prices)
        feedback: Feedback = Feedback(0.0)
        raised: Exception | None = None
        try:
            with watching(tracer), traced_rollout(texts, example, METRIC):
                feedback = await self._score(example, unscored.state, rollout, unscored.trajectory)
        except Error as mistake:
            if not isinstance(mistake, MetricError) or not tracer.unrecovered:
                raise
            raised = mistake  # it may have no score because its judge gave none
        except Exception as failure:  # noqa: BLE001 - of the world, or either's: `adapt` lets through no other
            raised = failure
        paid = replace(rollout, usage=rollout.usage + tracer.usage)
        again = partial(self._scored, unscored, paid, texts, example)
        rule, context = self._options.is_world_failure, FailureContext(tracer.model_failures)
        try:
            ambiguous = ambiguous_failure(rule, raised, tracer.unrecovered, lambda: context)
        except Exception as failure:
            raise Unfinished(failure, go_on=again) from failure
        if raised is None:
            scored = self._checked(paid, feedback, example)
            if ambiguous is not None:
                raise Unfinished(ambiguous, go_on=again, stands=scored, ended=True) from ambiguous
            if unscored.ambiguous is not None:
                raise Unfinished(unscored.ambiguous, stands=scored, ended=True) from unscored.ambiguous
            return scored
        if isinstance(raised, Error) and ambiguous is None:
            raise raised
        error = f"The metric failed: {error_text(raised)}"
        stands = masked_rollout(replace(paid, feedback=Feedback(0.0, error), error=error), self._mask)
        raise Unfinished(ambiguous or raised, go_on=again, stands=stands) from raised

    def _checked(self, rollout: Rollout, feedback: Feedback, example: Example) -> Rollout:
        """Returns the masked rollout with its feedback. Raises `MetricError` for feedback that must be a mistake."""
        _check_addressees(feedback, self._survey.modules, example)
        return masked_rollout(replace(rollout, feedback=feedback), self._mask)

    def _may_be_worlds(self, failure: BaseException) -> bool:
        """Whether a failure of the metric that is running, or one of its own model calls, may be the world's."""
        tracer = current_tracer()
        context = FailureContext(tracer.model_failures if tracer else ())
        failures = (failure, *(tracer.unrecovered if tracer else ()))
        return any(verdict_by(self._options.is_world_failure, one, context) != "candidate" for one in failures)

    def _rollout(self, unscored: UnscoredRollout, texts: Texts, example: Example) -> Rollout:
        failed = Feedback(0.0, f"The run failed. {unscored.error}" if unscored.error else "")
        calls = attribute(unscored.watched, self._survey.modules, texts)
        return Rollout(
            example.id,
            plain(unscored.state),
            failed,
            calls,
            unscored.usage,
            unscored.seconds,
            unscored.error,
            unscored.nodes,
        )

    def _graph(self, texts: Texts) -> Graph:
        key = texts_key(texts)
        graph = self._bound.pop(key, None)
        if graph is None:
            graph = self._made(texts)
        _keep(self._bound, key, graph)
        return graph

    def _made(self, texts: Texts) -> Graph:
        return replaced(self._survey.bind(texts), self._options.tools, self._options.tool_cache)

    async def without_effect(self) -> Mapping[str, NoEffect]:
        """Returns the modules whose new texts are proved, by the rollouts so far, to have no effect; each only once."""
        return await self._effects.settle()

    @property
    def arrived(self) -> frozenset[str]:
        """The modules whose new texts were seen to reach a model when `without_effect` looked."""
        return frozenset(self._effects.arrived or ())


def _keep(graphs: OrderedDict[K, Graph], key: K, graph: Graph) -> None:
    """Adds a graph and forgets those that were added first, so that at most `BOUND_GRAPHS` are kept."""
    graphs[key] = graph
    while len(graphs) > BOUND_GRAPHS:
        graphs.popitem(last=False)


def _check_addressees(feedback: Feedback, modules: Sequence[Module], example: Example) -> None:
    """Raises `MetricError` for feedback to a module that does not exist, which nobody would read."""
    known = sorted(module.name for module in modules)
    for name in feedback.by_module:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else "."
            raise MetricError(
                f"The metric gave feedback by_module to {name!r} on example {in_message(example)}, and no module is "
                f"called so{meant} There are: {', '.join(known) or 'none'}."
            )


def modules_named(known: Sequence[Module], names: Sequence[str] | None) -> tuple[Module, ...]:
    """Returns the modules with these names, by default those that are `on`. Raises `UsageError`."""
    if names is None:
        return tuple(module for module in known if module.on)
    by_name = {module.name: module for module in known}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UsageError(
            f"No module is called {', '.join(unknown)}. There are: {', '.join(sorted(by_name)) or 'none'}."
        )
    stuck = [by_name[name] for name in names if by_name[name].reason]
    if stuck:
        raise UsageError("; ".join(f"Module {module.name} cannot be replaced: {module.reason}" for module in stuck))
    return tuple(by_name[name] for name in dict.fromkeys(names))
