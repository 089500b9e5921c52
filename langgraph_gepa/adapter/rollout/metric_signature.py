"""Plans the call of a metric from its signature: which arguments it gets, by name or by position."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from langgraph_gepa.adapter.rollout import trajectories
from langgraph_gepa.errors import UsageError

ARGUMENTS = ("inputs", "outputs", "reference_outputs", "run", "example", "rollout")
ON_REQUEST = (trajectories.ARGUMENT,)
"""Arguments that are made only for metrics that name them."""
DSPY_EXAMPLE = frozenset({"example", "gold", "golden"})
"""Names of the first argument of DSPy's metrics; the second is called `pred` or `prediction`."""
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class CallPlan:
    """The arguments that a metric is called with, each one of `ARGUMENTS` or `ON_REQUEST`."""

    positional: Sequence[str] = ()
    named: Sequence[str] = ()


def plan_call(metric: Callable[..., Any], name: str) -> CallPlan:
    """Plans the call of `metric`, which errors call `name`.

    Arguments are passed by their names, or LangSmith's run and example by position where the names or annotations of
    two arguments say so, or where `*args` takes anything. Raises `UsageError` for required arguments that have another
    name, and `ValueError` where there is no signature.
    """
    parameters = list(inspect.signature(metric).parameters.values())
    ordinary = [one for one in parameters if one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]
    required = [one for one in ordinary if one.default is Parameter.empty]
    by_name = (*ARGUMENTS, *ON_REQUEST)
    unknown = [one.name for one in required if one.name not in by_name]
    known = [one.name for one in ordinary if one.name in by_name]
    takes_all = any(one.kind is Parameter.VAR_KEYWORD for one in parameters)
    if not unknown and (known or takes_all):
        positional = [one.name for one in ordinary if one.kind is Parameter.POSITIONAL_ONLY]
        return CallPlan(positional, [one for one in known or ARGUMENTS if one not in positional])
    takes_any_position = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters) and not required
    if takes_any_position or _are_run_and_example(required):
        return CallPlan(positional=("run", "example"))
    raise UsageError(f"The metric {name} asks for {', '.join(unknown) or 'nothing'}. {_advice(required, unknown)}")


def _are_run_and_example(required: Sequence[Parameter]) -> bool:
    """Whether two arguments are LangSmith's run and example, judged by the words in their names and annotations.

    Their positions alone prove nothing: `(prediction, label)` would get other objects than its author means, and every
    score would be 0.
    """
    if len(required) != 2 or any(one.kind is Parameter.KEYWORD_ONLY for one in required):
        return False
    return all(
        word in _WORD.findall(f"{one.name} {getattr(one.annotation, '__name__', one.annotation)}".lower())
        for one, word in zip(required, ("run", "example"), strict=True)
    )


def _advice(required: Sequence[Parameter], unknown: Sequence[str]) -> str:
    """What to write instead."""
    names = [one.name for one in required if one.kind is not Parameter.KEYWORD_ONLY]
    if len(names) >= 2 and names[0] in DSPY_EXAMPLE and names[1].startswith("pred"):
        return (
            "It looks like a metric of DSPy's. Call it with DSPy's own objects: lambda inputs, outputs, "
            "reference_outputs: metric(dspy.Example(**inputs, **reference_outputs), dspy.Prediction(**outputs))."
        )
    close = [match for name in unknown for match in get_close_matches(name, (*ARGUMENTS, *ON_REQUEST), 1, 0.6)]
    meant = f" Did you mean {', '.join(close)}?" if close else ""
    return (
        f"A metric is called by the names of its arguments, any of {', '.join((*ARGUMENTS, *ON_REQUEST))}.{meant} "
        "`outputs` is the graph's final state and `reference_outputs` the example's right answer: "
        "def metric(outputs, reference_outputs)."
    )
