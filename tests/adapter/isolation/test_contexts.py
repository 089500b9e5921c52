"""The context of a rollout: given or not, as a dict, an instance or a function, it says the texts of its graph."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime, get_runtime
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.contexts import context_for
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError

HELLO = Example("e", {"messages": [{"role": "user", "content": "hi"}]})
OWN = "You are a helpful assistant of the shop."


@dataclass
class Plain:
    prompt: str = OWN


@dataclass(kw_only=True, frozen=True, slots=True)
class Frozen:
    prompt: str = OWN
    tone: str = "kind"


@dataclass
class Made:
    prompt: str = field(default_factory=lambda: OWN)


@dataclass
class Checked:
    """As in LangGraph's templates, where a variable of the environment may take the default's place."""

    prompt: str = OWN

    def __post_init__(self) -> None:
        self.prompt = self.prompt or OWN


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)
    prompt: str = Field(default=OWN, description="What the assistant is told.")


class MadeModel(BaseModel):
    prompt: str = Field(default_factory=lambda: OWN)


@dataclass
class Computed:
    shop: str = "the corner shop"

    @property
    def prompt(self) -> str:
        return f"You are a helpful assistant of {self.shop}."


@dataclass(frozen=True)
class Prompts:
    system: str = OWN


class ModelPrompts(BaseModel):
    system: str = OWN


@dataclass
class Nested:
    prompts: Prompts = field(default_factory=Prompts)


@dataclass
class Held:
    prompts: Prompts = Prompts()


class NestedModel(BaseModel):
    prompts: ModelPrompts = Field(default_factory=ModelPrompts)


class HeldModel(BaseModel):
    prompts: ModelPrompts = ModelPrompts()


SCHEMAS = [Plain, Frozen, Made, Checked, Model, MadeModel, Computed]
WAYS: dict[str, Any] = {
    "nothing": lambda _: None,
    "a dict": lambda _: {},
    "an instance": lambda schema: schema(),
    "the class": lambda schema: schema,
    "a function": lambda schema: lambda example: schema(),
}


def graph_of(echo: Any, schema: Any, how: str = "argument") -> Any:
    def given(state: MessagesState, runtime: Runtime[Any]) -> dict[str, Any]:
        return {"messages": [echo.invoke([SystemMessage(runtime.context.prompt), *state["messages"]])]}

    def from_runtime(state: MessagesState) -> dict[str, Any]:
        context = get_runtime(schema).context
        return {"messages": [echo.invoke([SystemMessage(context.prompt), *state["messages"]])]}

    builder = StateGraph(MessagesState, context_schema=schema).add_node(
        "node", given if how == "argument" else from_runtime
    )
    return builder.add_edge(START, "node").compile()


def bound_to(graph: Any, start: str) -> Any:
    """The graph with its one prompt begun with other words."""
    found = survey(graph)
    (module,) = (one for one in found.modules if one.on)
    return found.bind({module.name: start + module.text})


def answer_of(graph: Any, context: Any) -> str:
    ran = asyncio.run(run(graph, HELLO, RunnerOptions(context=context)))
    assert ran.error is None
    return str(ran.state["messages"][-1].content)


@pytest.mark.parametrize("how", ["argument", "call"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema.__name__))
def test_whatever_way_a_context_is_given_it_has_the_bound_text(echo: Any, schema: Any, way: str, how: str) -> None:
    """A default of the schema is the module's text; the graph itself goes on saying its own."""
    graph = graph_of(echo, schema, how)
    context = WAYS[way](schema)
    assert answer_of(bound_to(graph, "BETTER. "), context).startswith("BETTER. You are a helpful assistant of")
    assert answer_of(graph, context).startswith("You are a helpful assistant of")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", [Nested, Held, NestedModel, HeldModel], ids=lambda schema: str(schema.__name__))
def test_a_text_in_an_object_in_the_context_is_bound_as_well(echo: Any, schema: Any, way: str) -> None:
    """Made by a factory or held as the default, a dataclass or a pydantic model."""

    def node(state: MessagesState, runtime: Runtime[Any]) -> dict[str, Any]:
        return {"messages": [echo.invoke([SystemMessage(runtime.context.prompts.system), *state["messages"]])]}

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node").compile()
    context = WAYS[way](schema)
    assert answer_of(bound_to(graph, "BETTER. "), context) == f"BETTER. {OWN}"
    assert answer_of(graph, context) == OWN


@pytest.mark.parametrize("way", [way for way in WAYS if way != "a dict"])
def test_a_subgraphs_context_is_that_of_the_graph_it_stands_in(echo: Any, way: str) -> None:
    """Who has no schema of its own hands its context on to a subgraph that has one."""
    outer = StateGraph(MessagesState).add_node("agent", graph_of(echo, Plain)).add_edge(START, "agent").compile()
    context = WAYS[way](Plain)
    assert answer_of(bound_to(outer, "BETTER. "), context) == f"BETTER. {OWN}"
    assert answer_of(outer, context) == OWN


@pytest.mark.parametrize("schema", [Plain, Frozen, Model], ids=lambda schema: str(schema.__name__))
def test_a_value_of_the_users_own_stays(echo: Any, schema: Any) -> None:
    """Only a default is the module's text."""
    graph = graph_of(echo, schema)
    bound = bound_to(graph, "BETTER.")
    for context in (schema(prompt="Mine."), {"prompt": "Mine."}, lambda example: schema(prompt="Mine.")):
        assert answer_of(bound, context) == "Mine."


def test_the_users_instance_is_not_written_to(echo: Any) -> None:
    """It is read for every rollout of every candidate."""
    mine = Plain()
    bound = bound_to(graph_of(echo, Plain), "BETTER.")
    assert answer_of(bound, mine) == f"BETTER.{OWN}"
    assert (type(mine), mine.prompt) == (Plain, OWN)


def test_a_context_that_cannot_be_made_is_refused_with_the_option(echo: Any) -> None:
    """A field without a default is the user's to give."""

    @dataclass
    class Needy:
        user: str
        prompt: str = OWN

    class NeedyModel(BaseModel):
        user: str
        prompt: str = OWN

    for schema in (Needy, NeedyModel):
        graph = graph_of(echo, schema)
        with pytest.raises(UsageError, match=r"user.*RunnerOptions\(context=Needy"):
            context_for(graph, None, HELLO)
        assert answer_of(graph, {"user": "Ann"}) == OWN
    assert not [call for call in echo.calls if call[0][0].content != OWN]


def test_a_graph_without_a_schema_is_given_what_there_is(echo: Any) -> None:
    """Nothing is made up; a mapping schema takes mappings."""

    class Mapped(TypedDict, total=False):
        prompt: str

    graph = StateGraph(MessagesState).add_node("node", lambda _: {}).add_edge(START, "node").compile()
    assert context_for(graph, None, HELLO) is None
    assert context_for(graph, {"a": 1}, HELLO) == {"a": 1}
    assert context_for(graph_of(echo, Mapped), None, HELLO) == {}
