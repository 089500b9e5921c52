"""The path of a run through its graph: as agentevals extracts it, and to learn from where it was another."""

from __future__ import annotations

import asyncio
import operator
import sys
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from langgraph_gepa import evaluate
from langgraph_gepa.adapter.rollout.metric import adapt
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.demo.server import Answer, SimulatedServer
from langgraph_gepa.errors import UsageError

Builder = StateGraph[Any, Any, Any, Any]


class State(TypedDict, total=False):
    path: Annotated[list[str], operator.add]
    n: int


def node(name: str) -> Callable[[State], State]:
    def step(state: State) -> State:
        return {"path": [name]}

    step.__name__ = name
    return step


def sequence(*names: str) -> Builder:
    return StateGraph(State).add_sequence([node(name) for name in names]).add_edge(START, names[0])


def parallel() -> Builder:
    builder = sequence("a", "b").add_node("c", node("c")).add_node("d", node("d"))
    return builder.add_edge("a", "c").add_edge(["b", "c"], "d")


def team() -> Builder:
    builder = StateGraph(State).add_node("team", sequence("p", "q").compile()).add_node("z", node("z"))
    return builder.add_edge(START, "team").add_edge("team", "z")


def calling() -> Builder:
    inner = sequence("p", "q").compile()

    def call(state: State) -> State:
        inner.invoke({"n": 2})
        return {"path": ["called"]}

    return StateGraph(State).add_node("call", call).add_edge(START, "call")


def sending() -> Builder:
    builder = sequence("a").add_node("w", node("w"))
    return builder.add_conditional_edges("a", lambda _: [Send("w", {"n": n}) for n in range(2)], ["w"])


def asking() -> Builder:
    def ask(state: State) -> State:
        return {"path": [interrupt("Go on?")]}

    return StateGraph(State).add_sequence([node("a"), ask, node("b")]).add_edge(START, "a")


@pytest.mark.parametrize("builder", [sequence("a", "b"), parallel(), team(), calling(), sending(), asking()])
def test_a_trajectory_is_what_agentevals_extracts_from_a_thread(builder: Builder) -> None:
    """So references that were extracted from real threads fit. The user's own checkpointer sees nothing of it."""
    utils = pytest.importorskip("agentevals.graph_trajectory.utils")
    saver = InMemorySaver()
    graph, config = builder.compile(checkpointer=saver), {"configurable": {"thread_id": "one"}}
    if "__interrupt__" in graph.invoke({"n": 1}, config):
        graph.invoke(Command(resume="yes"), config)
    expected = utils.extract_langgraph_trajectory_from_thread(graph, config)
    options = RunnerOptions(on_interrupt=lambda _: "yes")
    found = asyncio.run(run(graph, Example("one", {"n": 1}), options, trajectory=True)).trajectory
    assert found == {**expected["outputs"], "inputs": expected["inputs"]}
    assert list(saver.storage) == ["one"]


STEPS = [["__start__", "a", "b"]]
RUN = {"inputs": [{"__start__": {"n": 1}}], "results": [{"path": ["a", "b"]}], "steps": STEPS}


def scored(metric: Any, state: Any, reference: Any, trajectory: Any = None) -> Feedback:
    return asyncio.run(
        adapt(metric)(Example("one", {"n": 1}, reference), state, Rollout("one", {}, Feedback(0.0)), trajectory)
    )


@pytest.mark.parametrize("name", ["graph_trajectory_strict_match", "graph_trajectory_strict_match_async"])
def test_agentevals_compares_the_steps_of_a_graph(name: str) -> None:
    """As the function stands. A match needs no words; else the expected steps are the feedback."""
    metric = getattr(pytest.importorskip("agentevals.graph_trajectory.strict"), name)
    assert scored(metric, {}, {"results": [], "steps": STEPS}, RUN) == Feedback(1.0, "", objectives={name[:29]: 1.0})
    missed = scored(metric, {}, {"results": [], "steps": [["__start__", "a"]]}, RUN)
    assert (missed.score, missed.comment) == (
        0.0,
        "The expected trajectory:\n__start__ -> a\nThe trajectory was:\n__start__ -> a -> b",
    )


def test_agentevals_judge_of_a_graph_reads_inputs_steps_and_results() -> None:
    """Its reasoning is the feedback."""
    llm = pytest.importorskip("agentevals.graph_trajectory.llm")
    read: list[str] = []

    def judge(request: Any, _: Any) -> Answer:
        read.append(request.user)
        return Answer('{"reasoning": "It went astray.", "score": false}')

    with SimulatedServer({"judge": judge}) as server:
        model = ChatOpenAI(model="judge", base_url=server.base_url, api_key="k", max_retries=0)
        feedback = scored(llm.create_graph_trajectory_llm_as_judge(judge=model), {}, None, RUN)
    assert (feedback.score, feedback.comment) == (0.0, "It went astray.")
    assert "{'__start__': {'n': 1}}" in read[0]
    assert "['__start__', 'a', 'b']" in read[0]


def turns(city: str, wire: bool = False) -> list[Any]:
    """A conversation with one tool call, as objects or as OpenAI writes it."""
    if not wire:
        call = {"name": "weather", "args": {"city": city}, "id": "1"}
        return [HumanMessage("Rain?"), AIMessage("", tool_calls=[call]), ToolMessage("no", tool_call_id="1")]
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": f'{{"city": "{city}"}}'}}
    return [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "no", "tool_call_id": "1"},
    ]


@pytest.mark.parametrize("mode", ["strict", "unordered", "subset", "superset"])
@pytest.mark.parametrize("made", ["create_trajectory_match_evaluator", "create_async_trajectory_match_evaluator"])
def test_agentevals_compares_the_messages_of_an_agent(made: str, mode: str) -> None:
    """And teaches the expected calls, beside those that were made, also where another metric gives words."""
    match = getattr(pytest.importorskip("agentevals.trajectory.match"), made)(trajectory_match_mode=mode)
    state, reference = {"messages": turns("Oslo"), "n": 1}, {"messages": turns("Rome", wire=True)}
    assert scored(match, state, {"messages": turns("Oslo", wire=True)}) == Feedback(
        1.0, "", objectives={f"trajectory_{mode}_match": 1.0}
    )
    missed = scored([match, lambda outputs: (1.0, "polite")], state, reference)
    assert missed.score == 0.5
    assert 'assistant calls weather({"city": "Rome"})' in missed.comment
    assert "The trajectory was:" in missed.comment
    assert "Oslo" in missed.comment
    assert "polite" in missed.comment


def test_any_metric_may_ask_for_the_trajectory() -> None:
    """By the name of the argument, alone or in a list, through all of an evaluation."""
    pytest.importorskip("agentevals")

    def metric(graph_trajectory: Any, reference_outputs: Any) -> bool:
        return bool(graph_trajectory["steps"] == reference_outputs["steps"])

    examples = [{"inputs": {"n": 1}, "outputs": {"steps": STEPS}}]
    graph = sequence("a", "b").compile()
    assert evaluate(graph, examples, metric=metric).score == 1.0
    assert evaluate(graph, examples, metric=[metric, lambda outputs: 0.0]).score == 0.5


def test_without_agentevals_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is run."""
    monkeypatch.setitem(sys.modules, "agentevals", None)
    with pytest.raises(UsageError, match=r"takes the graph_trajectory.*pip install agentevals"):
        evaluate(sequence("a").compile(), [{"inputs": {"n": 1}}], metric=lambda graph_trajectory: 1.0)
