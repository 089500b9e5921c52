from __future__ import annotations

import asyncio
import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import dynamic_prompt
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.prebuilt import create_react_agent
from langgraph.runtime import Runtime
from langgraph.types import CachePolicy, RetryPolicy
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_handoff_tool, create_swarm
from pydantic import BaseModel
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.survey import bind, discover, survey
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import GraphError, PlaceholderError

CONSTANT = "You are a constant."
FORMAT = "Format {question} for me."
MESSAGE = SystemMessage("You are a message.")
TEMPLATE = ChatPromptTemplate.from_messages([("system", "You speak {language}."), ("human", "{question}")])
Node = Callable[[Any], Any]


class State(TypedDict, total=False):
    question: str
    answer: str
    steps: RemainingSteps
    seen: Annotated[list[str], add]


def chain(*nodes: Any, context: type | None = None) -> Any:
    builder = StateGraph(State, context_schema=context)
    previous = START
    for i, node in enumerate(nodes):
        builder.add_node(f"node{i}", node)
        builder.add_edge(previous, f"node{i}")
        previous = f"node{i}"
    return builder.compile()


def marked(module: Module, mark: str) -> str:
    left, right = ("{{", "}}") if module.style in ("mustache", "jinja2") else ("{", "}")
    return " ".join([mark, *(f"{left}{name}{right}" for name in module.placeholders)])


def heard(echo: Any, graph: Any, **options: Any) -> str:
    """What the model was told in one run: messages and tools."""
    echo.calls.clear()
    asyncio.run(graph.ainvoke({"question": "why", "messages": [("user", "hello")]}, **options))
    return echo.heard() + str([kwargs for _, kwargs in echo.calls])


@dataclass
class Settings:
    system_prompt: str = "You are a default."
    rules: list[str] = field(default_factory=lambda: ["You are made by a factory."])


@dataclass(frozen=True, slots=True)
class Frozen:
    prompt: str = "You are frozen."


class Model(BaseModel):
    system_prompt: str = "You are a pydantic default."


class Agent:
    persona = "You are a class attribute."

    def __init__(self, echo: Any) -> None:
        self.echo = echo
        self.prompt = "You are an attribute."
        self.chain = TEMPLATE | echo | StrOutputParser()

    def method(self, state: State) -> None:
        self.echo.invoke([SystemMessage(self.prompt)])

    def __call__(self, state: State) -> None:
        self.echo.invoke([SystemMessage(self.persona)])

    def run(self, state: State) -> State:
        return {"answer": self.chain.invoke({"language": "Latin", "question": state["question"]})}

    @property
    def words(self) -> str:
        return "You are a property."

    @functools.cached_property
    def more(self) -> str:
        return f"You are cached for {len(self.prompt)}."

    @staticmethod
    def shout(text: str) -> str:
        return f"{text.upper()} You are static."

    def by_property(self, state: State) -> None:
        self.echo.invoke([SystemMessage(self.words), SystemMessage(self.more), SystemMessage(self.shout("hey"))])


@functools.lru_cache
def cached_prompt(name: str) -> str:
    return f"You are cached under {name}."


def decorated(function: Node) -> Node:
    @functools.wraps(function)
    def wrapper(state: Any) -> Any:
        return function(state)

    return wrapper


@tool
def search(query: str) -> str:
    """Search the shop."""
    return query


def lookup(order: str) -> str:
    """Look an order up."""
    return order


def constant(echo: Any) -> Any:
    return lambda _: echo.invoke([SystemMessage(CONSTANT)]) and {}


def asynchronous(echo: Any) -> Any:
    async def node(state: State) -> None:
        await echo.ainvoke([("system", FORMAT.format(question=state["question"]))])

    return node


def fstring(echo: Any) -> Any:
    def node(state: State) -> None:
        tone = "dry"
        prompt = f"""Be {tone!r} on {state["question"]:>5}
            {{and so on}}."""
        echo.invoke(prompt)

    return node


def addition(echo: Any) -> Any:
    def node(state: State) -> None:
        echo.invoke("Answer this: " + state["question"] + "\nBe brief.")

    return node


def partial(echo: Any) -> Any:
    def node(state: State, instruction: str) -> None:
        echo.invoke([HumanMessage(instruction)])

    return functools.partial(node, instruction="Do as a partial does.")


def lcel(echo: Any) -> Any:
    return RunnableLambda(lambda s: {"language": "x", "question": s["question"]}) | TEMPLATE | echo | (lambda _: {})


def message(echo: Any) -> Any:
    return lambda state: echo.invoke([MESSAGE, HumanMessage(state["question"])]) and {}


def wrapped(echo: Any) -> Any:
    return decorated(lambda _: echo.invoke([SystemMessage("You are decorated.")]) and {})


def memoised(echo: Any) -> Any:
    return lambda _: echo.invoke([SystemMessage(cached_prompt("it"))]) and {}


def subgraph(echo: Any) -> Any:
    return chain(lambda _: echo.invoke([SystemMessage("You are within.")]) and {})


def called_subgraph(echo: Any) -> Any:
    inner = subgraph(echo)

    def node(state: State) -> Any:
        return inner.invoke({"question": state["question"]})

    return node


def bound_tools(echo: Any) -> Any:
    model = echo.bind_tools([search])
    return lambda state: model.invoke(state["question"]) and {}


def described_by_docstring(echo: Any) -> Any:
    return lambda state: echo.bind_tools([lookup]).invoke(state["question"]) and {}


def frozen(echo: Any) -> Any:
    settings = Frozen()
    return lambda _: echo.invoke([SystemMessage(settings.prompt)]) and {}


def constructed(echo: Any) -> Any:
    return lambda _: echo.invoke([SystemMessage(Settings().system_prompt), *Settings().rules]) and {}


def validated(echo: Any) -> Any:
    return lambda _: echo.invoke([SystemMessage(Model().system_prompt)]) and {}


def method(echo: Any) -> Any:
    return Agent(echo).method


def callable_object(echo: Any) -> Any:
    return Agent(echo)


def chain_on_instance(echo: Any) -> Any:
    return Agent(echo).run


def members(echo: Any) -> Any:
    return Agent(echo).by_property


def filled_twice(echo: Any) -> Any:
    return lambda state: echo.invoke(f"Say {{{state['question']}}} to them".format(why="it")) and {}


FORMS = [
    constant,
    asynchronous,
    fstring,
    addition,
    partial,
    lcel,
    message,
    wrapped,
    memoised,
    subgraph,
    called_subgraph,
    bound_tools,
    described_by_docstring,
    frozen,
    constructed,
    validated,
    method,
    callable_object,
    chain_on_instance,
    members,
]


@pytest.mark.parametrize("form", FORMS)
def test_every_text_arrives_in_the_copy_and_never_in_the_original(form: Callable[[Any], Any], echo: Any) -> None:
    """The model hears the marker bound into each module and no old text; the original says what it said."""
    graph = chain(form(echo))
    before = heard(echo, graph)
    found = survey(graph)
    used = [m for m in found.modules if m.evidence == "flows"]
    assert used
    marks = {m.name: f"MARK-{i}." for i, m in enumerate(used)}
    bound = found.bind({m.name: marked(m, marks[m.name]) for m in used})
    after = heard(echo, bound)
    assert [mark for mark in marks.values() if mark not in after] == []
    assert "You are" not in after
    assert heard(echo, graph) == before


def test_binding_keeps_values_where_the_text_moves_them(echo: Any) -> None:
    """Placeholders of an f-string may move and repeat; conversion, format and value stay with them."""
    graph = chain(fstring(echo))
    (module,) = discover(graph)
    assert "Second:   why first 'dry' 'dry' {x}" in heard(
        echo, bind(graph, {module.name: "Second: {question} first {tone} {tone} {{x}}"})
    )


def test_a_text_bound_to_itself_changes_nothing(echo: Any) -> None:
    """Binding the texts that are there gives the same calls."""
    graph = chain(*(form(echo) for form in FORMS))
    found = survey(graph)
    assert heard(echo, found.bind({m.name: m.text for m in found.modules})) == heard(echo, graph)


def test_routers_prompts_are_modules_of_the_node_they_follow(echo: Any) -> None:
    """A router that asks a model is bound like a node, at the entry as well."""

    def enter(state: State) -> str:
        echo.invoke([SystemMessage("Choose where to begin.")])
        return "work"

    def leave(state: State) -> str:
        echo.invoke([SystemMessage("Choose where to go.")])
        return END

    builder = StateGraph(State)
    builder.add_node("work", lambda _: {"answer": "x"})
    builder.add_conditional_edges(START, enter, ["work"])
    builder.add_conditional_edges("work", leave, [END])
    found = survey(builder)
    assert [(m.name, m.nodes) for m in found.modules] == [("enter", ("__start__",)), ("work", ("work",))]
    assert "Begin. Go." in heard(echo, found.bind({"enter": "Begin.", "work": "Go."})).replace("\n", " ")


def test_defaults_of_the_context_schema_are_bound(echo: Any) -> None:
    """A run that leaves the prompt to the context's default gets the bound one."""

    def node(state: State, runtime: Runtime[Settings]) -> None:
        echo.invoke([SystemMessage(runtime.context.system_prompt)])

    graph = chain(node, context=Settings)
    bound = bind(graph, {"system_prompt": "You are another."})
    assert "You are another." in heard(echo, bound, context={})
    assert "You are a default." in heard(echo, graph, context={})
    assert Settings().system_prompt == "You are a default."


def dynamic(state: Any) -> list[BaseMessage]:
    return [SystemMessage("You are made by a function."), *state["messages"]]


@dynamic_prompt
def middleware_prompt(request: Any) -> str:
    return "You are made by middleware."


AGENTS: list[Callable[[Any], Any]] = [
    lambda echo: create_agent(echo, [search], system_prompt="You are an agent."),
    lambda echo: create_agent(echo, [search, lookup], system_prompt=SystemMessage("You are an agent's message.")),
    lambda echo: create_agent(echo, [search], middleware=[middleware_prompt]),
    lambda echo: create_react_agent(echo, [search, lookup], prompt="You are an agent."),
    lambda echo: create_react_agent(echo, [search], prompt=MESSAGE),
    lambda echo: create_react_agent(echo, [search], prompt=dynamic),
    lambda echo: create_react_agent(
        lambda _state, _runtime: echo.bind_tools([search]), [search], prompt="You are asked."
    ),
]


@pytest.mark.parametrize("make", AGENTS)
@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_prebuilt_agents_give_up_their_prompt_and_tools(make: Callable[[Any], Any], echo: Any) -> None:
    """The prompt and every tool's description of a prebuilt agent are bound, sync and async."""
    graph = make(echo)
    found = survey(graph)
    assert sorted({m.kind for m in found.modules}) == ["prompt", "tool"]
    bound = found.bind({m.name: f"MARK-{i}." for i, m in enumerate(found.modules)})
    assert all(f"MARK-{i}." in heard(echo, bound) for i in range(len(found.modules)))
    echo.calls.clear()
    bound.invoke({"messages": [("user", "hello")]})
    assert all(f"MARK-{i}." in echo.heard() + str(echo.told()) for i in range(len(found.modules)))
    assert "MARK" not in heard(echo, graph)


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_supervisor_and_swarm_are_bound_with_their_agents(echo: Any) -> None:
    """Sub-agents that a framework's own node functions call are found in their closures."""

    def handing_over(messages: list[BaseMessage]) -> AIMessage:
        if messages[0].content == "FIRST" and messages[-1].type != "tool":
            return AIMessage("", tool_calls=[{"id": "1", "name": "transfer_to_poet", "args": {}}])
        return AIMessage("done")

    echo.reply = handing_over
    poet = create_react_agent(echo, [], prompt="You write poems.", name="poet")
    team = create_supervisor([poet], model=echo, prompt="You supervise.").compile()
    assert {m.name: m.nodes for m in discover(team)} == {
        "supervisor": ("supervisor/agent",),
        "tool:transfer_to_poet": ("supervisor/agent",),
        "poet": ("poet/agent",),
    }
    assert "SECOND" in heard(echo, bind(team, {"supervisor": "FIRST", "poet": "SECOND"}))

    poet = create_agent(echo, [create_handoff_tool(agent_name="clerk")], system_prompt="You write poems.", name="poet")
    clerk = create_agent(echo, [create_handoff_tool(agent_name="poet")], system_prompt="You file.", name="clerk")
    swarm = create_swarm([poet, clerk], default_active_agent="clerk").compile()
    assert "SECOND" in heard(echo, bind(swarm, {"clerk": "FIRST", "poet": "SECOND"}))


def test_the_functional_api_is_bound(echo: Any) -> None:
    """Entrypoints and their tasks have modules at their nodes."""

    @task
    def write(question: str) -> str:
        return str(echo.invoke([SystemMessage("You are a task.")]).content)

    @entrypoint()
    def flow(inputs: dict[str, Any]) -> str:
        echo.invoke([SystemMessage("You are an entrypoint.")])
        return write(inputs["question"]).result()

    found = survey(flow)
    assert {m.name: m.nodes for m in found.modules} == {"flow": ("flow",), "write": ("flow/write",)}
    bound = found.bind({"flow": "ONE", "write": "TWO"})
    assert bound.invoke({"question": "why"}) == "TWO"
    assert flow.invoke({"question": "why"}) == "You are a task."


def test_a_bound_graph_differs_in_nothing_but_texts(echo: Any) -> None:
    """Schemas, edges, policies, interrupts, names, config and stores of the copy are the original's."""

    def route(state: State) -> typing.Literal["second", "__end__"]:
        return "second"

    builder = StateGraph(State, context_schema=Settings, input_schema=State, output_schema=State)
    retry, cache = RetryPolicy(max_attempts=7), CachePolicy(ttl=3)
    builder.add_node("first", constant(echo), retry_policy=retry, cache_policy=cache, metadata={"a": 1})
    builder.add_node("second", addition(echo), defer=True)
    builder.add_edge(START, "first")
    builder.add_conditional_edges("first", route)
    saver = InMemorySaver()
    graph = builder.compile(checkpointer=saver, interrupt_before=["second"], interrupt_after=["first"], name="shop")
    graph = graph.with_config(recursion_limit=9, tags=["x"])
    bound = bind(graph, {"constant": "New."})

    assert type(bound) is type(graph)
    changed = {k for k in vars(graph) if vars(bound)[k] is not vars(graph)[k]}
    assert changed == {"nodes", "builder"}
    assert vars(bound).keys() == vars(graph).keys()
    assert bound.get_graph().draw_mermaid() == graph.get_graph().draw_mermaid()
    assert bound.get_input_jsonschema() == graph.get_input_jsonschema()
    assert bound.get_context_jsonschema() == graph.get_context_jsonschema()
    assert (bound.config, bound.name, bound.checkpointer) == (graph.config, "shop", saver)
    for name, node in graph.nodes.items():
        other = vars(bound.nodes[name])
        same = {k for k in vars(node) if k in other and other[k] is vars(node)[k]}
        assert set(vars(node)) - same - {"node", "flat_writers", "input_cache_key"} <= {"bound", "writers"}
    assert bound.builder.nodes["first"].retry_policy is retry
    assert bound.builder.nodes["second"] is graph.builder.nodes["second"]

    thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
    bound.invoke({"question": "why"}, thread)
    assert bound.get_state(thread).next == ("second",)


def test_a_rebuilt_function_looks_like_the_old_one(echo: Any) -> None:
    """Signature, type hints, names, docstring, defaults and line numbers hold in the copy."""

    def node(state: State, *, tone: str = "x", config: RunnableConfig) -> State:
        """What it does."""
        echo.invoke(f"Answer {state['question']}.")
        return {"answer": tone}

    graph = chain(node)
    copy = bind(graph, {"node0": "Reply {question}."}).nodes["node0"].bound.func
    assert copy is not node
    assert inspect.signature(copy) == inspect.signature(node)
    assert typing.get_type_hints(copy) == typing.get_type_hints(node)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__kwdefaults__", "__annotations__"):
        assert getattr(copy, name) == getattr(node, name)
    assert copy.__code__.co_qualname == node.__code__.co_qualname
    assert copy.__code__.co_filename == node.__code__.co_filename
    lines = [{line for _, _, line in code.co_lines()} for code in (copy.__code__, node.__code__)]
    assert lines[0] == lines[1]


def test_what_was_shared_stays_shared_and_circles_end(echo: Any) -> None:
    """Two closures over one variable share its copy; objects that hold each other are copied once."""
    notes: list[str] = ["Remember this."]
    holder: dict[str, Any] = {"notes": notes}
    holder["self"] = holder

    def write(state: State) -> None:
        holder["self"]["notes"].append("Remember that.")

    def read(state: State) -> None:
        echo.invoke([SystemMessage(note) for note in notes] + [SystemMessage(n) for n in holder["notes"]])

    graph = chain(write, read)
    name = next(m.name for m in discover(graph) if m.text == "Remember this.")
    bound = bind(graph, {name: "New note."})
    said = heard(echo, bound)
    assert said.count("New note.") == said.count("Remember that.") == 2
    assert notes == ["Remember this."]


def test_two_bound_graphs_run_at_once_with_their_own_texts(echo: Any) -> None:
    """Runs of different candidates in one process, each waiting for the other, never see the other's texts."""

    async def both() -> list[Any]:
        meet = asyncio.Barrier(2)

        async def node(state: State) -> State:
            await meet.wait()
            first = await echo.ainvoke([SystemMessage(CONSTANT)])
            await meet.wait()
            second = await echo.ainvoke([SystemMessage(f"Say {state['question']}.")])
            return {"answer": f"{first.content}|{second.content}"}

        graph = chain(node)
        found = survey(graph)
        one = found.bind({"constant": "ONE", "node0": "one {question}"})
        two = found.bind({"constant": "TWO", "node0": "two {question}"})
        pairs = [asyncio.gather(one.ainvoke({"question": "a"}), two.ainvoke({"question": "b"})) for _ in range(1)]
        return [answer["answer"] for pair in pairs for answer in await pair]

    assert asyncio.run(both()) == ["ONE|one a", "TWO|two b"]


def test_binding_twice_adds_up(echo: Any) -> None:
    """A bound graph has the same modules with its own texts, and can be bound again, with_config or not."""
    graph = chain(constant(echo), addition(echo))
    once = bind(graph, {"constant": "ONE"})
    assert {m.name: m.text for m in discover(once)}["constant"] == "ONE"
    twice = bind(once.with_config(tags=["t"]), {"node1": "TWO {question}"})
    said = heard(echo, twice)
    assert "ONE" in said
    assert "TWO why" in said
    assert heard(echo, bind(twice, {"constant": CONSTANT})).startswith(CONSTANT)
    assert [m.name for m in discover(twice)] == [m.name for m in discover(graph)]


def test_a_bound_graph_can_be_a_node_of_another_graph(echo: Any) -> None:
    """Code that was compiled anew is still read: a bound graph inside a new one can be bound there."""
    inner = bind(chain(addition(echo)), {"node0": "Reply {question}."})
    outer = chain(inner)
    (module,) = discover(outer)
    assert (module.text, module.nodes) == ("Reply {question}.", ("node0/node0",))
    assert "Again why" in heard(echo, bind(outer, {module.name: "Again {question}"}))


def test_wrong_names_and_broken_texts_are_refused(echo: Any) -> None:
    """The error names the close matches, the lost placeholder, or why a text cannot be replaced."""
    graph = chain(constant(echo), asynchronous(echo), filled_twice(echo))
    found = survey(graph)
    with pytest.raises(GraphError, match="did you mean constant"):
        found.bind({"constnat": "x"})
    with pytest.raises(PlaceholderError, match=r"format: the text loses the placeholder \{question\}"):
        found.bind({"format": "no placeholder"})
    assert found.check("format", "{question} and {more}") is not None
    assert found.check("constant", "any {braces} {") is None
    with pytest.raises(GraphError, match="cannot be replaced: an f-string that is filled again"):
        found.bind({"node2": "x"})
    with pytest.raises(GraphError, match="the text of 'constant' is of type dict; give the text itself"):
        found.bind({"constant": {"text": "x"}})  # type: ignore[dict-item]


def test_an_f_string_that_is_filled_again_keeps_both_kinds_of_placeholders(echo: Any) -> None:
    """What the f-string fills and what `.format` or a template fills later are told apart, and both arrive."""

    def greet(state: State) -> Any:
        text = f"You greet {state['question']} at {{hour}} o'clock."
        template = ChatPromptTemplate.from_template(f"Ask {state['question']} for {{{{}}}} the {{thing}}.")
        echo.invoke(text.format(hour=8))
        return (template | echo).invoke({"thing": "way"}) and {}

    graph = chain(greet)
    found = survey(graph)
    first, second = found.modules
    assert (first.text, first.placeholders) == ("You greet {question} at {{hour}} o'clock.", ("question", "{hour}"))
    assert (second.on, second.placeholders) == (True, ("question", "{thing}"))
    bound = found.bind({first.name: "At {{hour}}: {question}!", second.name: "{{thing}} {{{{ {question}"})
    assert "At 8: why!" in heard(echo, bound)
    assert "way { why" in heard(echo, bound)
    assert "You greet why at 8 o'clock." in heard(echo, graph)
    for text in ("At {hour}: {question}", "{question}", "{{hour}} {question} {{more}}", "{{hour}} {{question}}"):
        assert found.check(first.name, text) is not None


def test_binding_leaves_the_users_modules_alone(echo: Any) -> None:
    """No global, class or object of the user's is touched by binding and running."""
    graph = chain(*(form(echo) for form in FORMS))
    before = {name: (id(value), repr(value)) for name, value in globals().items()}
    state = {name: (id(v), repr(v)) for name, v in vars(Agent).items()}
    found = survey(graph)
    heard(echo, found.bind({m.name: marked(m, "NEW") for m in found.modules}))
    assert {name: (id(value), repr(value)) for name, value in globals().items()} == before
    assert {name: (id(v), repr(v)) for name, v in vars(Agent).items()} == state


class Carrier(TypedDict):
    echo: Any


def countdown(state: Carrier, times: int = 1) -> None:
    """Names itself, as a global."""
    if times:
        countdown(state, times - 1)
    state["echo"].invoke(f"Counted by {countdown.__name__} to {times}.")


class Named:
    __secret = "You are private."

    def node(self, state: Carrier) -> None:
        said = [Named.__secret, f"Say {type(self).__name__} once.", super().__str__()[:1]]
        state["echo"].invoke([SystemMessage(text) for text in said])


@pytest.mark.parametrize("node", [countdown, Named().node])
def test_code_that_names_itself_is_read_and_bound(node: Any, echo: Any) -> None:
    """Recursion, a class's own name, private names and super mean in the copy what they meant."""
    builder = StateGraph(Carrier)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    found = survey(builder)
    assert found.modules
    bound = found.bind({m.name: marked(m, f"MARK-{i}.") for i, m in enumerate(found.modules)})
    bound.invoke({"echo": echo})
    assert all(f"MARK-{i}." in echo.heard() for i in range(len(found.modules)))
    assert not any(m.text.split("{")[0] in echo.heard() for m in found.modules)
