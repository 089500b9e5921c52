"""Any metric a LangGraph or LangSmith user has, as one function from a rollout to `Feedback`."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache, partial
from inspect import Parameter
from types import CodeType
from typing import Any

from langgraph_gepa.adapter.failures.classification import IsWorldFailure, error_text, is_world_failure
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.rollout.metric_arguments import _Scene
from langgraph_gepa.adapter.rollout.scores import NotAScoreError, joined, read_feedback
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.errors import MetricError, UsageError

ARGUMENTS = ("inputs", "outputs", "reference_outputs", "run", "example", "rollout")
DSPY_EXAMPLE = frozenset({"example", "gold", "golden"})
"""What DSPy's metrics call their first argument; the second is called `pred` or `prediction`."""

ScoreRollout = Callable[[Example, Any, Rollout], Awaitable[Feedback]]
"""`(example, final state, rollout) -> feedback`. The rollout's own feedback is still empty.
Raises `MetricError`; a failure of the world (the judge's rate limit) is raised as it is."""


def adapt(metric: Any, is_world_failure: IsWorldFailure = is_world_failure) -> ScoreRollout:
    """`metric` as one asynchronous function.

    A metric is a function, sync or async, of any of `inputs`, `outputs` (the graph's final
    state as `invoke` returns it), `reference_outputs`, `run`, `example`, `rollout`; or of LangSmith's
    two, the run and the example by position, where their names or annotations say so; or an object
    with LangSmith's `evaluate_run`. See `read_feedback` for what it may return. Sync metrics run in
    threads and may block. A list of metrics scores as their mean, each an objective of its own.
    What it is given is its own, to change as it likes; only live objects in the final state are shared.
    Failures beyond the border `is_world_failure` are raised as they are.
    Raises `UsageError` at once for arguments nobody can fill.
    """
    if isinstance(metric, list | tuple):
        return _several(metric, is_world_failure)
    call = _evaluator(metric) if _is_evaluator(metric) else _function(metric)

    async def score(example: Example, state: Any, rollout: Rollout) -> Feedback:
        try:
            value = await call(_Scene(example, state, rollout))
        except Exception as error:
            if is_world_failure(error):
                raise
            raise MetricError(
                f"The metric raised {error_text(error)}{raised_at(error)} on example {example.id!r}. "
                "Fix the metric: it must return a score for every final state the graph can reach."
            ) from error
        try:
            return read_feedback(value)
        except NotAScoreError as complaint:
            raise MetricError(
                f"The metric returned {_brief(value)} for example {example.id!r}: {complaint}. "
                'Return a float, a bool, (score, comment), {"score": ..., "comment": ...}, '
                "a list of such, or Feedback(score, comment, by_module)."
            ) from complaint

    return score


def _several(metrics: Sequence[Any], is_world_failure: IsWorldFailure) -> ScoreRollout:
    if not metrics:
        raise UsageError("The list of metrics is empty; give at least one.")
    scores = [(name_of(metric), adapt(metric, is_world_failure)) for metric in metrics]

    async def score(example: Example, state: Any, rollout: Rollout) -> Feedback:
        said = await settle(one(example, state, rollout) for _, one in scores)
        return joined([(name, feedback) for (name, _), feedback in zip(scores, said, strict=True)])

    return score


def name_of(metric: Any) -> str:
    """What a metric, or the words for one, is called in records and errors."""
    if isinstance(metric, str):
        return metric
    if isinstance(metric, list | tuple):
        return ", ".join(map(name_of, metric))
    named = metric.func if isinstance(metric, partial) else metric
    return str(getattr(named, "__name__", type(named).__name__))


@lru_cache(maxsize=4096)
def _source(code: CodeType) -> str:
    """The source of code as its file had it when first asked: later the file may have changed, by `apply` say, while
    what was loaded of it has not."""
    return inspect.getsource(code)


def source(metric: Any) -> str:
    """What tells one metric from another: its source where there is one, else its name."""
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


_Call = Callable[[_Scene], Awaitable[Any]]


def _is_evaluator(metric: Any) -> bool:
    return not inspect.isclass(metric) and (hasattr(metric, "evaluate_run") or hasattr(metric, "aevaluate_run"))


def _evaluator(evaluator: Any) -> _Call:
    async def call(scene: _Scene) -> Any:
        run, example = scene.run(), scene.langsmith_example()
        if hasattr(evaluator, "aevaluate_run"):
            return await evaluator.aevaluate_run(run, example)
        return await _called(evaluator.evaluate_run, (run, example), {})

    return call


def _function(metric: Any) -> _Call:
    if not callable(metric) or inspect.isclass(metric):
        raise UsageError(f"The metric must be a function or a LangSmith evaluator, not {_brief(metric)}.")
    try:
        parameters = inspect.signature(metric).parameters
    except ValueError:
        raise UsageError(
            f"The arguments of the metric {_brief(metric)} cannot be read; wrap it in a function of inputs, outputs."
        ) from None
    positional, named = _plan(list(parameters.values()), name_of(metric))

    async def call(scene: _Scene) -> Any:
        args = tuple(scene.argument(name) for name in positional)
        return await _called(metric, args, {name: scene.argument(name) for name in named})

    return call


def _plan(parameters: Sequence[Parameter], name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which arguments go by position and which by name. Raises `UsageError` for those nobody can fill."""
    plain_ones = [one for one in parameters if one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]
    required = [one for one in plain_ones if one.default is Parameter.empty]
    unknown = [one.name for one in required if one.name not in ARGUMENTS]
    known = [one.name for one in plain_ones if one.name in ARGUMENTS]
    if not unknown and (known or any(one.kind is Parameter.VAR_KEYWORD for one in parameters)):
        before = [one.name for one in plain_ones if one.kind is Parameter.POSITIONAL_ONLY]
        everything = () if known else ARGUMENTS
        return tuple(before), tuple(one for one in [*known, *everything] if one not in before)
    takes_any = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters) and not required
    if takes_any or _run_and_example(required):
        return ("run", "example"), ()
    raise UsageError(f"The metric {name} asks for {', '.join(unknown) or 'nothing'}. {_advice(required, unknown)}")


def _run_and_example(required: Sequence[Parameter]) -> bool:
    """Whether two arguments are LangSmith's run and example, by their annotations or names, whatever else these say.

    By position alone nobody can tell: of `(prediction, label)` each would be something else than its author thinks,
    and every score 0.
    """
    if len(required) != 2 or any(one.kind is Parameter.KEYWORD_ONLY for one in required):
        return False
    return all(
        meant in _WORD.findall(f"{one.name} {getattr(one.annotation, '__name__', one.annotation)}".lower())
        for one, meant in zip(required, ("run", "example"), strict=True)
    )


_WORD = re.compile(r"[a-z]+")


def _advice(required: Sequence[Parameter], unknown: Sequence[str]) -> str:
    """What to write instead."""
    names = [one.name for one in required if one.kind is not Parameter.KEYWORD_ONLY]
    if len(names) >= 2 and names[0] in DSPY_EXAMPLE and names[1].startswith("pred"):
        return (
            "It looks like a metric of DSPy's. Call it with DSPy's own objects: lambda inputs, outputs, "
            "reference_outputs: metric(dspy.Example(**inputs, **reference_outputs), dspy.Prediction(**outputs))."
        )
    close = [match for name in unknown for match in get_close_matches(name, ARGUMENTS, 1, 0.6)]
    meant = f" Did you mean {', '.join(close)}?" if close else ""
    return (
        f"A metric is called by the names of its arguments, any of {', '.join(ARGUMENTS)}.{meant} "
        "`outputs` is the graph's final state and `reference_outputs` the example's right answer: "
        "def metric(outputs, reference_outputs)."
    )


async def _called(function: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        return await function(*args, **named)
    value, error = await asyncio.to_thread(_outcome, partial(function, *args, **named))
    if error is not None:
        raise error
    return await value if inspect.isawaitable(value) else value


def _outcome(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """The result as data: a `StopIteration` cannot be raised into a future, the waiter would wait for ever."""
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001 - raised again by whoever waits
        return None, error


def _brief(value: Any) -> str:
    text = str(plain(repr(value)))
    return text if len(text) <= 200 else f"{text[:200]}…"
