"""Texts in objects that the state holds: in properties and methods of their classes, and in defaults of the state."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import pytest
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field, computed_field
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.survey import survey


class Model(BaseModel):
    name: str

    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class ComputedModel(BaseModel):
    name: str

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class CachedModel(BaseModel):
    name: str

    @cached_property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class Heir(Model):
    """Its property is its parent's."""


@dataclass
class Data:
    name: str

    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


@dataclass(frozen=True, slots=True)
class FrozenData:
    name: str

    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class Pair(NamedTuple):
    name: str

    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class Plain:
    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def portrait(self) -> str:
        return f"You are the guest called {self.name}, answer as they would."


class RunConfig(Plain):
    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


class Shared:
    """What all of its instances say stands on the class."""

    portrait = "You are the guest called Ann, answer as they would."

    def __init__(self, name: str) -> None:
        self.name = name


Use = Callable[[Any], str]


def graph_of(echo: Any, schema: Any, read: Callable[[Any], Any]) -> Any:
    def node(state: Any) -> dict[str, Any]:
        return {"answer": echo.invoke([SystemMessage(read(state).portrait)]).content}

    node.__annotations__["state"] = schema
    return StateGraph(schema).add_node("node", node).add_edge(START, "node").compile()


def answer_of(echo: Any, graph: Any, inputs: dict[str, Any]) -> str:
    graph.invoke(inputs)
    return str(echo.calls[-1][0][0].content)


def bound_to(graph: Any, end: str) -> Any:
    found = survey(graph)
    (module,) = (one for one in found.modules if "guest called" in one.text)
    return found.bind({module.name: module.text + end})


KINDS = [Model, ComputedModel, CachedModel, Heir, Data, FrozenData, Pair, Plain, RunConfig, Shared]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_a_property_of_an_object_that_comes_in_with_the_state_is_bound(echo: Any, kind: Any) -> None:
    """The caller's object says the new text in the copy, is not written to, and says its own elsewhere."""
    fields: Any = {"guest": kind, "answer": str}
    talk: Any = TypedDict("talk", fields)  # type: ignore[misc]  # the class is the test's parameter
    talk.__module__ = __name__
    graph = graph_of(echo, talk, lambda state: state["guest"])
    guest = kind(name="Ann")
    assert answer_of(echo, bound_to(graph, " Be brief."), {"guest": guest}).endswith("they would. Be brief.")
    assert answer_of(echo, graph, {"guest": guest}).endswith("they would.")
    assert type(guest) is kind


@pytest.mark.parametrize("given", [{"name": "Ann"}, Model(name="Ann")], ids=["as JSON", "as an object"])
def test_a_state_that_makes_its_objects_itself_makes_those_of_the_copy(echo: Any, given: Any) -> None:
    """A pydantic state validates what comes in: objects in it are instances of the copied classes."""

    class Talk(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        guests: list[Model]
        answer: str = ""

    graph = graph_of(echo, Talk, lambda state: state.guests[0])
    assert answer_of(echo, bound_to(graph, " Be brief."), {"guests": [given]}).endswith("Be brief.")
    assert answer_of(echo, graph, {"guests": [given]}).endswith("they would.")


def test_what_a_model_answers_in_is_an_instance_of_the_copy(echo: Any) -> None:
    """A class that another one names is made again whole: structured output is validated by the copies."""

    class Guests(BaseModel):
        guests: list[Model] = Field(description="All guests.")

    class State(MessagesState):
        guest: Model

    def make(state: State) -> dict[str, Any]:
        return {"guest": Guests.model_validate({"guests": [{"name": "Ann"}]}).guests[0]}

    def talk(state: State) -> dict[str, Any]:
        return {"messages": [echo.invoke([SystemMessage(state["guest"].portrait)])]}

    builder = StateGraph(State).add_node(make).add_node(talk).add_edge(START, "make").add_edge("make", "talk")
    graph = builder.compile()
    assert answer_of(echo, bound_to(graph, " Be brief."), {"messages": []}).endswith("Be brief.")
    assert answer_of(echo, graph, {"messages": []}).endswith("they would.")


SCHEMA = {
    "title": "PlantFacts", "description": "What is known about the plant.", "type": "object",
    "properties": {"name": {"type": "string", "description": "The plant's botanical name."}},
}  # fmt: skip


@dataclass(kw_only=True)
class Question:
    messages: Annotated[list[Any], add_messages] = field(default_factory=list)
    wanted: dict[str, Any] = field(default_factory=lambda: SCHEMA)
    rule: str = "Extract what is known about the plant."


class QuestionModel(BaseModel):
    messages: Annotated[list[Any], add_messages] = []
    wanted: dict[str, Any] = Field(default_factory=lambda: SCHEMA)
    rule: str = "Extract what is known about the plant."


@pytest.mark.parametrize("schema", [Question, QuestionModel])
def test_defaults_of_the_state_are_bound(echo: Any, schema: Any) -> None:
    """Texts and schemas that fill a field nobody gave, also in the state of a single node."""

    def extract(state: Any) -> dict[str, Any]:
        bound = echo.bind_tools([state.wanted])
        return {"messages": [bound.invoke([SystemMessage(state.rule), *state.messages])]}

    extract.__annotations__["state"] = schema
    graph = StateGraph(schema).add_node("extract", extract).add_edge(START, "extract").compile()
    found = survey(graph, kinds=("prompt", "schema", "tool"))
    texts = {one.name: one.text for one in found.modules if "plant" in one.text.lower()}
    assert sorted(texts.values()) == sorted(
        ["Extract what is known about the plant.", "What is known about the plant.", "The plant's botanical name."]
    )
    found.bind({name: f"{text} ZQ" for name, text in texts.items()}).invoke({"messages": [("user", "oak?")]})
    sent = json.dumps([[m.content for m in echo.calls[-1][0]], echo.calls[-1][1]])
    assert sent.count("ZQ") == 3
    graph.invoke({"messages": [("user", "oak?")]})
    assert "ZQ" not in json.dumps([[m.content for m in echo.calls[-1][0]], echo.calls[-1][1]])
