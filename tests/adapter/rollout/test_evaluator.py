"""Texts and an example in, a scored rollout out: the engine's Evaluator on a real graph."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.rollout import evaluator as evaluator_module
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.core.rollout import Feedback
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.errors import MetricError, UsageError, WorldFailure

OWN = {"writer": "Write.", "judge": "Judge."}
EXAMPLE = Example("e", {"messages": [{"role": "user", "content": "hi"}]}, {"answer": "yes"})


class TwoNodes:
    """A survey of a graph of two prompts, rebuilt with other texts on each `bind`."""

    def __init__(self, fault: Exception | None = None, extra_node: bool = False) -> None:
        self.bound: list[Mapping[str, str]] = []
        self.fault = fault
        self.extra_node = extra_node

    @property
    def modules(self) -> tuple[Module, ...]:
        frozen = Module(
            "frozen", "prompt", "x", nodes=("judge",), reason=Reason(Obstacle.OTHER, "read from a file on every run")
        )
        return (*(Module(name, "prompt", text, nodes=(name,)) for name, text in OWN.items()), frozen)

    def check(self, name: str, text: str) -> str | None:
        return None if text else f"{name} is empty"

    def bind(self, texts: Mapping[str, str]) -> Any:
        self.bound.append(texts)
        builder = StateGraph(MessagesState)
        for name in OWN:
            builder.add_node(name, self._node(texts.get(name, OWN[name])))
        if self.extra_node:
            builder.add_node("extra", lambda _: {})
        builder.add_edge(START, "writer")
        builder.add_edge("writer", "judge")
        return builder.compile()

    def _node(self, text: str) -> Any:
        def node(state: MessagesState) -> dict[str, Any]:
            if self.fault is not None:
                raise self.fault
            model = GenericFakeChatModel(messages=iter([f"said by {text}"]))
            return {"messages": [model.invoke([SystemMessage(text), *state["messages"]])]}

        return node


def metric(outputs: Any, reference_outputs: Any) -> Feedback:
    said = outputs["messages"][-1].content
    return Feedback(float("New" in said), f"wanted {reference_outputs['answer']}", {"judge": said})


def evaluated(evaluator: GraphEvaluator, **texts: str) -> Any:
    return asyncio.run(evaluator.evaluate(texts, EXAMPLE))


def test_a_rollout_is_bound_run_watched_and_scored() -> None:
    """The texts given are used, the others stay; each call has its module; all of it is JSON."""
    rollout = evaluated(GraphEvaluator(TwoNodes(), metric, modules=["judge"]), judge="New.")
    assert (rollout.score, rollout.feedback.by_module) == (1.0, {"judge": "said by New."})
    assert [(call.node, call.modules, call.inputs[0]["content"]) for call in rollout.calls] == [
        ("writer", ("writer",), "Write."),
        ("judge", ("judge",), "New."),
    ]
    assert rollout.outputs["messages"][-1]["content"] == "said by New."
    assert rollout.seconds > 0
    json.dumps(rollout.outputs)


def test_a_failure_of_the_candidate_scores_nothing_and_says_why() -> None:
    """The error is the feedback, so that reflection can learn from it; the metric is not asked."""
    rollout = evaluated(GraphEvaluator(TwoNodes(KeyError("plan")), lambda outputs: 1 / 0))
    assert (rollout.score, rollout.outputs, rollout.error) == (0.0, None, "In node writer: KeyError: 'plan'")
    assert "In node writer: KeyError: 'plan'" in rollout.feedback.comment


def test_the_metrics_mistakes_are_raised() -> None:
    """They are no score."""
    with pytest.raises(MetricError, match="on example 'e'"):
        evaluated(GraphEvaluator(TwoNodes(), lambda outputs: 1 / 0))


def test_feedback_to_no_module_is_the_metrics_mistake() -> None:
    """A misspelt module would learn nothing in silence; one that is there but not optimised is none."""
    misspelt = GraphEvaluator(TwoNodes(), lambda outputs: Feedback(0.0, by_module={"writter": "Longer."}))
    with pytest.raises(MetricError, match=r"'writter' on example 'e'.*did you mean 'writer'\?.*frozen, judge, writer"):
        asyncio.run(misspelt.evaluate({}, EXAMPLE))
    told = GraphEvaluator(TwoNodes(), lambda outputs: Feedback(0.0, by_module={"frozen": "x"}), modules=["judge"])
    assert asyncio.run(told.evaluate({}, EXAMPLE)).feedback.by_module == {"frozen": "x"}


def test_a_graph_is_bound_once_for_each_set_of_texts() -> None:
    """Many examples with the same texts share one bound graph."""
    survey = TwoNodes()
    evaluator = GraphEvaluator(survey, metric)
    before = len(survey.bound)
    for text in ("a", "b", "a"):
        evaluated(evaluator, judge=text)
    assert survey.bound[before:] == [{"judge": "a"}, {"judge": "b"}]


def test_old_graphs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long search binds thousands: the last ones used are kept."""
    monkeypatch.setattr(evaluator_module, "BOUND_GRAPHS", 2)
    survey = TwoNodes()
    evaluator = GraphEvaluator(survey, metric)
    before = len(survey.bound)
    for text in ("a", "b", "a", "c", "a", "b"):
        evaluated(evaluator, judge=text)
    assert [texts["judge"] for texts in survey.bound[before:]] == ["a", "b", "c", "b"]


def test_a_metric_that_the_world_failed_goes_on_without_the_graph() -> None:
    """`go_on` calls the metric alone; what stands meanwhile is nothing, as the failure is certain."""
    failures = [WorldFailure("no verdict")]

    def judged(outputs: Any) -> float:
        if failures:
            raise failures.pop()
        return 1.0

    survey = TwoNodes()
    evaluator = GraphEvaluator(survey, judged)
    with pytest.raises(Unfinished) as unfinished:
        evaluated(evaluator)
    survey.fault = KeyError("the graph ran again")
    assert unfinished.value.stands is None
    assert unfinished.value.go_on is not None

    async def again() -> Any:
        return await unfinished.value.go_on()  # type: ignore[misc]

    assert asyncio.run(again()).score == 1.0


def test_modules_are_those_chosen_in_their_order() -> None:
    """By default all that are on; a name nobody has and one that cannot be bound are refused."""

    def names(**chosen: Any) -> list[str]:
        return [module.name for module in GraphEvaluator(TwoNodes(), metric, **chosen).modules]

    assert names() == ["writer", "judge"]
    assert names(modules=["judge", "writer", "judge"]) == ["judge", "writer"]
    with pytest.raises(UsageError, match=r"No module is called planner\. There are: frozen, judge, writer"):
        names(modules=["planner"])
    with pytest.raises(UsageError, match="frozen cannot be replaced: read from a file"):
        names(modules=["frozen"])
    assert GraphEvaluator(TwoNodes(), metric).check("judge", "") == "judge is empty"
