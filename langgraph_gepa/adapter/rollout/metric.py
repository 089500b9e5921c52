"""Adapts any metric of LangGraph and LangSmith users to one asynchronous function from a rollout to `Feedback`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from types import CodeType
from typing import Any, Protocol

from langgraph_gepa.adapter.failures.classification import IsWorldFailure, error_text, is_world_failure
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.rollout.calling import called
from langgraph_gepa.adapter.rollout.metric_arguments import MetricArguments
from langgraph_gepa.adapter.rollout.metric_signature import plan_call
from langgraph_gepa.adapter.rollout.scores import NotAScoreError, joined, read_feedback
from langgraph_gepa.adapter.rollout.trajectories import ARGUMENT as TRAJECTORY
from langgraph_gepa.adapter.rollout.trajectories import compares_messages, expectation, judges_trajectory
from langgraph_gepa.core.example import Example, in_message
from langgraph_gepa.core.json_data import brief
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.errors import MetricError, UsageError


class ScoreRollout(Protocol):
    """Scores a rollout, whose own feedback is still empty, by the graph's final state.

    `trajectory` is given where `asks_for_trajectory` says that the metric takes it. Raises `MetricError`, or a failure
    of the world (the judge's rate limit) as it is.
    """

    async def __call__(self, example: Example, state: Any, rollout: Rollout, trajectory: Any = None) -> Feedback: ...


def adapt(metric: Any, is_world_failure: IsWorldFailure = is_world_failure) -> ScoreRollout:
    """Returns `metric` as one asynchronous function.

    A metric is a function, sync or async, of any of `inputs`, `outputs` (the graph's final state as `invoke` returns
    it), `reference_outputs`, `run`, `example`, `rollout`, `graph_trajectory`; or of LangSmith's run and example by
    position, where their names or annotations say so; or an object with LangSmith's `evaluate_run`. agentevals'
    evaluators of a graph's trajectory get that as their `inputs` and `outputs`; where one that compares trajectories
    gives no words, the expected one is the feedback. `read_feedback` says what a metric may return.
    Sync metrics run in threads and may block. A list of metrics scores as their mean, and each is an objective. A
    metric may change its arguments, which are copies; only live objects in the final state are shared.

    Exceptions for which `is_world_failure` is true are raised as they are, others as `MetricError`. Raises `UsageError`
    at once for arguments that cannot be filled.
    """
    if isinstance(metric, list | tuple):
        return _several(metric, is_world_failure)
    call = _evaluator(metric) if _is_evaluator(metric) else _function(metric)
    compared = _compared(metric)

    async def score(example: Example, state: Any, rollout: Rollout, trajectory: Any = None) -> Feedback:
        arguments = MetricArguments(example, state, rollout, trajectory)
        try:
            value = await call(arguments)
        except Exception as error:
            if is_world_failure(error):
                raise
            raise MetricError(
                f"The metric raised {error_text(error)}{raised_at(error)} on example {in_message(example)}. "
                "Fix the metric: it must return a score for every final state the graph can reach."
            ) from error
        try:
            feedback = read_feedback(value)
            if compared and not feedback.comment and feedback.score < 1:
                words = expectation(arguments[compared], arguments["reference_outputs"])
                return replace(feedback, comment=words)
            return feedback
        except NotAScoreError as reason:
            raise MetricError(
                f"The metric returned {brief(value)} for example {in_message(example)}: {reason}. "
                'Return a float, a bool, (score, comment), {"score": ..., "comment": ...}, '
                "a list of such, or Feedback(score, comment, by_module)."
            ) from reason

    return score


def _several(metrics: Sequence[Any], is_world_failure: IsWorldFailure) -> ScoreRollout:
    if not metrics:
        raise UsageError("The list of metrics is empty; give at least one.")
    names = list(map(name_of, metrics))
    scores = [adapt(metric, is_world_failure) for metric in metrics]

    async def score(example: Example, state: Any, rollout: Rollout, trajectory: Any = None) -> Feedback:
        feedback = await settle(one(example, state, rollout, trajectory) for one in scores)
        return joined(list(zip(names, feedback, strict=True)))

    return score


def _compared(metric: Any) -> str:
    """The argument that a metric compares with a reference trajectory; empty for other metrics."""
    if judges_trajectory(metric):
        return TRAJECTORY
    return "outputs" if compares_messages(metric) else ""


def name_of(metric: Any) -> str:
    """Returns the name of a metric, or of its specification, for records and errors."""
    if isinstance(metric, str):
        return metric
    if isinstance(metric, list | tuple):
        return ", ".join(map(name_of, metric))
    named = metric.func if isinstance(metric, partial) else metric
    return str(getattr(named, "__name__", type(named).__name__))


@lru_cache(maxsize=4096)
def _source(code: CodeType) -> str:
    """The source of code when it is first needed: later its file may have changed, while the loaded code has not."""
    return inspect.getsource(code)


def source(metric: Any) -> str:
    """Returns the source of a metric, by which it is recognised, or its qualified name where there is none."""
    if isinstance(metric, list | tuple):
        return "\n".join(map(source, metric))
    function = metric
    for inner in ("func", "afunc", "__wrapped__"):
        function = getattr(function, inner, function)
    try:
        code = getattr(inspect.unwrap(function), "__code__", None)
        return inspect.getsource(function) if code is None else _source(code)
    except (TypeError, OSError):
        return f"{getattr(metric, '__module__', '')}.{getattr(metric, '__qualname__', type(metric).__qualname__)}"


_Call = Callable[[MetricArguments], Awaitable[Any]]


def _is_evaluator(metric: Any) -> bool:
    return not inspect.isclass(metric) and (hasattr(metric, "evaluate_run") or hasattr(metric, "aevaluate_run"))


def _evaluator(evaluator: Any) -> _Call:
    async def call(arguments: MetricArguments) -> Any:
        run, example = arguments["run"], arguments["example"]
        if hasattr(evaluator, "aevaluate_run"):
            return await evaluator.aevaluate_run(run, example)
        return await called(evaluator.evaluate_run, run, example)

    return call


def _function(metric: Any) -> _Call:
    if not callable(metric) or inspect.isclass(metric):
        raise UsageError(f"The metric must be a function or a LangSmith evaluator, not {brief(metric)}.")
    try:
        plan = plan_call(metric, name_of(metric))
    except ValueError:
        raise UsageError(
            f"The arguments of the metric {brief(metric)} cannot be read; wrap it in a function of inputs, outputs."
        ) from None

    of_trajectory = judges_trajectory(metric)

    def value(arguments: MetricArguments, name: str) -> Any:
        if of_trajectory and name in ("inputs", "outputs"):
            return arguments[TRAJECTORY] if name == "outputs" else arguments[TRAJECTORY]["inputs"]
        return arguments[name]

    async def call(arguments: MetricArguments) -> Any:
        positional = tuple(value(arguments, name) for name in plan.positional)
        return await called(metric, *positional, **{name: value(arguments, name) for name in plan.named})

    return call
