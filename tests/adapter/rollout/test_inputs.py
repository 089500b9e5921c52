"""Inputs as a graph's state takes them."""

from __future__ import annotations

import asyncio
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.example_files import load_examples

TOOL_CALL = {"id": "1", "name": "look", "args": {"at": "it"}}
TALK = [HumanMessage("hello"), AIMessage("", tool_calls=[TOOL_CALL])]
ROLES = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "", "tool_calls": [TOOL_CALL]},
]


class Bare(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], "the talk so far"]
    last: BaseMessage | None
    notes: list[dict[str, Any]]
    untyped: Any
    read: Any


class Added(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add]
    read: Any


class Model(BaseModel):
    messages: list[AnyMessage]
    read: Any = None


class Reduced(MessagesState):
    read: Any


def read_by(state: type, inputs: dict[str, Any], name: str = "messages") -> Any:
    """What a node that reads `name` from the state finds there."""

    def node(state: Any) -> dict[str, Any]:
        return {"read": [state[name] if isinstance(state, dict) else getattr(state, name)]}

    graph = StateGraph(state).add_node(node).add_edge(START, "node").compile()
    (example,) = load_examples([{"inputs": inputs}])
    ran = asyncio.run(run(graph, example))
    assert ran.error is None, ran.error
    return ran.state["read"][0]


@pytest.mark.parametrize("state", [Bare, Added, Model, Reduced])
@pytest.mark.parametrize("talk", [TALK, ROLES], ids=["objects", "role dicts"])
def test_nodes_read_messages_where_the_state_says_so(state: type, talk: list[Any]) -> None:
    """An example keeps messages as role dicts; where no reducer makes messages of them, the rollout does."""
    human, answer = read_by(state, {"messages": talk})
    assert (type(human), human.content) == (HumanMessage, "hello")
    assert (type(answer), answer.tool_calls[0]["args"]) == (AIMessage, {"at": "it"})


def test_a_message_object_reaches_a_field_without_a_type_as_one() -> None:
    """What was given as an object is one in every rollout, at any depth; what was given as a role dict stays one."""
    found = read_by(Bare, {"untyped": {"talk": [*TALK, ROLES[0]]}}, "untyped")["talk"]
    assert [type(one) for one in found] == [HumanMessage, AIMessage, dict]


def test_a_single_message_is_one_as_well() -> None:
    """The same for a field that holds one message."""
    assert read_by(Bare, {"last": HumanMessage("bye")}, "last").content == "bye"
    assert read_by(Bare, {"last": None, "messages": []}, "last") is None


def test_role_dicts_stay_where_the_state_asks_for_none() -> None:
    """A field of plain data is left as it is, and so is what no message can be made of."""
    assert read_by(Bare, {"notes": ROLES}, "notes") == ROLES
    assert read_by(Bare, {"messages": [{"role": "jester", "content": "ha"}]}) == [{"role": "jester", "content": "ha"}]
    assert read_by(Bare, {"messages": ["hello"]}) == ["hello"]


class Talks(TypedDict, total=False):
    messages: list[list[AnyMessage]]
    read: Any


@pytest.mark.parametrize("state", [Bare, Added, Model, Reduced])
def test_several_turns_in_one_example_are_refused(state: type) -> None:
    """The example is named, before the graph is run."""
    with pytest.raises(ExampleError, match=r"Example .*hello.* has several turns in 'messages'.*make one of each turn"):
        read_by(state, {"messages": [ROLES[:1], ROLES[:1]]})


def test_a_pair_of_role_and_content_is_one_message() -> None:
    """As LangChain takes it, and JSON makes a list of it: no turn of messages."""
    pairs = [("user", "hello"), ["ai", "hi"], ["user", [{"type": "text", "text": "bye"}]]]
    found = read_by(Reduced, {"messages": pairs})
    assert [message.text for message in found] == ["hello", "hi", "bye"]


def test_a_state_of_several_conversations_takes_them() -> None:
    """Its type says so."""
    found = read_by(Talks, {"messages": [ROLES[:1], ROLES[:1]]})
    assert [[message.content for message in talk] for talk in found] == [["hello"], ["hello"]]
