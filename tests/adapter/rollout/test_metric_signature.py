"""The plan of a metric's call, made of its signature alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from langgraph_gepa.adapter.rollout.metric_signature import ARGUMENTS, CallPlan, plan_call
from langgraph_gepa.errors import UsageError


def by_annotation(one: Run, two: Example) -> float:  # type: ignore[name-defined]  # noqa: F821
    raise NotImplementedError


def position_only(outputs: Any, /, inputs: Any) -> float:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("metric", "positional", "named"),
    [
        (lambda inputs, outputs: 0, [], ["inputs", "outputs"]),
        (lambda outputs, strict=False: 0, [], ["outputs"]),
        (lambda outputs, *rest, rollout, **more: 0, [], ["outputs", "rollout"]),
        (lambda **everything: 0, [], [*ARGUMENTS]),
        (lambda *args: 0, ["run", "example"], []),
        (lambda run, example: 0, [], ["run", "example"]),
        (lambda the_run, an_example: 0, ["run", "example"], []),
        (by_annotation, ["run", "example"], []),
        (position_only, ["outputs"], ["inputs"]),
    ],
)
def test_arguments_go_by_name_or_else_as_run_and_example(
    metric: Callable[..., Any], positional: list[str], named: list[str]
) -> None:
    """Defaults of the metric's own stay; two arguments are LangSmith's only where their words say so."""
    plan = plan_call(metric, "metric")
    assert CallPlan(list(plan.positional), list(plan.named)) == CallPlan(positional, named)


@pytest.mark.parametrize("metric", [lambda: 0, lambda prediction, label: 0, lambda output: 0, lambda *, run, gold: 0])
def test_other_arguments_are_refused_before_anything_is_paid_for(metric: Callable[..., Any]) -> None:
    """The error has the metric's name and the arguments that there are."""
    with pytest.raises(UsageError, match=r"The metric mine asks for .*any of inputs, outputs"):
        plan_call(metric, "mine")
