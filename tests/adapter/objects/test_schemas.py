"""Tools, their arguments, and schemas of structured output: found, bound, and the original left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, Field
from typing_extensions import TypedDict, override

from langgraph_gepa.adapter.discovery.survey import bind, discover, survey
from langgraph_gepa.core.module import Module


class State(TypedDict, total=False):
    question: str


class Part(BaseModel):
    """One part of the plan."""

    goal: str = Field(description="What the part is for.", min_length=2)


class Plan(BaseModel):
    """A plan in parts."""

    first: int = 0
    kind: Literal["long", "short"] = Field(
        description="How long the plan is, "
        "in one word.",
    )  # fmt: skip
    parts: list[Part] | None = Field(None, description="All of the parts.", alias="Parts")
    last: int = 0


HELD = Plan(kind="long")


class Reason(TypedDict):
    """Why it was decided."""

    because: Annotated[str, ..., "The reason in a sentence."]


class Verdict(TypedDict):
    """What was decided."""

    grade: Annotated[str, ..., "Good or bad."]
    reasons: list[Reason]


@dataclass
class Route:
    """Where to go next."""

    step: str


class Unused(BaseModel):
    """Held by a node, but never given to a model."""

    name: str = Field(description="Of no use to a model.")


FORM = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "Why it is asked."},
        "part": {
            "type": "object",
            "description": "A part of the form.",
            "properties": {"name": {"type": "string", "description": "The name of the part."}},
        },
    },
}
SPARE_FORMS = {
    "used": {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "The name in the form that is used."}},
    },
    "spare": {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "The name in the form of which no code speaks."}},
    },
}
ORDER = {
    "title": "Order",
    "description": "What was ordered.",
    "type": "object",
    "properties": {"lines": {"type": "array", "items": {"type": "string", "description": "One line of it."}}},
}


class Query(BaseModel):
    """Never sent: the tool has a description of its own."""

    words: str = Field(description="What to look for.")


class Finder(BaseTool):
    name: str = "find"
    description: str = "Find something in the archive."
    args_schema: type[BaseModel] = Query

    @override
    def _run(self, words: str) -> str:
        return words


@tool
def search(query: Annotated[str, "The words to search."], limit: int = 3) -> str:
    """Search the shop."""
    return query * limit


@tool(parse_docstring=True)
def lookup(order: str) -> str:
    """Look an order up.

    Args:
        order: The number of the order.
    """
    return order


def plain(order: str) -> str:
    """Cancel an order.

    Args:
        order: Which order to cancel.
    """
    return order


def graph(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def schemas_given(echo: Any, compiled: Any) -> str:
    """The tools of every call of one run."""
    echo.calls.clear()
    compiled.invoke({"question": "why", "messages": [("user", "hello")]})
    return json.dumps([kwargs.get("tools", []) for _, kwargs in echo.calls])


PLAN = {
    "schema:Plan": "A plan in parts.",
    "schema:Plan.kind": "How long the plan is, in one word.",
    "schema:Plan.parts": "All of the parts.",
    "schema:Part": "One part of the plan.",
    "schema:Part.goal": "What the part is for.",
}
VERDICT = {
    "schema:Verdict": "What was decided.",
    "schema:Verdict.grade": "Good or bad.",
    "schema:Reason": "Why it was decided.",
    "schema:Reason.because": "The reason in a sentence.",
}


def in_the_node(echo: Any) -> Any:
    return graph(lambda s: echo.with_structured_output(Plan).invoke(s["question"]) and {})


def frozen(echo: Any) -> Any:
    model = echo.with_structured_output(Plan)
    return graph(lambda s: model.invoke(s["question"]) and {})


def by_keyword(echo: Any) -> Any:
    def node(state: State) -> None:
        held = {"plan": Plan, "spare": Unused}
        echo.with_structured_output(schema=held["plan"], include_raw=True).invoke(state["question"])

    return graph(node)


def as_a_tool(echo: Any) -> Any:
    return graph(lambda s: echo.bind_tools([Plan]).invoke(s["question"]) and {})


def of_an_agent(echo: Any) -> Any:
    return create_agent(echo, [], response_format=ToolStrategy(Plan))


def chosen_by_the_agent(echo: Any) -> Any:
    return create_agent(echo, [], response_format=Plan)


class Planner:
    def __init__(self, echo: Any, plan: Any) -> None:
        self.echo = echo
        self.plan = plan
        self.spare = Unused(name="x")

    def by_class(self, state: State) -> None:
        self.echo.with_structured_output(schema=self.plan.__class__).invoke(state["question"])

    def by_type(self, state: State) -> None:
        kind = type(self.plan["now"])
        self.echo.bind_tools([kind]).invoke(state["question"])

    def by_schema(self, state: State) -> None:
        self.echo.with_structured_output(self.plan.model_json_schema()).invoke(state["question"])


def of_an_object(echo: Any) -> Any:
    return graph(Planner(echo, HELD).by_class)


def of_the_type_of_an_object(echo: Any) -> Any:
    return graph(Planner(echo, {"now": HELD}).by_type)


def json_of_an_object(echo: Any) -> Any:
    return graph(Planner(echo, HELD).by_schema)


def json_of_a_class(echo: Any) -> Any:
    return graph(lambda s: echo.with_structured_output(Plan.model_json_schema()).invoke(s["question"]) and {})


def typed_dict(echo: Any) -> Any:
    return graph(lambda s: echo.with_structured_output(Verdict).invoke(s["question"]) and {})


def frozen_typed_dict(echo: Any) -> Any:
    model = echo.with_structured_output(Verdict)
    return graph(lambda s: model.invoke(s["question"]) and {})


def in_a_function(echo: Any) -> Any:
    def node(state: State) -> None:
        class Bit(BaseModel):
            """A bit of it."""

            words: Annotated[str, Field(description="The words of the bit.")]

        class Whole(BaseModel):
            """The whole of it."""

            size: int = Field(default=1, description="How large it is.")
            bits: list[Bit]

        class Spare(BaseModel):
            """Given to no model, though it has a docstring."""

        echo.with_structured_output(Whole).invoke(f"{state['question']} {Spare.__name__}")

    return graph(node)


def json_schema(echo: Any) -> Any:
    return graph(lambda s: echo.with_structured_output(ORDER).invoke(s["question"]) and {})


def json_schema_in_a_function(echo: Any) -> Any:
    def node(state: State) -> None:
        schema = {
            "title": "Bill",
            "description": "What is to be paid.",
            "type": "object",
            "properties": {"sum": {"type": "number", "description": "How much it is."}},
        }
        echo.with_structured_output(schema).invoke(state["question"])

    return graph(node)


def tool_in_a_function(echo: Any) -> Any:
    def node(state: State) -> None:
        weigh = {
            "name": "weigh",
            "description": "Weigh a parcel.",
            "parameters": {
                "type": "object",
                "properties": {"parcel": {"type": "string", "description": "Which parcel it is."}},
            },
        }
        echo.bind_tools([{"type": "function", "function": weigh}]).invoke(state["question"])

    return graph(node)


def tools(echo: Any) -> Any:
    return create_agent(echo, [search, lookup, Finder()])


def frozen_tools(echo: Any) -> Any:
    held = [search, lookup, Finder()]
    model = echo.bind_tools(held)
    return graph(lambda s: model.invoke(s["question"]) and held and {})


def made_tool(echo: Any) -> Any:
    made = StructuredTool.from_function(plain, parse_docstring=True)
    return graph(lambda s: echo.bind_tools([made]).invoke(s["question"]) and {})


SEARCH = {"tool:search": "Search the shop.", "tool:search.query": "The words to search."}
LOOKUP = {"tool:lookup": "Look an order up.", "tool:lookup.order": "The number of the order."}
FIND = {"tool:find": "Find something in the archive.", "tool:find.words": "What to look for."}
ORDERED = {"schema:Order": "What was ordered.", "schema:Order.lines": "One line of it."}
FORMED = {
    "schema:FORM.reason": "Why it is asked.",
    "schema:FORM.part": "A part of the form.",
    "schema:FORM.part.name": "The name of the part.",
}
USED = {"schema:SPARE_FORMS.used.name": "The name in the form that is used."}
WEIGH = {"tool:weigh": "Weigh a parcel.", "tool:weigh.parcel": "Which parcel it is."}
BILL = {"schema:Bill": "What is to be paid.", "schema:Bill.sum": "How much it is."}
MADE = {"tool:plain": "Cancel an order.", "tool:plain.order": "Which order to cancel."}
WHOLE = {
    "schema:Whole": "The whole of it.",
    "schema:Whole.size": "How large it is.",
    "schema:Bit": "A bit of it.",
    "schema:Bit.words": "The words of the bit.",
}
FORMS: list[tuple[Callable[[Any], Any], dict[str, str]]] = [
    (in_the_node, PLAN),
    (frozen, PLAN),
    (by_keyword, PLAN),
    (as_a_tool, PLAN),
    (of_an_object, PLAN),
    (of_the_type_of_an_object, PLAN),
    (json_of_an_object, PLAN),
    (json_of_a_class, PLAN),
    (of_an_agent, PLAN),
    (chosen_by_the_agent, PLAN),
    (typed_dict, VERDICT),
    (frozen_typed_dict, VERDICT),
    (json_schema, ORDERED),
    (json_schema_in_a_function, BILL),
    (tool_in_a_function, WEIGH),
    (in_a_function, WHOLE),
    (tools, SEARCH | LOOKUP | FIND),
    (frozen_tools, SEARCH | LOOKUP | FIND),
    (made_tool, MADE),
]


def answer(_: list[BaseMessage]) -> AIMessage:
    plan = {"kind": "long", "Parts": [{"goal": "all of it"}]}
    return AIMessage("", tool_calls=[{"id": "1", "name": "Plan", "args": plan}])


@pytest.mark.parametrize(("form", "texts"), FORMS, ids=[form.__name__ for form, _ in FORMS])
def test_what_is_described_to_a_model_is_found_and_bound(
    form: Callable[[Any], Any], texts: dict[str, str], echo: Any
) -> None:
    """Every description is found once, at home in its file, and its marker arrives in the copy's calls alone."""
    if texts is PLAN and form is not as_a_tool:
        echo.reply = answer
    compiled = form(echo)
    before = schemas_given(echo, compiled)
    found = survey(compiled, kinds=("tool", "schema"))
    assert {m.name: m.text for m in found.modules} == texts
    assert all(at_home(m) for m in found.modules)
    marks = {name: f"MARK-{i}." for i, name in enumerate(texts)}
    after = schemas_given(echo, found.bind(marks))
    assert [name for name, mark in marks.items() if mark not in after] == []
    for name, text in texts.items():
        after = after.replace(marks[name], text)
    assert after == before
    assert schemas_given(echo, compiled) == before


def at_home(module: Module) -> bool:
    """Whether the module's line begins its text in this file."""
    line = Path(__file__).read_text().splitlines()[(module.line or 0) - 1]
    return module.nodes in (("node",), ("model",)) and " ".join(module.text.split()[:4]) in line


def by_a_tool(echo: Any) -> Any:
    return create_agent(echo, [], response_format=ToolStrategy(FORM))


def by_the_provider(echo: Any) -> Any:
    return create_agent(echo, [], response_format=ProviderStrategy(schema=FORM))


def picked_by_key(echo: Any) -> Any:
    strategy = ToolStrategy(SPARE_FORMS["used"])
    return create_agent(echo, [], response_format=strategy)


@pytest.mark.parametrize(("agent", "texts"), [(by_a_tool, FORMED), (by_the_provider, FORMED), (picked_by_key, USED)])
def test_a_json_schema_needs_no_title(agent: Any, texts: dict[str, str], echo: Any) -> None:
    """LangChain makes up a name for it, another one in every run; here it has the name that the code knows it by."""
    echo.reply = lambda _: AIMessage("{}")

    def node(state: State) -> None:
        with suppress(GraphRecursionError):
            agent(echo).invoke({"messages": [("user", "hello")]}, {"recursion_limit": 2})

    compiled = graph(node)
    found = survey(compiled, kinds=("tool", "schema"))
    assert {m.name: m.text for m in found.modules} == texts
    found.bind({name: f"MARK-{i}." for i, name in enumerate(texts)}).invoke({"question": "why"})
    sent = json.dumps([kwargs for _, kwargs in echo.calls], default=str)
    assert all(f"MARK-{i}." in sent for i, _ in enumerate(texts))
    assert all(text not in sent for text in texts.values())


def test_a_copy_of_a_schema_is_the_schema(echo: Any) -> None:
    """What the model answers is an instance of the user's own class, checked by its own rules."""
    echo.reply = answer
    answers: list[Any] = []
    compiled = graph(lambda s: answers.append(echo.with_structured_output(Plan).invoke(s["question"])))
    found = survey(compiled, kinds=("schema",))
    found.bind({"schema:Part.goal": "The aim.", "schema:Plan": "New."}).invoke({"question": "why"})
    (plan,) = answers
    assert isinstance(plan, Plan)
    assert isinstance((plan.parts or [])[0], Part)
    with pytest.raises(ValueError, match="at least 2 characters"):
        type((plan.parts or [])[0])(goal="x")
    assert Plan.model_json_schema()["description"] == "A plan in parts."
    assert Part.model_fields["goal"].description == "What the part is for."


def test_what_is_not_selected_can_be_bound(echo: Any) -> None:
    """The kinds of a survey say what it lists, not what it can bind; a bound graph lists what is asked of it."""
    compiled = create_agent(echo, [search], system_prompt="Help people.")
    found = survey(compiled, kinds=("prompt",))
    assert [m.name for m in found.modules] == ["agent"]
    bound = bind(compiled, {"tool:search.query": "Words."})
    assert "Words." in schemas_given(echo, bound)
    assert {m.name: m.text for m in discover(bound, kinds=("tool",))} == SEARCH | {"tool:search.query": "Words."}


def test_a_class_that_is_given_to_no_model_is_no_schema(echo: Any) -> None:
    """State, data and spare classes describe themselves to nobody."""

    def node(state: State) -> None:
        kept = Unused(name="x")
        echo.invoke(f"Say {kept.name} and {State.__name__} to me.")

    assert {m.kind for m in discover(graph(node), kinds=("prompt", "tool", "schema"))} == {"prompt"}


def test_a_plain_function_is_described_by_its_docstring(echo: Any) -> None:
    """A function given as a tool has one text, its docstring, arguments and all."""
    compiled = graph(lambda s: echo.bind_tools([plain]).invoke(s["question"]) and {})
    (module,) = discover(compiled, kinds=("tool",))
    assert (module.name, module.text.splitlines()[0]) == ("tool:plain", "Cancel an order.")
    bound = survey(compiled, kinds=("tool",)).bind({"tool:plain": "Drop it.\n\nArgs:\n    order: Its number."})
    assert "Its number." in schemas_given(echo, bound)


def test_tools_of_an_agent_that_has_run_are_bound(echo: Any) -> None:
    """What LangChain remembers of a tool's schema from earlier runs does not outlive a new description."""
    compiled = create_agent(echo, [search])
    schemas_given(echo, compiled)
    bound = survey(compiled, kinds=("tool",)).bind({"tool:search": "Search it anew.", "tool:search.query": "Words."})
    assert "Search it anew." in schemas_given(echo, bound)
    assert "Words." in schemas_given(echo, bound)


def test_a_class_made_in_a_function_describes_itself_however_it_reaches_a_model(echo: Any) -> None:
    """Its docstring and fields are a schema's texts, also where the class stands among what a model is told."""

    def removal(names: str) -> type[BaseModel]:
        class Removal(BaseModel):
            """Use this to take an entry away."""

            name: str = Field(description=f"Which entry is meant, one of {names}.")

        return Removal

    def keeper(state: State) -> State:
        request: dict[str, Any] = {"messages": [("user", state["question"])], "tools": [removal("a, b")]}
        echo.bind_tools(request["tools"]).invoke(request["messages"])
        echo.invoke(str(removal("a, b")))
        return {}

    builder = StateGraph(State)
    builder.add_node("keeper", keeper)
    builder.add_edge(START, "keeper")
    found = {m.text: m.kind for m in discover(builder.compile(), kinds=("prompt", "tool", "schema"))}
    assert found["Use this to take an entry away."] == found["Which entry is meant, one of {names}."] == "schema"
