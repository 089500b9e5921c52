"""Every way a text travels to a model in graphs people write: each is found at home, on, and bound in copies only."""

from __future__ import annotations

import enum
import functools
import json
import string
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypedDict

import pytest
from jinja2 import Template
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    before_model,
    dynamic_prompt,
    wrap_model_call,
)
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import (
    ChatPromptTemplate,
    FewShotChatMessagePromptTemplate,
    FewShotPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
    PromptTemplate,
    SystemMessagePromptTemplate,
)
from langchain_core.runnables import ConfigurableField, RunnableBranch, RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel, ConfigDict, Field

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.core.module import Module


class State(TypedDict, total=False):
    question: str
    style: str
    prompt: str
    messages: list[Any]


def graph(*nodes: Any) -> Any:
    builder = StateGraph(State)
    previous = START
    for i, node in enumerate(nodes):
        builder.add_node(f"node{i}", node)
        builder.add_edge(previous, f"node{i}")
        previous = f"node{i}"
    return builder.compile()


Form = Callable[[Any], Any]
FORMS: list[Any] = []


def form(*begins: str) -> Callable[[Form], Form]:
    """Registers a graph with the beginnings of the texts in it."""

    def register(make: Form) -> Form:
        FORMS.append(pytest.param(make, begins, id=make.__name__))
        return make

    return register


class Voice(enum.StrEnum):
    CALM = "You are a calm member of an enum."
    LOUD = "You are a loud member that nobody asks for."


class Words(enum.Enum):
    SHORT = "You are short and in an enum of {question}."


@form("You are a calm member", "You are short and in")
def enum_members(echo: Any) -> Any:
    def node(state: State) -> None:
        echo.invoke(
            [SystemMessage(Voice.CALM.value), HumanMessage(Words.SHORT.value.format(question=state["question"]))]
        )
        echo.invoke([SystemMessage(Voice.CALM)])

    return graph(node)


DOLLARS = string.Template("You are dollars for $question, $$5 and ${question}.")


@form("You are dollars", "You are more dollars")
def string_template(echo: Any) -> Any:
    def node(state: State) -> None:
        echo.invoke([SystemMessage(DOLLARS.substitute(question=state["question"]))])
        echo.invoke([SystemMessage(string.Template("You are more dollars, $question").safe_substitute(state))])

    return graph(node)


ANGLES = "You are angles around <question> in {{this}}."


@form("You are angles")
def custom_placeholder(echo: Any) -> Any:
    def node(state: State) -> None:
        echo.invoke([SystemMessage(ANGLES.replace("<question>", state["question"]))])

    return graph(node)


NAMED = "You are percent for %(question)s, all 100%% of it."


@form("You are percent", "You are positional")
def percent(echo: Any) -> Any:
    def node(state: State) -> None:
        echo.invoke([SystemMessage(NAMED % {"question": state["question"]})])
        echo.invoke([SystemMessage("You are positional: %s and %d." % (state["question"], 3))])  # noqa: UP031

    return graph(node)


DEDENTED = textwrap.dedent("""\
    You are dedented at import.
      And indented.
    """).strip()


@form("You are dedented at import", "You are dedented on every")
def dedented(echo: Any) -> Any:
    def node(state: State) -> None:
        prompt = textwrap.dedent(
            """
            You are dedented on every run.
            Twice.
            """
        )
        echo.invoke([SystemMessage(DEDENTED), HumanMessage(prompt)])

    return graph(node)


LINES = ["You are joined from here,", "You are joined to this."]


@form("You are joined from", "You are joined to", "You are a local line", "You are another local")
def joined(echo: Any) -> Any:
    def node(state: State) -> None:
        lines = ["You are a local line."]
        lines.append(f"You are another local line for {state['question']}.")
        echo.invoke([SystemMessage("\n".join(LINES)), HumanMessage("\n".join(line for line in lines))])

    return graph(node)


class Prompts:
    SYSTEM = "You are a class attribute."
    UNUSED = "You are an attribute that nobody names."

    @property
    def user(self) -> str:
        return "You are a property of a class."

    @classmethod
    def made(cls) -> str:
        return f"{cls.SYSTEM} You are made by a class method."


@form("You are a class attribute", "You are a property", "{SYSTEM} You are made")
def class_members(echo: Any) -> Any:
    prompts = Prompts()

    def node(state: State) -> None:
        echo.invoke([SystemMessage(Prompts.SYSTEM), HumanMessage(prompts.user), HumanMessage(Prompts.made())])

    return graph(node)


@dataclass(frozen=True, slots=True)
class Frozen:
    system: str = "You are a frozen field with slots."
    rules: tuple[str, ...] = ("You are in a tuple of rules.",)
    lines: list[str] = field(default_factory=lambda: ["You are made by a factory."])


class Config(BaseModel):
    model_config = ConfigDict(frozen=True)

    system: str = "You are frozen by pydantic."
    human: str = Field(default="You are in a field of pydantic.")


@form("You are a frozen field", "You are in a tuple", "You are made by a factory")
def frozen_dataclass(echo: Any) -> Any:
    held = Frozen()
    return graph(lambda _: echo.invoke([SystemMessage(held.system), *held.rules, *held.lines]) and {})


@form("You are frozen by pydantic", "You are in a field of")
def frozen_pydantic(echo: Any) -> Any:
    held = Config()
    return graph(lambda _: echo.invoke([SystemMessage(held.system), HumanMessage(Config().human)]) and {})


@functools.lru_cache(maxsize=4)
def cached(style: str) -> str:
    return f"You are cached in {style}."


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@logged
def decorated(style: str, *, ending: str = "You are a default of a helper.") -> list[BaseMessage]:
    return [SystemMessage(f"You are decorated, {style}."), HumanMessage(ending)]


@form("You are cached", "You are decorated", "You are a default of a helper")
def helpers(echo: Any) -> Any:
    @logged
    def node(state: State) -> None:
        echo.invoke([SystemMessage(cached("prose")), *decorated("verse")])

    return graph(node)


STAFF = {"planner": "Call the planner if the user wants another plan."}
SECTIONS = {"closer": {"when": "Call the closer once the user has chosen a plan."}}
RULES = ["Never call the teller before the user has asked."]
OTHERS = {"dates": "Always ask the keeper of dates before you answer."}
ROUTES = PromptTemplate.from_template("You route by {staff} for {question}.")


class Router:
    STAFF: ClassVar = {"class": "Call the member of a class if no other can help."}

    def __init__(self, echo: Any) -> None:
        self.model = echo
        self.routes = ROUTES

    def __call__(self, state: State) -> None:
        (self.routes.partial(staff=self.STAFF) | self.model).invoke({"question": state["question"]})


@form("Call the planner", "Call the closer", "Never call the teller", "Always ask the keeper", "Call the member")
def whole_containers(echo: Any) -> Any:
    def node(state: State) -> None:
        chain = ROUTES.partial(staff=STAFF) | echo
        chain.invoke({"question": state["question"]})
        echo.invoke(ROUTES.format_prompt(staff=json.dumps(SECTIONS), **state))
        chat = ChatPromptTemplate.from_messages([("system", "You chat by {rules}."), ("human", "{question}")])
        rules = {"rules": RULES}
        (chat.partial(**rules) | echo).invoke({"question": state["question"]})
        made = PromptTemplate(
            template="You keep {others} for {question}.",
            input_variables=["question"],
            partial_variables={"others": OTHERS},
        )
        (made | echo).invoke({"question": state["question"]})

    return graph(node, Router(echo))


PROMPTS = {"plan": {"system": "You are loaded by a helper."}, "spare": {"system": "You are never loaded by name."}}


def load(name: str, role: str = "system") -> str:
    return PROMPTS[name][role].strip()


@contextmanager
def managed(style: str) -> Iterator[str]:
    yield f"You are managed in {style}."


@form("You are managed")
def wrapped_by_a_library(echo: Any) -> Any:
    def node(state: State) -> None:
        with managed("peace") as prompt:
            echo.invoke([SystemMessage(prompt)])

    return graph(node)


@form("You are loaded by a helper")
def loaded(echo: Any) -> Any:
    return graph(lambda _: echo.invoke([SystemMessage(load("plan"))]) and {})


FEW = FewShotPromptTemplate(
    examples=[{"q": "one", "a": "1"}],
    example_prompt=PromptTemplate.from_template("You are an example: {q} is {a}."),
    prefix="You are a prefix.",
    suffix="You are a suffix to {question}.",
    input_variables=["question"],
)
CHAT_FEW = ChatPromptTemplate.from_messages(
    [
        ("system", "You are before the shots."),
        FewShotChatMessagePromptTemplate(
            examples=[{"q": "one", "a": "1"}],
            example_prompt=ChatPromptTemplate.from_messages([("human", "You are asked {q}."), ("ai", "{a}")]),
        ),
        ("human", "{question}"),
    ]
)


@form("You are an example", "You are a prefix", "You are a suffix", "You are before the shots", "You are asked")
def few_shots(echo: Any) -> Any:
    return graph(FEW | echo | (lambda _: {}), CHAT_FEW | echo | (lambda _: {}))


CHAT = ChatPromptTemplate(
    [
        SystemMessagePromptTemplate.from_template("You are made by a message template of {style}."),
        {"role": "system", "content": "You are a dict in a template."},
        MessagesPlaceholder("history", optional=True),
        SystemMessage("You are a message in a template."),
        HumanMessagePromptTemplate.from_template("You are asked, {question}?"),
    ]
).partial(style="You are a partial of words.")


@form(
    "You are made by a message template",
    "You are a dict in a template",
    "You are a message in a template",
    "You are asked,",
    "You are a partial of words",
    "You are in the history",
)
def chat_template(echo: Any) -> Any:
    history = [("human", "You are in the history.")]
    return graph(
        RunnableLambda(lambda s: {"question": s["question"], "history": history}) | CHAT | echo | (lambda _: {})
    )


@form("You are a pair in a list", "You are a dict in a list", "You are a block of text")
def pairs_and_dicts(echo: Any) -> Any:
    def node(state: State) -> None:
        messages = [("system", "You are a pair in a list."), {"role": "user", "content": "You are a dict in a list."}]
        echo.invoke(messages)
        echo.invoke([SystemMessage(content=[{"type": "text", "text": "You are a block of text."}])])

    return graph(node)


@form("You are made in the node of {question}", "You are jinja")
def templates_in_nodes(echo: Any) -> Any:
    def node(state: State) -> None:
        prompt = ChatPromptTemplate.from_messages([("system", "You are made in the node of {question}.")])
        (prompt | echo).invoke({"question": state["question"]})
        echo.invoke([SystemMessage(Template("You are jinja for {{ question }}.").render(question=state["question"]))])

    return graph(node)


@form("You are retried", "You are fallen back to", "You are one branch", "You are configured", "You are an alternative")
def around(echo: Any) -> Any:
    made = {n: ChatPromptTemplate.from_messages([("system", f"You are {n} here.")]) for n in ("alternative", "x")}
    del made["x"]
    retried = ChatPromptTemplate.from_messages([("system", "You are retried.")])
    fallen = ChatPromptTemplate.from_messages([("system", "You are fallen back to.")])
    branch = ChatPromptTemplate.from_messages([("system", "You are one branch.")])
    configured = ChatPromptTemplate.from_messages([("system", "You are configured.")])
    other = ChatPromptTemplate.from_messages([("system", "You are an alternative.")])

    def fails(state: Any) -> Any:
        raise ValueError

    picked = configured.configurable_alternatives(ConfigurableField(id="p"), other=other)
    return graph(
        (retried | echo).with_retry() | (lambda _: {}),
        RunnableLambda(fails).with_fallbacks([fallen | echo | (lambda _: {})]),
        RunnableBranch((lambda s: bool(s), branch | echo | (lambda _: {})), RunnablePassthrough()),
        picked | echo | (lambda _: {}),
        picked.with_config(configurable={"p": "other"}) | echo | (lambda _: {}),
    )


@before_model
def reminded(state: Any, runtime: Any) -> dict[str, Any]:
    return {"messages": [HumanMessage("You are put before the model.")]}


@wrap_model_call
def wrapped(request: Any, handler: Any) -> Any:
    prompt = f"{request.system_prompt} You are wrapped around."
    return handler(request.override(system_message=SystemMessage(prompt)))


class Manners(AgentMiddleware):
    manners = "You are the manners of a middleware."

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(request.override(system_message=SystemMessage(self.manners)))


@dynamic_prompt
def by_the_request(request: Any) -> str:
    return f"You are dynamic for {len(request.messages)}."


@form("You are an agent with middleware", "You are put before", "{system_prompt} You are wrapped")
def middleware_functions(echo: Any) -> Any:
    return create_agent(echo, [], system_prompt="You are an agent with middleware.", middleware=[reminded, wrapped])


@form("You are the manners")
def middleware_class(echo: Any) -> Any:
    return create_agent(echo, [], middleware=[Manners()])


@form("You are dynamic")
def middleware_prompt(echo: Any) -> Any:
    return create_agent(echo, [], middleware=[by_the_request])


@form("You are to summarize", "You are to keep a list")
def ready_middleware(echo: Any) -> Any:
    summary = SummarizationMiddleware(
        echo, trigger=("messages", 1), keep=("messages", 1), summary_prompt="You are to summarize {messages}."
    )
    return create_agent(echo, [], middleware=[summary, TodoListMiddleware(system_prompt="You are to keep a list.")])


@form("You are called in a tool", "You are a helper of a tool")
def graph_in_a_tool(echo: Any) -> Any:
    inner = create_agent(echo, [], system_prompt="You are called in a tool.")

    @tool
    def ask(question: str) -> str:
        """Ask somebody else."""
        echo.invoke([SystemMessage("You are a helper of a tool.")])
        return str(inner.invoke({"messages": [("user", question)]})["messages"][-1].content)

    return graph(lambda s: ask.invoke({"question": s["question"]}) and {})


@form("You are compiled in a method", "You are called in a closure")
def graph_in_a_closure(echo: Any) -> Any:
    class Team:
        def __init__(self) -> None:
            self.member = graph(lambda _: echo.invoke([SystemMessage("You are compiled in a method.")]) and {})

        def run(self, state: State) -> Any:
            return self.member.invoke({"question": state["question"]})

    def make(inner: Any) -> Any:
        return lambda s: inner.invoke({"question": s["question"]})

    return graph(Team().run, make(graph(lambda _: echo.invoke([SystemMessage("You are called in a closure.")]) and {})))


@form("You are sent from a router", "You are carried by a command")
def sent(echo: Any) -> Any:
    def route(state: State) -> list[Send]:
        return [Send("work", {"prompt": f"You are sent from a router of {state['question']}."})]

    def work(state: State) -> Command[str]:
        echo.invoke([SystemMessage(state["prompt"])])
        return Command(goto="end", update={"prompt": "You are carried by a command."})

    def end(state: State) -> None:
        echo.invoke([SystemMessage(state["prompt"])])

    builder = StateGraph(State)
    builder.add_node("work", work, destinations=("end",))
    builder.add_node("end", end)
    builder.add_conditional_edges(START, route, ["work"])
    builder.add_edge("end", END)
    return builder.compile()


@form("You are an entrypoint", "You are a task")
def functional(echo: Any) -> Any:
    @task
    def write(question: str) -> str:
        return str(echo.invoke([SystemMessage(f"You are a task for {question}.")]).content)

    @entrypoint()
    def flow(inputs: dict[str, Any]) -> str:
        echo.invoke([SystemMessage("You are an entrypoint.")])
        return write(inputs["question"]).result()

    return flow


@form("You are seeded into messages")
def seeded(echo: Any) -> Any:
    def first(state: Any) -> Any:
        return {"messages": [SystemMessage("You are seeded into messages.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("first", first)
    builder.add_node("second", lambda s: {"messages": [echo.invoke(s["messages"])]})
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    return builder.compile()


def heard(echo: Any, compiled: Any) -> str:
    echo.calls.clear()
    compiled.invoke({"question": "why", "messages": [("user", "hello"), ("user", "again")]})
    return str(echo.heard())


def marked(module: Module, mark: str) -> str:
    """A text of the module's placeholders, and a mark."""
    wraps = {"plain": "{}", "format": "{{{}}}", "fstring": "{{{}}}"}
    return " ".join([mark, *(wraps.get(module.style, "{{{{{}}}}}").format(name) for name in module.placeholders)])


@pytest.mark.parametrize(("make", "begins"), FORMS)
def test_a_text_is_found_at_home_and_bound_in_copies_only(make: Form, begins: tuple[str, ...], echo: Any) -> None:
    """Each text is one module that is on, with a node, in its line of this file; its mark arrives in the copy alone."""
    compiled = make(echo)
    before = heard(echo, compiled)
    found = survey(compiled, kinds=("prompt",))
    on = [module for module in found.modules if module.on]
    mine = {begin: [m for m in on if m.text.strip().startswith(begin)] for begin in begins}
    assert {begin: len(modules) for begin, modules in mine.items()} == dict.fromkeys(begins, 1)
    assert [m.text for m in on if "nobody" in m.text or "never" in m.text] == []
    with at_home() as lines:
        for begin, (module,) in mine.items():
            assert module.nodes
            assert begin.split("} ")[-1] in lines[(module.line or 0) - 1] + lines[module.line or 0]
    marks = {module.name: f"MARK-{i}." for i, (module,) in enumerate(mine.values())}
    bound = found.bind({module.name: marked(module, marks[module.name]) for (module,) in mine.values()})
    after = heard(echo, bound)
    assert [name for name, mark in marks.items() if mark not in after] == []
    assert heard(echo, compiled) == before


@contextmanager
def at_home() -> Iterator[list[str]]:
    yield [*Path(__file__).read_text().splitlines(), ""]
