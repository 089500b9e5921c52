from __future__ import annotations

import functools
import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableBranch, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from langgraph_gepa.adapter.discovery.survey import bind, discover, survey
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import Obstacle, Reason

log = logging.getLogger(__name__)


class State(TypedDict, total=False):
    question: str
    plan_prompt: str


def chain(*nodes: tuple[str, Any], context: type | None = None) -> Any:
    """A graph that runs the nodes one after the other."""
    builder = StateGraph(State, context_schema=context)
    previous = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(previous, name)
        previous = name
    return builder.compile()


def one(graph: Any) -> Module:
    (module,) = discover(graph)
    return module


WRITER_PROMPT = "Write about life."
TEMPLATE = 'Answer {question} as {{"answer": ...}}.'
TWIN_A = "The very same words."
TWIN_B = "The very same words."


def test_a_constant_is_named_after_itself_and_found_where_it_is_written(echo: Any) -> None:
    """A module constant's module has its name, file and line, and the node that uses it."""

    def writer(state: State) -> None:
        echo.invoke([SystemMessage(WRITER_PROMPT), HumanMessage(state["question"])])

    module = one(chain(("writer", writer)))
    assert (module.name, module.text, module.nodes) == ("writer_prompt", WRITER_PROMPT, ("writer",))
    assert (module.evidence, module.kind, module.style, module.on) == ("flows", "prompt", "plain", True)
    assert module.file is not None
    assert Path(module.file).read_text().splitlines()[(module.line or 0) - 1].startswith("WRITER_PROMPT")


def test_a_literal_is_named_after_its_node(echo: Any) -> None:
    """A text written inside a node's function takes the node's name."""

    def critic(state: State) -> None:
        prompt = "Find three mistakes."
        echo.invoke([SystemMessage(prompt)])

    assert one(chain(("critic", critic))).name == "critic"


def test_an_fstring_has_a_name_for_each_expression(echo: Any) -> None:
    """Expressions become short placeholders, and literal braces are doubled."""

    def writer(state: State) -> None:
        style = len(state)
        echo.invoke(f"Be {style:>3}, answer {state['question']} and {state['question']!r} in {{braces}}.")

    module = one(chain(("writer", writer)))
    assert module.style == "fstring"
    assert module.text == "Be {style}, answer {question} and {question_2} in {{braces}}."
    assert module.placeholders == ("style", "question", "question_2")


def test_a_chain_of_additions_is_one_text(echo: Any) -> None:
    """`"a" + x + "b"` is a template with a placeholder, not two texts."""

    def writer(state: State) -> None:
        echo.invoke("Answer this: " + state["question"] + "\nBe brief.")

    module = one(chain(("writer", writer)))
    assert (module.text, module.placeholders) == ("Answer this: {question}\nBe brief.", ("question",))


def test_the_style_is_read_from_the_use(echo: Any) -> None:
    """A constant that is formatted is a template; the same braces in a plain one mean nothing."""
    schema = 'Answer as {"answer": 1}.'

    def formatted(state: State) -> None:
        echo.invoke([("system", TEMPLATE.format(question=state["question"]))])

    def plain(state: State) -> None:
        echo.invoke([("system", schema)])

    first, second = discover(chain(("formatted", formatted), ("plain", plain)))
    assert (first.style, first.placeholders) == ("format", ("question",))
    assert (second.style, second.placeholders) == ("plain", ())


def test_templates_keep_their_own_style(echo: Any) -> None:
    """LangChain's templates say themselves how they are filled."""
    qa = ChatPromptTemplate.from_messages([("system", "You speak {language}."), ("human", "{question}")])
    rhyme = PromptTemplate.from_template("Rhyme on {{ question }}.", template_format="jinja2")
    first, second = discover(chain(("qa", qa | echo | (lambda _: {})), ("rhyme", rhyme | echo | (lambda _: {}))))
    assert (first.style, first.placeholders) == ("format", ("language",))
    assert (second.style, second.placeholders) == ("jinja2", ("question",))


def test_texts_for_people_are_no_modules(echo: Any) -> None:
    """Errors, logs, docstrings, keys, routes and short replies are not texts that steer a model."""

    def node(state: State) -> dict[str, str]:
        """A docstring that says a lot of things about this node."""
        if "question" not in state:
            raise ValueError("The question is missing from the state, please add it")
        log.warning("this is a long line in a log about %s", state["question"])
        echo.invoke([HumanMessage(state["question"])])
        return {"question": "done"}

    def route(state: State) -> str:
        return END if state["question"] == "a question that was compared" else "node"

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_conditional_edges("node", route)
    assert discover(builder) == []


def test_a_text_not_seen_to_flow_is_possible_and_off(echo: Any) -> None:
    """A longer text that reaches no model as far as the code tells is listed, but not optimised."""

    def node(state: State) -> dict[str, str]:
        reply = "We have received your request and will answer soon."
        return {"question": reply}

    module = one(chain(("node", node)))
    assert (module.evidence, module.on) == ("possible", False)


def test_a_text_in_the_name_of_a_tool_is_possible(echo: Any) -> None:
    """It may be instructions as well as a result, so it is listed and can be bound and chosen, but is off."""

    def enter(who: str) -> Callable[..., Any]:
        def node(state: State) -> Any:
            told = ToolMessage(f"The assistant is now the {who}. Reflect on what was said above.", tool_call_id="1")
            return Command(update={"question": echo.invoke([AIMessage("Asked."), told]).text})

        return node

    graph = chain(("enter", enter("host")))
    module = one(graph)
    assert (module.text, module.evidence) == (
        "The assistant is now the {who}. Reflect on what was said above.",
        "possible",
    )
    bind(graph, {module.name: "You are the {who} now."}).invoke({"question": ""})
    assert "You are the host now." in echo.heard()


def test_values_and_keys_are_no_prompts(echo: Any) -> None:
    """A word or two in a template's input are data, and so is a key with placeholders; more words are not."""
    template = ChatPromptTemplate.from_messages([("system", "Advise {company}. {rules}"), ("user", "{path}")])
    key, rules = "reports/{company}/latest", "Name every risk that you see for {company}."

    def adviser(state: State) -> None:
        company = state.get("question", "Unknown Company")
        (template | echo).invoke(
            {"company": company, "rules": rules.format(company=company), "path": key.format(company=company)}
        )

    texts = {module.text for module in discover(chain(("adviser", adviser)))}
    assert texts == {"Advise {company}. {rules}", "Name every risk that you see for {company}."}


def test_identical_texts_in_two_places_are_two_modules(echo: Any) -> None:
    """A module is its place, not its text."""

    def node(state: State) -> None:
        echo.invoke([SystemMessage(TWIN_A)])
        echo.invoke([SystemMessage(TWIN_B)])

    assert [m.name for m in discover(chain(("node", node)))] == ["twin_a", "twin_b"]

    first = create_agent(echo, system_prompt="You are one of two.", name="first")
    second = create_agent(echo, system_prompt="You are one of two.", name="second")
    assert [m.name for m in discover(chain(("first", first), ("second", second)))] == ["first", "second"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Writes files into a project and imports its module `app`."""

    def write(**files: str) -> Any:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module("app")

    yield write
    for name in [n for n, m in sys.modules.items() if str(tmp_path) in str(getattr(m, "__file__", ""))]:
        del sys.modules[name]


def test_one_object_imported_under_two_names_is_one_module(project: Callable[..., Any], echo: Any) -> None:
    """Imports, aliases and attribute access lead to the one place where a constant is written."""
    app = project(
        texts="STYLE = 'Write like a pirate.'\n",
        app="import texts\nfrom texts import STYLE as A, STYLE as B\n"
        "def one(state): model.invoke(A)\ndef two(state): model.invoke(B)\n"
        "def three(state): model.invoke(texts.STYLE)\n",
    )
    app.model = echo
    module = one(chain(("one", app.one), ("two", app.two), ("three", app.three)))
    assert module.name == "style"
    assert module.nodes == ("one", "two", "three")
    assert str(module.file).endswith("texts.py")


def test_helpers_in_the_users_modules_are_followed(project: Callable[..., Any], echo: Any) -> None:
    """Texts flow through functions of the project, their parameters and what they return."""
    app = project(
        texts="PROMPTS = {'plan': 'Plan it well.'}\ndef load(name): return PROMPTS[name]\n",
        ask="from langchain_core.messages import SystemMessage\n"
        "def ask(model, text, ending=' Answer in French.'): return model.invoke([SystemMessage(text + ending)])\n",
        app="import texts\nfrom ask import ask\n"
        "def plan(state): ask(model, texts.load('plan'))\ndef act(state): ask(model, 'Act on it.')\n",
    )
    app.model = echo
    found = {m.name: m.text for m in discover(chain(("plan", app.plan), ("act", app.act)))}
    assert found == {"prompts.plan": "Plan it well.", "ending": " Answer in French.", "act": "Act on it."}


TEXTS = {
    "plan": "Plan it in steps.",
    "critic": "Nobody asks for this text.",
    "ends": {"short": "Be brief.", "long": "Say all."},
}
PAIRS = [("first", "You come first."), ("second", "You come second.")]


def test_an_item_is_used_under_its_own_key(echo: Any) -> None:
    """Of a mapping only the items that code asks for flow; a key that is computed asks for all of them."""

    def node(state: State) -> None:
        local = {"used": "You are used here.", "spare": "You are kept for later."}
        echo.invoke([SystemMessage(TEXTS["plan"]), HumanMessage(TEXTS["ends"]["short"]), SystemMessage(local["used"])])
        echo.invoke([SystemMessage(dict(local).get("used", "You stand in for it."))])

    on = {m.text for m in discover(chain(("node", node))) if m.on}
    assert on == {"Plan it in steps.", "Be brief.", "You are used here.", "You stand in for it."}

    def every(state: State) -> None:
        echo.invoke([SystemMessage(TEXTS["ends"][state["question"]])])
        for _, text in PAIRS:
            echo.invoke(text)

    on = {m.text for m in discover(chain(("every", every))) if m.on}
    assert on == {"Be brief.", "Say all.", "You come first.", "You come second."}


def test_what_one_node_puts_into_the_state_flows_to_another(echo: Any) -> None:
    """A prompt may be written in one node and reach the model in the next."""

    def first(state: State) -> State:
        return {"plan_prompt": "Plan from the state."}

    def second(state: State) -> None:
        echo.invoke(state["plan_prompt"])

    module = one(chain(("first", first), ("second", second)))
    assert (module.name, module.evidence, module.nodes) == ("first", "flows", ("first",))


class Writer:
    tone = "Write in a warm tone."

    def __init__(self, echo: Any) -> None:
        self.echo = echo
        self.rules = "Follow all the rules."

    def draft(self, state: State) -> None:
        self.echo.invoke([SystemMessage(self.tone)])

    def edit(self, state: State) -> None:
        self.echo.invoke([SystemMessage(self.rules)])


def test_methods_of_one_object_have_their_own_prompts(echo: Any) -> None:
    """Two nodes that are methods of one object use the attributes they name and no others."""
    writer = Writer(echo)
    found = discover(chain(("draft", writer.draft), ("edit", writer.edit)))
    assert {m.name: m.nodes for m in found} == {"tone": ("draft",), "rules": ("edit",)}


@dataclass
class Context:
    system_prompt: str = "You are the default."
    region: str = "somewhere in the north of Europe"


def test_defaults_of_a_context_schema_are_modules(echo: Any) -> None:
    """A default that a node reads as its prompt is found; other fields are left alone."""

    def node(state: State, runtime: Runtime[Context]) -> None:
        echo.invoke([SystemMessage(runtime.context.system_prompt)])

    module = one(chain(("node", node), context=Context))
    assert (module.name, module.text, module.nodes) == ("system_prompt", "You are the default.", ("node",))


def test_partials_closures_and_default_arguments_carry_prompts(echo: Any) -> None:
    """Texts bound to a function's parameters and variables are found where they are held."""

    def bound(state: State, instruction: str) -> None:
        echo.invoke([HumanMessage(instruction)])

    def make(persona: str) -> Callable[[State], None]:
        def node(state: State) -> None:
            echo.invoke([{"role": "system", "content": persona}])

        return node

    def default(state: State, *, question: str = "What is missing here?") -> None:
        echo.invoke([HumanMessage(question)])

    graph = chain(
        ("bound", functools.partial(bound, instruction="Do as you are told.")),
        ("closed", make("You are a closure.")),
        ("default", default),
    )
    assert [m.name for m in discover(graph)] == ["bound", "persona", "question"]


@tool
def search(query: str) -> str:
    """Search the shop for a query."""
    return query


def lookup(order: str) -> str:
    """Look an order up."""
    return order


def test_a_tool_is_one_module_however_it_was_bound(echo: Any) -> None:
    """A tool object, its frozen copy in a bound model and a plain function are told apart by place alone."""
    bound = echo.bind_tools([search])

    def node(state: State) -> None:
        bound.invoke(state["question"])
        echo.bind_tools([search, lookup]).invoke(state["question"])

    found = {m.name: m for m in discover(chain(("node", node)))}
    assert set(found) == {"tool:search", "tool:lookup"}
    assert found["tool:search"].text == "Search the shop for a query."
    assert found["tool:lookup"].kind == "tool"
    assert not found["tool:search"].on


def test_an_agent_is_named_after_itself_and_knows_its_tools(echo: Any) -> None:
    """The prompt of a prebuilt agent has the agent's name, its model's node and the tools at hand."""
    prompt, described = discover(create_agent(echo, [search], system_prompt="Help people shop."))
    assert (prompt.name, prompt.nodes, prompt.tools) == ("agent", ("model",), ("search",))
    assert (described.name, described.nodes) == ("tool:search", ("model",))
    inner = create_agent(echo, [search], system_prompt="Help people shop more.")
    assert [m.name for m in discover(chain(("support", inner)), kinds=("prompt",))] == ["support"]
    assert discover(chain(("support", inner)), kinds=("prompt",))[0].nodes == ("support/model",)


def test_private_attributes_are_followed(echo: Any) -> None:
    """Python keeps `self.__prompt` under another name; the text in it is found and bound all the same."""

    class Prompt:
        __closing = "Close your letter with kind wishes."

        def __init__(self, prompt: str) -> None:
            self.__prompt = prompt

        @property
        def text(self) -> str:
            return f"{self.__prompt} {self.__closing}"

    opening = Prompt(" ".join(["Open", "your letter with kind words."]))
    graph = chain(("write", lambda _: echo.invoke([SystemMessage(opening.text)]) and {}))
    texts = {module.text: module.name for module in discover(graph) if module.on}
    assert {"Open your letter with kind words.", "Close your letter with kind wishes."} <= texts.keys()
    changed = {
        texts["Open your letter with kind words."]: "Open the door.",
        texts["Close your letter with kind wishes."]: "Close it.",
    }
    survey(graph).bind(changed).invoke({"question": "?"})
    assert "Open the door. Close it." in echo.heard()


def test_the_docstring_of_a_task_is_for_people(echo: Any) -> None:
    """What LangGraph's wrapper takes over from the function it wraps is no prompt."""

    @task
    def sort(prompt: str) -> str:
        """Sort the letters of the prompt by their urgency."""
        return str(echo.invoke([SystemMessage("Sort it."), HumanMessage(prompt)]).text)

    def rules(kind: Any) -> str:
        return f"Keep to what is said here: {kind.__doc__}"

    @entrypoint()
    def work(prompt: str) -> str:
        echo.invoke([SystemMessage(rules(State))])
        return sort(prompt).result()

    assert [module.text for module in discover(work) if module.on] == [
        "Keep to what is said here: {__doc__}",
        "Sort it.",
    ]


def test_what_cannot_be_replaced_is_listed_with_the_reason(echo: Any) -> None:
    """What cannot be bound is reported, never dropped."""

    def node(state: State) -> None:
        prompt = f"Answer {len(state)} times: {{{state['question']}}}"
        echo.invoke(prompt.format(why="Why?"))

    module = one(chain(("node", node)))
    assert module.reason == Reason(Obstacle.FILLED_TWICE)
    assert not module.on


def test_placeholders_of_other_kinds_stand_for_themselves(echo: Any) -> None:
    """What `%`, `string.Template` and `.replace` fill is shown as it is written, and must be kept."""

    def node(state: State) -> None:
        echo.invoke("Answer %s in %d words." % (state["question"], 9))  # noqa: UP031  # a form under test
        echo.invoke(Template("Answer $question for $$5, ${question}.").substitute(state))
        echo.invoke("Answer <question> at once.\n\n".replace("<question>", state["question"]).replace("\n\n", "\n"))

    found = survey(chain(("node", node)))
    assert [m.placeholders for m in found.modules] == [("%s", "%d"), ("$question",), ("<question>",)]
    percent, dollars, angles = (m.name for m in found.modules)
    assert found.check(percent, "In %d words, answer %s.") is not None
    assert found.check(percent, "Be 100% sure of %s in %d words.") is not None
    assert found.check(percent, "Be 100%% sure of %s in %d words.") is None
    assert found.check(dollars, "Answer ${question} for $name.") is not None
    assert found.check(dollars, "Answer ${question} for $5.") is not None
    assert found.check(dollars, "Answer ${question} for $$5.") is None
    assert found.check(angles, "Answer the question.") is not None
    assert found.check(angles, "<question>, 100% <b>sure</b> for $5.") is None


def test_modules_follow_the_graph_from_its_entry(echo: Any) -> None:
    """The order of modules is the order in which a run comes to their nodes, whatever order they were added in."""

    def make(text: str) -> Callable[[State], None]:
        return lambda _: echo.invoke([SystemMessage(text)]) and None

    builder = StateGraph(State)
    for name in ("last", "middle", "first"):
        builder.add_node(name, make(f"You are the {name}."))
    builder.add_edge(START, "first")
    builder.add_edge("first", "middle")
    builder.add_edge("middle", "last")
    assert [m.nodes[0] for m in discover(builder)] == ["first", "middle", "last"]


def test_runnables_around_a_prompt_are_looked_through(echo: Any) -> None:
    """Retries, fallbacks, branches, parallels, bindings and alternatives carry what they wrap."""
    names = ["retried", "fallen", "branched", "parallel", "picked", "alternative"]
    made = {n: ChatPromptTemplate.from_messages([("system", f"You are {n} here.")]) | echo for n in names}
    runnables = [
        made["retried"].with_retry(),
        echo.bind(stop=["x"]).with_fallbacks([made["fallen"]]),
        RunnableBranch((lambda s: bool(s), made["branched"]), RunnablePassthrough()),
        RunnableParallel(answer=made["parallel"]) | (lambda _: {}),
        RunnablePassthrough.assign(x=made["picked"]) | (lambda _: {}),
        ChatPromptTemplate.from_messages([("system", "The default speaks.")]).configurable_alternatives(
            ConfigurableField(id="p"), other=made["alternative"].first
        ),
    ]
    found = discover(chain(*((f"n{i}", runnable) for i, runnable in enumerate(runnables))))
    assert {m.text for m in found if m.on} == {f"You are {n} here." for n in names} | {"The default speaks."}


def test_long_data_is_not_searched_for_prompts(echo: Any) -> None:
    """A corpus held in a closure is data, however many sentences it has."""
    corpus = [f"Passage number {i} of a large corpus." for i in range(2000)]

    def node(state: State) -> None:
        echo.invoke([SystemMessage("Read the passages."), HumanMessage("\n".join(corpus))])

    assert one(chain(("node", node))).text == "Read the passages."


def test_a_function_without_source_is_listed_by_its_globals(echo: Any) -> None:
    """Code typed into an interpreter cannot be read: its constants are possible, and can be bound."""
    names: dict[str, Any] = {"__name__": "__main__", "PROMPT": "You are typed into a shell.", "model": echo}
    exec("def node(state): model.invoke(PROMPT)", names)  # noqa: S102  # as an interpreter does
    graph = chain(("node", names["node"]))
    module = one(graph)
    assert (module.name, module.evidence) == ("prompt", "possible")
