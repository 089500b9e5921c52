"""The engine's `Evaluator` on a LangGraph graph: bind, run, watch, score."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Protocol

from langgraph_gepa.adapter.failures.classification import Witnessed, words
from langgraph_gepa.adapter.isolation.graph_copies import for_a_rollout
from langgraph_gepa.adapter.rollout import metric as metrics
from langgraph_gepa.adapter.rollout.effect import Effects
from langgraph_gepa.adapter.rollout.fingerprint import parts_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask, masked_rollout, masking, secrets_of
from langgraph_gepa.adapter.rollout.runner import Graph, Ran, run
from langgraph_gepa.adapter.tools.stand_ins import replaced
from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.adapter.tracing.callback_handler import Tracer, current_tracer, watching
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.errors import Error, MetricError, UsageError

BOUND_GRAPHS = 64
_ROUNDING = 1e-9
"""By how much the mean of several scores between 0 and 1 may lie outside."""


class Survey(Protocol):
    """What is known of a graph, and the way to a graph with other texts."""

    @property
    def modules(self) -> tuple[Module, ...]: ...

    def bind(self, texts: Texts) -> Graph: ...

    def check(self, name: str, text: str) -> str | None: ...


class GraphEvaluator:
    """Runs candidates of a surveyed graph and scores them with `metric`.

    `modules` names those under optimisation, in round-robin order; by default all that are
    `on`. `texts` given to `evaluate` cover them, every other module keeps its own text. `mask`
    hides what must not be kept: by default keys in the environment, and what `options.mask`
    hides. `parts` are what `fingerprint` is made of. With `unit_scale` a score outside 0 to 1 is a `MetricError`.
    Raises `UsageError` for a name that no module has and for a metric that cannot be called.
    """

    def __init__(
        self,
        survey: Survey,
        metric: Any,
        *,
        modules: Sequence[str] | None = None,
        options: RunnerOptions | None = None,
        mask: Mask | None = None,
        unit_scale: bool = False,
    ) -> None:
        self._survey = survey
        self._options = options or RunnerOptions()
        self._score = metrics.adapt(metric, self._is_worlds_in_metric)
        self._unit_scale = unit_scale
        self._modules = _chosen(survey.modules, modules)
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
        return self._survey.check(module, text)

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        """One rollout, what the metric's own model calls spend included.

        A failure of the candidate scores 0 with the error as feedback; a failure of the world, and
        `MetricError`, are raised. What may be either's is an `Unfinished` rollout, which stands if it
        has to; so is one whose metric failed by the world, and only the metric is asked again.
        """
        ran = await self._ran(texts, example)
        rollout = self._rollout(ran, texts, example)
        self._effects.keep(texts, example, ran, rollout)
        if ran.error is None:
            return await self._scored(ran, rollout, example)
        kept = masked_rollout(rollout, self._mask)
        if ran.doubt is not None:
            raise Unfinished(ran.doubt, stands=kept) from ran.doubt
        return kept

    async def _ran(self, texts: Texts, example: Example) -> Ran:
        """Runs the graph on the example.

        A rollout that is tried again after a failure of the world keeps the copy of the graph that it failed on, with
        all that its functions had written there, as a second call in the user's process would.
        """
        graph, key = self._graph(texts), (texts_key(texts), example.id)
        own = self._failed.pop(key, None)
        own = for_a_rollout(graph) if own is None else own
        try:
            ran = await run(graph, example, self._options, own=own)
        except Exception:
            self._keep_failed(key, own)
            raise
        if ran.doubt is not None:
            self._keep_failed(key, own)
        return ran

    def _keep_failed(self, key: tuple[str, str], own: Graph) -> None:
        self._failed[key] = own
        while len(self._failed) > BOUND_GRAPHS:
            self._failed.popitem(last=False)

    async def _scored(self, ran: Ran, rollout: Rollout, example: Example) -> Rollout:
        """`rollout` with its score. Where the metric is asked again, its usage adds up over all tries."""
        watch = Tracer(self._options.prices)
        feedback: Feedback = Feedback(0.0)
        raised: Exception | None = None
        try:
            with watching(watch):
                feedback = await self._score(example, ran.state, rollout)
        except Error as mistake:
            if not isinstance(mistake, MetricError) or not watch.unrecovered:
                raise
            raised = mistake  # it may have no score because its judge gave none
        except Exception as failure:  # noqa: BLE001 - of the world, or in doubt: `adapt` lets through no other
            raised = failure
        spent = replace(rollout, usage=rollout.usage + watch.usage)
        again = partial(self._scored, ran, spent, example)
        try:
            doubt = self._options.doubt(raised, watch.unrecovered, lambda: Witnessed(watch.model_failures))
        except Exception as failure:
            raise Unfinished(failure, go_on=again) from failure
        if isinstance(raised, Error) and doubt is None:
            raise raised
        if raised is not None:
            said = f"The metric failed: {words(raised)}"
            stands = masked_rollout(replace(spent, feedback=Feedback(0.0, said), error=said), self._mask)
            raise Unfinished(doubt or raised, go_on=again, stands=stands) from raised
        _addressed(feedback, self._survey.modules, example)
        if self._unit_scale:
            _on_unit_scale(feedback.score, example)
        scored = masked_rollout(replace(spent, feedback=feedback), self._mask)
        if doubt is not None:
            raise Unfinished(doubt, go_on=again, stands=scored, ended=True) from doubt
        if ran.doubt is not None:
            raise Unfinished(ran.doubt, stands=scored, ended=True) from ran.doubt
        return scored

    def _is_worlds_in_metric(self, failure: BaseException) -> bool:
        """The border for the metric that is being asked, by what is seen of its own model calls."""
        watch = current_tracer()
        seen = Witnessed(watch.model_failures if watch else ())
        failures = (failure, *(watch.unrecovered if watch else ()))
        return any(self._options.whose(one, seen) != "candidate" for one in failures)

    def _rollout(self, ran: Ran, texts: Texts, example: Example) -> Rollout:
        failed = Feedback(0.0, f"The run failed. {ran.error}" if ran.error else "")
        calls = attribute(ran.watched, self._survey.modules, texts)
        return Rollout(example.id, plain(ran.state), failed, calls, ran.usage, ran.seconds, ran.error, ran.nodes)

    def _graph(self, texts: Texts) -> Graph:
        key = texts_key(texts)
        graph = self._bound.pop(key, None)
        if graph is None:
            graph = self._made(texts)
        self._bound[key] = graph
        while len(self._bound) > BOUND_GRAPHS:
            self._bound.popitem(last=False)
        return graph

    def _made(self, texts: Texts) -> Graph:
        return replaced(self._survey.bind(texts), self._options.tools, self._options.tool_cache)

    async def without_effect(self) -> Mapping[str, NoEffect]:
        """The modules of which the rollouts so far prove that a new text has no effect, each once."""
        return await self._effects.settle()


def _addressed(feedback: Feedback, modules: Sequence[Module], example: Example) -> None:
    """Raises `MetricError` for feedback to a module there is none of: nobody would ever read it."""
    known = sorted(module.name for module in modules)
    for name in feedback.by_module:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else "."
            raise MetricError(
                f"The metric gave feedback by_module to {name!r} on example {example.id!r}, and no module is called "
                f"so{meant} There are: {', '.join(known) or 'none'}."
            )


def _on_unit_scale(score: float, example: Example) -> None:
    """Raises `MetricError` for a score that would count as perfect, or as worse than failing, by mistake."""
    if not -_ROUNDING <= score <= 1 + _ROUNDING:
        raise MetricError(
            f"The metric returned {score:g} for example {example.id!r}, and 1 counts as a perfect answer: nothing "
            "would be learned from scores above it, and a rollout that fails scores 0. Say what the best answer can "
            "score, perfect=... in Python or --perfect on the command line, or let the metric return 0 to 1."
        )


def _chosen(known: tuple[Module, ...], names: Sequence[str] | None) -> tuple[Module, ...]:
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
