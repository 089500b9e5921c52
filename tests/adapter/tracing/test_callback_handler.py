"""What is seen of a rollout, and whose it is."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import LLMResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from langgraph_gepa.adapter.tracing.attribution import attribute, node_path
from langgraph_gepa.adapter.tracing.callback_handler import Tracer
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call


class Model(GenericFakeChatModel):
    """Says its lines, one a call, and shows the tools it was given as a real model does."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[convert_to_openai_tool(one) for one in tools])


def model(*lines: str | BaseMessage) -> Model:
    return Model(messages=iter(lines))


class Shelf(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document(f"about {query}", metadata={"source": "shelf"})]


@tool
def look_up(question: str) -> str:
    """Looks a question up on the shelf."""
    if question == "secret":
        raise PermissionError("not for you")
    return Shelf().invoke(question)[0].page_content


ASK = AIMessage("", tool_calls=[{"id": "c1", "name": "look_up", "args": {"question": "cats"}}])


def agent(*lines: str | BaseMessage) -> Any:
    return create_agent(model(*lines), [look_up], system_prompt="You answer kindly.")


def watch(graph: Any, state: dict[str, Any], *, sync: bool = False) -> tuple[WatchedCall, ...]:
    tracer = Tracer()
    if sync:
        graph.invoke(state, {"callbacks": [tracer]})
    else:
        asyncio.run(graph.ainvoke(state, {"callbacks": [tracer]}))
    return tracer.watched


HELLO = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("sync", [True, False])
def test_an_agents_calls_are_seen_in_order(sync: bool) -> None:
    """Model calls, tool calls and retrievals stand in order, with what went in and what came out."""
    calls = [seen.call for seen in watch(agent(ASK, "Cats purr."), HELLO, sync=sync)]
    asked = {"id": "c1", "name": "look_up", "args": {"question": "cats"}}
    assert [(call.kind, call.node) for call in calls] == [
        ("model", "model"), ("tool", "tools"), ("retrieval", "tools"), ("model", "model"),
    ]  # fmt: skip
    assert calls[0].inputs == [
        {"role": "system", "content": "You answer kindly."},
        {"role": "user", "content": "hi"},
    ]
    assert calls[0].output == {"role": "assistant", "content": "", "tool_calls": [asked]}
    assert (calls[1].name, calls[1].inputs, calls[1].output) == ("look_up", {"question": "cats"}, "about cats")
    assert (calls[2].inputs, calls[2].output) == ("cats", [{"text": "about cats", "metadata": {"source": "shelf"}}])
    assert calls[3].inputs[-1] == {"role": "tool", "content": "about cats", "name": "look_up", "tool_call_id": "c1"}
    assert all(call.error is None and call.seconds >= 0 for call in calls)
    json.dumps([(call.inputs, call.output) for call in calls], allow_nan=False)


def test_nested_called_and_parallel_nodes_have_paths_from_the_root() -> None:
    """Subgraphs as nodes, graphs called inside functions, routers and Send branches name their node."""

    inner = StateGraph(MessagesState)
    inner.add_node("write", lambda _: {"messages": [model("w").invoke("write")]})
    inner.add_edge(START, "write")
    written = inner.compile()

    def twice(_: Any) -> dict[str, Any]:
        written.invoke(HELLO)
        written.invoke(HELLO)
        return {}

    def fan_out(_: Any) -> list[Send]:
        model("r").invoke("route")
        return [Send("leaf", {}), Send("leaf", {})]

    async def leaf(_: Any) -> dict[str, Any]:
        await model("l").ainvoke("leaf")
        return {}

    outer = StateGraph(MessagesState)
    outer.add_node("support", agent("fine"))
    outer.add_node("twice", twice)
    outer.add_node("leaf", leaf)
    outer.add_edge(START, "support")
    outer.add_edge("support", "twice")
    outer.add_conditional_edges("twice", fan_out, ["leaf"])
    nodes = [seen.call.node for seen in watch(outer.compile(), HELLO)]
    assert nodes == ["support/model", "twice/write", "twice/write", "twice", "leaf", "leaf"]


class Named(TypedDict, total=False):
    name: str


@pytest.mark.parametrize("first", ["a", "b", "c"])
def test_branches_side_by_side_stand_in_their_own_order(first: str) -> None:
    """Whichever thread is the quicker, also inside their subgraphs; what a tool called stays inside it."""
    begun = threading.Event()

    def worker(state: Named) -> Named:
        if state["name"] != first:
            assert begun.wait(30)
        look_up.invoke({"question": state["name"]})
        model("x").invoke(f"{state['name']} 1")
        begun.set()
        inner.invoke(state)
        model("x").invoke(f"{state['name']} 3")
        return {}

    def last(state: Named) -> Named:
        model("x").invoke(f"{state['name']} 2")
        return {}

    inner = StateGraph(Named).add_node("last", last).add_edge(START, "last").compile()
    outer = StateGraph(Named).add_node("plan", lambda _: {}).add_node("worker", worker).add_edge(START, "plan")
    outer.add_conditional_edges("plan", lambda _: [Send("worker", {"name": name}) for name in "abc"], ["worker"])

    watched = watch(outer.compile(), {"name": ""})
    said = [seen.call.inputs[0]["content"] for seen in watched if seen.call.kind == "model"]
    assert said == [f"{name} {n}" for name in "abc" for n in (1, 2, 3)]
    assert [seen.call.node for seen in watched if seen.call.kind == "model"][1] == "worker/last"
    for place, seen in enumerate(watched):
        if seen.call.kind == "retrieval":
            assert seen.enclosing_tool == place - 1
            assert watched[place - 1].call.inputs == {"question": seen.call.inputs}


def test_a_graph_called_inside_a_tool_is_under_the_tools_node() -> None:
    """An agent used as another's tool has its own path, so the two prompts are told apart."""
    expert = agent("I know")

    @tool
    def look_up(question: str) -> str:
        """Asks the expert."""
        return str(expert.invoke({"messages": [question]})["messages"][-1].content)

    boss = create_agent(model(ASK, "done"), [look_up], system_prompt="You lead.")
    watched = watch(boss, HELLO)
    assert [(seen.call.kind, seen.call.node) for seen in watched] == [
        ("model", "model"), ("tool", "tools"), ("model", "tools/model"), ("model", "model"),
    ]  # fmt: skip
    modules = [prompt("boss", "You lead.", "model"), prompt("expert", "You answer kindly.", "tools/model")]
    assert owners(watched, modules) == [("boss",), ("boss",), ("expert",), ("boss",)]


def test_a_failing_tool_is_seen_with_its_error() -> None:
    """A tool's exception is kept in words, and the node it failed in."""
    secret = AIMessage("", tool_calls=[{"id": "c1", "name": "look_up", "args": {"question": "secret"}}])
    tracer = Tracer()
    with pytest.raises(PermissionError) as failure:
        agent(secret).invoke(HELLO, {"callbacks": [tracer]})
    assert tracer.watched[-1].call.error == "PermissionError: not for you"
    assert tracer.node_of(failure.value) == "tools"


def test_a_trace_keeps_what_was_said_and_names_what_was_not() -> None:
    """A tool's answer of any length is whole; pictures and signatures in messages are named by kind and size."""
    page = "A cat sat on a mat. " * 2_000

    @tool
    def look_up(question: str) -> str:
        """Gives back a long page."""
        return f"{question} {page}"

    seal = {"type": "thinking", "thinking": "Hm, hm.", "signature": "QUJD" * 2_000}
    answer = AIMessage([seal, {"type": "text", "text": page}])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 100}}
    asked = HumanMessage([{"type": "text", "text": page}, picture])
    calls = [seen.call for seen in watch(create_agent(model(ASK, answer), [look_up]), {"messages": [asked]})]
    assert calls[0].inputs[0]["content"] == [
        {"type": "text", "text": page},
        "[image: image/png, 1,100 characters, #85274b85]",
    ]
    assert calls[1].output == f"cats {page}"
    sealed = {"type": "thinking", "thinking": "Hm, hm.", "signature": "[signature: 8,000 characters]"}
    assert calls[2].output["content"] == [sealed, {"type": "text", "text": page}]


def test_a_call_under_way_is_listed_as_unfinished() -> None:
    """When a rollout is cut off, what was under way is still seen, and later events change nothing."""
    tracer = Tracer()
    tracer.on_retriever_start({"name": "shelf"}, "cats", run_id=uuid4())
    tracer.on_llm_end(LLMResult(generations=[]), run_id=uuid4())
    (seen,) = tracer.watched
    assert seen.call.error == "still under way when the rollout ended"


@pytest.mark.parametrize(
    ("metadata", "above", "path"),
    [
        ({"langgraph_checkpoint_ns": "team:1-2|write:3"}, "", "team/write"),
        ({"langgraph_checkpoint_ns": "team:1|1|write:3"}, "", "team/write"),
        ({"langgraph_checkpoint_ns": "team|write:3", "langgraph_node": "write"}, "x", "team/write"),
        ({"langgraph_checkpoint_ns": "007:1|1|42:3"}, "", "007/42"),
        ({"langgraph_node": "write"}, "team", "team/write"),
        ({"langgraph_node": "write"}, "team/write", "team/write"),
        ({}, "team", "team"),
        ({}, "", ""),
    ],
)
def test_the_path_comes_from_the_namespace_else_the_run_above(metadata: Any, above: str, path: str) -> None:
    """The checkpoint namespace decides; without one the node's name, and the run it started from."""
    assert node_path(metadata, above) == path


def test_every_node_that_ran_is_known_whether_or_not_it_called_anything() -> None:
    """A node without a call and one whose name is a number are among the nodes that ran; one never come to is not."""
    builder = StateGraph(MessagesState)
    builder.add_node("quiet", lambda _: {})
    builder.add_node("007", lambda state: {"messages": [model("Bond.").invoke(state["messages"])]})
    builder.add_node("never", lambda _: {})
    builder.add_edge(START, "quiet")
    builder.add_edge("quiet", "007")
    tracer = Tracer()
    builder.compile().invoke(HELLO, {"callbacks": [tracer]})
    assert [seen.call.node for seen in tracer.watched] == ["007"]
    assert {"quiet", "007"} <= {*tracer.nodes}
    assert "never" not in tracer.nodes


def prompt(name: str, text: str, *nodes: str, style: Any = "plain") -> Module:
    return Module(name, "prompt", text, style=style, nodes=nodes)


def owners(watched: Sequence[WatchedCall], modules: Sequence[Module], **texts: str) -> list[tuple[str, ...]]:
    return [call.modules for call in attribute(watched, modules, texts)]


def test_two_prompts_of_one_node_are_told_apart_by_their_text() -> None:
    """A module sees the calls that carry its text as bound, not its neighbour's."""

    def node(_: Any) -> dict[str, Any]:
        ask = ChatPromptTemplate.from_messages([("system", "Plan {task} {{now}}."), ("human", "{task}")])
        (ask | model("p")).invoke({"task": "tea"})
        model("q").invoke([SystemMessage("Judge it."), HumanMessage("tea")])
        model("r").invoke("neither")
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    watched = watch(graph.compile(), HELLO)
    modules = [
        prompt("plan", "Old {task} text.", "node", style="format"),
        prompt("judge", "Judge it.", "node"),
        prompt("elsewhere", "Judge it.", "other"),
    ]
    assert owners(watched, modules, plan="Plan {task} {{now}}.") == [("plan",), ("judge",), ("plan", "judge")]


def test_tool_calls_go_with_the_model_call_that_asked() -> None:
    """A tool call belongs to the prompt that asked for it and to its own description only."""
    watched = watch(agent(ASK, "Cats purr."), HELLO)
    modules = [
        prompt("kind", "You answer kindly.", "model"),
        Module("tool:look_up", "tool", "Looks a question up on the shelf.", nodes=("tools",)),
        Module("tool:other", "tool", "Another tool.", nodes=("tools",)),
        prompt("writer", "Write.", "writer"),
    ]
    both = ("kind", "tool:look_up")
    assert owners(watched, modules) == [both, both, both, both]


def test_a_tool_call_without_an_id_is_found_by_name_and_arguments() -> None:
    """Tools that a node runs itself are matched to the request by what was asked."""

    def node(_: Any) -> dict[str, Any]:
        model(AIMessage("", tool_calls=[{"id": "c1", "name": "look_up", "args": {"question": "a"}}])).invoke("First.")
        model(AIMessage("", tool_calls=[{"id": "c1", "name": "look_up", "args": {"question": "b"}}])).invoke("Second.")
        look_up.invoke({"question": "a"})
        look_up.invoke({"question": "c"})
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    modules = [prompt("first", "First.", "node"), prompt("second", "Second.", "node")]
    calls = attribute(watch(graph.compile(), HELLO), modules, {})
    tools = [call.modules for call in calls if call.kind == "tool"]
    assert tools == [("first",), ("first", "second")]


def test_a_node_without_modules_belongs_to_the_prompts_it_carries() -> None:
    """A prompt put into the state in one node and sent in another is still found, by its text."""
    call = Call("model", "sender", "m", [{"role": "system", "content": "A prompt written in the planner."}])
    modules = [prompt("planner", "A prompt written in the planner.", "planner"), prompt("short", "A", "x")]
    assert owners([WatchedCall(call)], modules) == [("planner",)]
    assert owners([WatchedCall(Call("model", "sender", "m", []))], modules) == [()]
