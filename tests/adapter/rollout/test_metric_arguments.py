"""What a metric is given: the example, the final state and the rollout, as copies and as LangSmith's objects."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from langgraph_gepa.adapter.rollout.metric_arguments import MetricArguments
from langgraph_gepa.adapter.rollout.metric_signature import ARGUMENTS
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage

STATE = {"answer": ["2"], "live": object()}
CALLS = (
    Call("model", "team/write", "gpt", [{"role": "user", "content": "1+1"}], {"role": "assistant", "content": "2"}),
    Call("retrieval", "team", "shelf", "sums", ["a book"], error="closed"),
)
ROLLOUT = Rollout("sum", {"answer": ["2"]}, Feedback(0.0), CALLS, Usage(10, 2), seconds=1.5)


def arguments() -> MetricArguments:
    return MetricArguments(Example("sum", {"terms": [1, 1]}, {"answer": ["2"]}, {"topic": "sums"}), STATE, ROLLOUT)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_is_there(name: str) -> None:
    """Under each name that a metric may use."""
    assert arguments()[name] is not None


@pytest.mark.parametrize("name", ["inputs", "outputs", "reference_outputs"])
def test_a_metric_changes_only_its_own(name: str) -> None:
    """Containers are new at each look-up; live objects in the final state are shared."""
    held = arguments()
    changed: Any = held[name]
    next(iter(changed.values())).append("spoilt")
    assert "spoilt" not in str(held[name])
    assert held["outputs"]["live"] is STATE["live"]


def test_an_example_without_outputs_has_no_reference() -> None:
    """An empty mapping, which a metric may read without asking whether it is there."""
    assert MetricArguments(Example("x", {}), {}, ROLLOUT)["reference_outputs"] == {}


def test_a_run_has_the_rollouts_calls_as_children() -> None:
    """With LangSmith's kinds, messages under `messages`, plain inputs under `query`, and errors."""
    run = arguments()["run"]
    model, retrieval = run.child_runs
    assert (model.run_type, model.inputs["messages"], model.outputs["messages"]) == (
        "llm", CALLS[0].inputs, [CALLS[0].output],
    )  # fmt: skip
    assert (retrieval.run_type, retrieval.inputs, retrieval.error) == ("retriever", {"query": "sums"}, "closed")
    assert {child.parent_run_id for child in run.child_runs} == {run.id}
    assert (run.total_tokens, run.outputs["answer"], run.inputs) == (12, ["2"], {"terms": [1, 1]})


def test_an_examples_id_is_a_uuid_that_stays() -> None:
    """LangSmith wants one; the same in every process, and the example's own where it is one already."""
    assert arguments()["example"].id == arguments()["run"].reference_example_id
    own = "123e4567-e89b-12d3-a456-426614174000"
    assert MetricArguments(Example(own, {}), {}, ROLLOUT)["example"].id == UUID(own)
