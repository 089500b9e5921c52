"""The dry run describes a rollout without running it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import RunnerOptions, dry_run
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer, ToolCall
from langgraph_gepa.demo.stage import helpdesk_demo
from langgraph_gepa.errors import UsageError


def test_a_dry_run_describes_what_is_real_and_runs_nothing() -> None:
    """Which tools run, which models have a price, and what is wrong with the arguments."""
    with helpdesk_demo() as demo:
        options = RunnerOptions(tools={"issue_refund": lambda **_: "refunded"}, timeout=30)
        plan = dry_run(demo.graph, demo.trainset, options=options)
        runs = {tool.name: tool.runs for tool in plan.tools}
        assert runs["issue_refund"] == "stand-in"
        assert runs["look_up_order"] == "real"
        assert runs["cancel_order"] == "real"
        assert "cancel_order" in plan.risky
        assert not {"issue_refund", "look_up_order"} & set(plan.risky)
        assert plan.models == ("simulated-agent",)
        assert plan.unpriced == ("simulated-agent",)
        text = str(plan)
        assert "issue_refund: stand-in" in text
        assert "cancel_order: real  (it may change something outside: it calls " in text
        assert "at most   30 s" in text
        with pytest.raises(UsageError, match="no tool called refund"):
            dry_run(demo.graph, options=RunnerOptions(tools={"refund": len}))


def support(request: Request, _: Random) -> Answer:
    """A simulated model that cancels an order, then says so."""
    done = any(message["role"] == "tool" for message in request.messages)
    return Answer("Done.") if done else Answer("", (ToolCall("cancel_order", {"order": "A-1"}),))


CANCELLED: list[str] = []


@tool
def cancel_order(order: str) -> str:
    """Cancel an order."""
    CANCELLED.append(order)
    return f"{order} is cancelled"


def agent(server: SimulatedServer) -> Any:
    model = ChatOpenAI(model="support", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)
    return create_agent(model, [cancel_order], system_prompt="You help people with their orders.")


EXAMPLES = [{"inputs": {"messages": [{"role": "user", "content": "Cancel A-1."}]}}]


def test_a_dry_run_with_a_metric_runs_and_scores_one_rollout() -> None:
    """Its calls, tool calls and score are in the description; where a real tool may do harm nothing runs at all."""

    def metric(rollout: Rollout) -> tuple[float, str]:
        return 0.5, f"{len(rollout.calls)} calls"

    with SimulatedServer({"support": support}) as server:
        plan = dry_run(agent(server), EXAMPLES, metric=metric)
        assert (plan.risky, plan.rollout, server.requests) == (("cancel_order",), None, 0)
        plan = dry_run(agent(server), EXAMPLES, metric=metric, options=RunnerOptions(harmless=["cancel_order"]))
        assert (plan.risky, server.requests) == ((), 2)
        lines = str(plan).splitlines()
    assert [line.split(",")[0] for line in lines if line.startswith("call")] == [
        "call      model support in model",
        "call      tool cancel_order in tools: {'order': 'A-1'}",
        "call      model support in model",
    ]
    assert lines[-1] == "score     0.500: '3 calls'"


def test_a_dry_run_that_the_world_fails_says_so() -> None:
    """A provider that refuses the key causes an error and no score."""

    def refused(*_: object) -> Answer:
        raise ApiError(401, "bad key")

    harmless = RunnerOptions(harmless=["cancel_order"])
    with (
        SimulatedServer({"support": refused}) as server,
        pytest.raises(UsageError, match=r"could not be run: .*bad key"),
    ):
        dry_run(agent(server), EXAMPLES, metric=lambda outputs: len(outputs), options=harmless)


class Route(TypedDict, total=False):
    question: str
    answer: str


def routed() -> Any:
    """A graph of which a question reaches one of two branches, and of its subgraph one of two nodes."""
    below = StateGraph(Route)
    for name in ("short", "long"):
        below.add_node(name, lambda _: {"answer": "yes"})
    below.add_conditional_edges(START, lambda state: "long" if "why" in state["question"] else "short")
    above = StateGraph(Route).add_node("team", below.compile()).add_node("refund", lambda _: {"answer": "no"})
    above.add_conditional_edges(START, lambda state: "refund" if "money" in state["question"] else "team")
    return above.compile()


@pytest.mark.parametrize(
    ("question", "unreached"),
    [("when?", {"refund", "team/long"}), ("why?", {"refund", "team/short"}), ("money?", {"team"})],
)
def test_a_dry_run_names_the_nodes_that_its_example_does_not_reach(question: str, unreached: set[str]) -> None:
    """Also in a subgraph; and that it is one example of several."""
    examples = [{"inputs": {"question": question}}, {"inputs": {"question": "another"}}]
    plan = dry_run(routed(), examples, metric=lambda outputs: 1.0)
    assert {*plan.unreached} == unreached
    assert "ran       1 of 2 examples" in str(plan)
    assert f"not run   {', '.join(plan.unreached)}: " in str(plan)


def test_a_dry_run_refuses_inputs_that_the_graph_does_not_take() -> None:
    """Of each example, in the words of the search; inputs that are only dropped are noted."""
    examples = [{"inputs": {"question": "a"}}, {"inputs": {"query": "b"}}]
    with pytest.raises(UsageError, match=r"takes none of the inputs of example .*'query'"):
        dry_run(routed(), examples)
    examples[1]["inputs"]["question"] = "b"
    plan = dry_run(routed(), examples)
    assert plan.notes == ("The graph drops these inputs of the examples: 'query'. It takes 'question', 'answer'.",)
    assert plan.notes[0] in str(plan)
