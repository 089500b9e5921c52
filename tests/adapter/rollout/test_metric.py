"""Every metric a LangGraph or LangSmith user already has works unchanged, and mistakes are named."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import langsmith
import numpy as np
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langsmith import schemas
from langsmith.evaluation import EvaluationResult, RunEvaluator, run_evaluator
from langsmith.schemas import Run
from openevals.exact import exact_match, exact_match_async
from openevals.llm import create_llm_as_judge
from openevals.string.levenshtein import levenshtein_distance

from langgraph_gepa.adapter.rollout.metric import adapt, source
from langgraph_gepa.adapter.rollout.scores import NotAScoreError, read_feedback
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.demo.server import Answer, SimulatedServer
from langgraph_gepa.errors import MetricError, UsageError
from langgraph_gepa.reflection.reply_parser import parse_reply

EXAMPLE = Example("sum-1", {"question": "1+1"}, {"answer": "2"}, {"topic": "sums"})
ROLLOUT = Rollout(
    "sum-1",
    {"answer": "2"},
    Feedback(0.0),
    calls=(Call("model", "team/write", "gpt", [{"role": "user", "content": "1+1"}], {"role": "assistant"}),
           Call("tool", "team/tools", "add", {"a": 1}, "2"), Call("retrieval", "team", "shelf", "sums", [])),
    usage=Usage(10, 2),
    seconds=1.5,
)  # fmt: skip


def scored(metric: Any, state: Any = None, example: Example = EXAMPLE) -> Feedback:
    return asyncio.run(adapt(metric)(example, {"answer": "2"} if state is None else state, ROLLOUT))


def by_name(inputs: Any, outputs: Any, reference_outputs: Any, rollout: Any) -> tuple[float, str]:
    return float(outputs == reference_outputs), f"{inputs['question']} in {rollout.seconds} s"


async def by_name_async(outputs: Any, *, reference_outputs: Any) -> bool:
    return bool(outputs == reference_outputs)


def by_position(prediction_run: Any, gold_example: Any) -> bool:
    return bool(prediction_run.outputs == gold_example.outputs)


def run_and_example(run: Any, example: Any) -> dict[str, Any]:
    return {"key": "same", "score": run.outputs["answer"] == example.outputs["answer"], "comment": "ok"}


def annotated(first: Run, second: schemas.Example) -> bool:
    return bool(first.outputs == second.outputs)


class CallableMetric:
    def __call__(self, outputs: Any, weight: float = 1.0) -> float:
        return weight * (outputs["answer"] == "2")


class OldEvaluator(RunEvaluator):
    def evaluate_run(self, run: Any, example: Any = None, evaluator_run_id: Any = None) -> EvaluationResult:
        return EvaluationResult(key="old", score=float(run.outputs == example.outputs), comment="fine")


@pytest.mark.parametrize(
    "metric",
    [
        by_name, by_name_async, by_position, run_and_example, annotated, CallableMetric(),
        OldEvaluator(), run_evaluator(run_and_example), partial(CallableMetric(), weight=1.0),
        exact_match, exact_match_async, lambda **given: given["outputs"]["answer"] == "2",
        lambda *both: both[0].outputs == both[1].outputs,
    ],
)  # fmt: skip
def test_every_kind_of_metric_scores(metric: Any) -> None:
    """Functions by name and by position, sync and async, objects, LangSmith's and openevals' evaluators."""
    assert scored(metric).score == 1.0


def test_openevals_string_and_judge_work_unchanged() -> None:
    """A distance and a model as judge, whose reasoning becomes the feedback."""

    def judge(*_: Any) -> Answer:
        return Answer('{"reasoning": "It is right.", "score": true}')

    assert scored(levenshtein_distance).score == 1.0
    with SimulatedServer({"judge": judge}) as server:
        model = ChatOpenAI(model="judge", base_url=server.base_url, api_key="k", max_retries=0)
        feedback = scored(create_llm_as_judge(prompt="Right? {inputs} {outputs}", judge=model, feedback_key="right"))
    assert feedback == Feedback(1.0, "It is right.", objectives={"right": 1.0})


def test_outputs_are_the_live_final_state() -> None:
    """Evaluators that read messages as objects go on working; the rollout holds them as plain data."""
    state = {"messages": [AIMessage("two")]}
    assert scored(lambda outputs: outputs["messages"][-1].content == "two", state).score == 1.0
    assert scored(lambda run: run.outputs["output"] == "two", "two").score == 1.0


def test_a_run_looks_like_langsmiths() -> None:
    """Evaluators of trajectories find the calls as child runs with their kinds, nodes and contents."""

    def metric(run: Any, example: Any) -> bool:
        children = [(child.run_type, child.name, child.metadata["node"]) for child in run.child_runs]
        assert children == [("llm", "gpt", "team/write"), ("tool", "add", "team/tools"), ("retriever", "shelf", "team")]
        assert run.child_runs[1].inputs == {"a": 1}
        assert run.total_tokens == 12
        assert round(run.latency, 6) == 1.5
        return bool(run.reference_example_id == example.id) and example.metadata == {"topic": "sums"}

    assert scored(metric).score == 1.0


def test_sync_metrics_may_block() -> None:
    """A metric that waits does not hold up the loop: here it waits for what the loop does later."""

    async def both() -> float:
        gate = threading.Event()
        score = asyncio.create_task(adapt(lambda outputs: gate.wait(20))(EXAMPLE, {}, ROLLOUT))
        await asyncio.sleep(0)
        gate.set()
        return (await score).score

    assert asyncio.run(both()) == 1.0


@pytest.mark.parametrize(
    ("value", "feedback"),
    [
        (0.5, Feedback(0.5)),
        (True, Feedback(1.0)),
        (-3, Feedback(-3.0)),
        (Fraction(1, 2), Feedback(0.5)),
        ((0.5, "so so"), Feedback(0.5, "so so")),
        ((1, None), Feedback(1.0)),
        ({"score": 0.5, "comment": "c"}, Feedback(0.5, "c")),
        ({"score": 0.5, "feedback": "c"}, Feedback(0.5, "c")),
        ({"key": "k", "score": 0.5, "comment": None}, Feedback(0.5, "", objectives={"k": 0.5})),
        (EvaluationResult(key="k", score=1, comment="c"), Feedback(1.0, "c", objectives={"k": 1.0})),
        (
            {"results": [{"key": "a", "score": 1}, EvaluationResult(key="b", score=0, comment="c")]},
            Feedback(0.5, "b: c", objectives={"a": 1.0, "b": 0.0}),
        ),
        ([{"key": "a", "score": 1}, {"key": "label", "value": "red"}], Feedback(1.0, "label: red", {}, {"a": 1.0})),
        (
            [{"key": "a", "score": 1}, {"key": "a", "score": 0}],
            Feedback(0.5, objectives={"a": 1.0, "a-2": 0.0}),
        ),
        ({"accuracy": True, "style": 0.5}, Feedback(0.75, objectives={"accuracy": 1.0, "style": 0.5})),
        (Feedback(1, "\ud800", {"m": "x", "n": ""}), Feedback(1.0, "\ufffd", {"m": "x"})),
    ],
)
def test_what_metrics_return_is_read(value: Any, feedback: Feedback) -> None:
    """Numbers, pairs, dicts, LangSmith's results, lists of them and Feedback."""
    assert read_feedback(value) == feedback
    assert type(read_feedback(value).score) is float


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "score is None"),
        (float("nan"), "score is nan"),
        ("good", "not str"),
        ((1, "a", "b"), "a tuple must be"),
        ((1, 2), "a comment is text, not int"),
        ({"grade": "good"}, "no 'score' among its keys"),
        ({"key": "k", "score": None}, "score is None"),
        ([], "holds no score"),
        ([{"key": "label", "value": "red"}], "holds no score"),
        (Feedback(float("inf")), "score is inf"),
        ({"results": [None]}, "score is None"),
    ],
)
def test_what_is_no_score_is_named_with_the_example(value: Any, says: str) -> None:
    """The error names the example, what came and what to return."""
    with pytest.raises(MetricError, match=f"example 'sum-1': .*{says}.*Return a float"):
        scored(lambda outputs: value)


def test_an_example_without_an_id_of_its_own_is_named_with_its_inputs() -> None:
    """An id that was made from the content is in nobody's file; its inputs are, and a few words of them do."""
    example = replace(EXAMPLE, inputs={"question": "1+1" * 100})
    example = replace(example, id=f"{example.digest}-2")
    with pytest.raises(
        MetricError, match=r"returned None for example '\w{16}-2' \(\{'question': '1\+11\+1.{150,180}…\)"
    ):
        scored(lambda outputs: None, example=example)
    with pytest.raises(MetricError, match="returned None for example 'sum-1': "):
        scored(lambda outputs: None)


@pytest.mark.parametrize("error", [KeyError("answer"), StopIteration(), AssertionError("no")])
def test_a_metric_that_raises_is_named_with_the_example(error: Exception) -> None:
    """Also a StopIteration, which no future can carry."""

    def metric(outputs: Any) -> float:
        raise error

    with pytest.raises(MetricError, match=f"raised {type(error).__name__}.* on example 'sum-1'") as caught:
        scored(metric)
    cause = caught.value.__cause__
    assert error in (cause, cause and cause.__cause__)


@pytest.mark.parametrize("library", [partial(json.loads, "{"), partial(parse_reply, None, None)])
def test_a_metric_that_raises_is_shown_the_line(library: Any) -> None:
    """The line of the user's own code, not of the library it called, be it this package."""

    def metric(outputs: Any) -> float:
        return float(library())

    line = metric.__code__.co_firstlineno + 1
    with pytest.raises(MetricError, match=rf"test_metric.py, line {line}\)"):
        scored(metric)


def test_several_metrics_score_as_their_mean() -> None:
    """Each is an objective under the key it gives or its name; what they say to a module is joined."""

    def mine(outputs: Any) -> Feedback:
        return Feedback(0.5, "Half.", {"writer": "Longer."})

    async def yours(outputs: Any) -> Feedback:
        return Feedback(0.0, "No.", {"writer": "Politer.", "judge": "Stricter."})

    assert scored([exact_match, mine, yours, run_and_example], {"answer": "2"}) == Feedback(
        0.625,
        "mine: Half.\nyours: No.\nsame: ok",
        {"writer": "Longer.\nPoliter.", "judge": "Stricter."},
        {"exact_match": 1.0, "mine": 0.5, "yours": 0.0, "same": 1.0},
    )
    assert scored([mine, mine]).objectives == {"mine": 0.5, "mine-2": 0.5}
    assert source([mine]) != source([mine, yours])


def test_a_judge_that_cannot_be_reached_is_the_worlds_failure() -> None:
    """A metric's rate limit is raised as it is, to be tried again."""

    async def metric(outputs: Any) -> float:
        raise httpx.ConnectTimeout("no")

    with pytest.raises(httpx.ConnectTimeout):
        scored(metric)


@pytest.mark.parametrize(
    "metric",
    [
        lambda: 1.0,
        lambda inputs, output: 1.0,
        lambda run, output: 1.0,
        lambda a, b, c: 1.0,
        lambda answer: 1.0,
        lambda *, gold, pred: 1.0,
        lambda prediction, label: 1.0,
        lambda gold, output: 1.0,
        CallableMetric,
        [],
        [by_name, lambda answer: 1.0],
        0.5,
        "evals.py:score",
    ],
)
def test_arguments_nobody_can_fill_are_refused_at_once(metric: Any) -> None:
    """A typo in an argument's name costs no rollout."""
    with pytest.raises(UsageError, match="metric"):
        adapt(metric)


def test_misspelt_arguments_are_asked_about() -> None:
    """A slip is answered with the name that was meant."""
    with pytest.raises(UsageError, match=r"asks for output, reference_output\. .*Did you mean outputs, reference_out"):
        adapt(lambda output, reference_output: 1.0)


@pytest.mark.parametrize("first", ["example", "gold"])
@pytest.mark.parametrize("more", ["", ", trace=None", ", trace=None, pred_name=None, pred_trace=None"])
def test_a_metric_of_dspy_is_refused_with_the_call_that_works(first: str, more: str) -> None:
    """Its arguments have other fields than ours: it would score 0 for ever."""
    with pytest.raises(UsageError, match=r"DSPy.*dspy\.Example\(\*\*inputs, \*\*reference_outputs\)"):
        adapt(eval(f"lambda {first}, pred{more}: 1.0"))  # noqa: S307 - the signature is what is tried


@pytest.mark.filterwarnings("ignore:'upload_(runs|results)'")  # in beta, and the way to keep the test offline
def test_langsmith_takes_feedback_as_an_evaluators_result() -> None:
    """One metric serves `optimize` and `langsmith.evaluate`, its comment included."""

    def graded(outputs: Any, reference_outputs: Any) -> Feedback:
        return Feedback(float(outputs == reference_outputs), "as it should be", by_module={"answer": "good"})

    example = schemas.Example(id=uuid4(), inputs={"question": "1+1"}, outputs={"answer": "2"})
    rows = langsmith.evaluate(
        lambda inputs: {"answer": "2"}, data=[example], evaluators=[graded], upload_results=False,
        client=langsmith.Client(api_key="none", api_url="http://127.0.0.1:9"),
    )  # fmt: skip
    (result,) = [result for row in rows for result in row["evaluation_results"]["results"]]
    assert (result.key, result.score, result.comment) == ("graded", 1.0, "as it should be")


@pytest.mark.parametrize("value", [np.bool_(True), np.float32(1), np.int64(1), np.array(1.0), np.array(True)])
def test_scalars_of_numpy_are_scores(value: Any) -> None:
    """Means and comparisons of arrays are what metrics return; an array of several numbers is no score."""
    assert read_feedback(value) == read_feedback({"score": value, "comment": None}) == Feedback(1.0)
    with pytest.raises(NotAScoreError, match="not ndarray"):
        read_feedback(np.array([1.0]))


def test_the_source_tells_metrics_apart() -> None:
    """Two metrics differ by their code; one metric is itself however it is wrapped."""
    assert "seconds" in source(by_name)
    assert source(partial(by_name, rollout=None)) == source(by_name)
    assert source(CallableMetric()) != source(OldEvaluator())
