"""What functions write to is each graph's own: the original's, a bound graph's, a rollout's."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, StateGraph

from langgraph_gepa import Budget, Feedback, bind, discover, evaluate, optimize
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.mutable_state import known
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout, run
from langgraph_gepa.core.example import Example
from tests.adapter.conftest import EchoModel

ECHO = EchoModel()
GUIDE = "Guide people through {place}."


class State(TypedDict, total=False):
    question: str
    answer: str


def graph_of(node: Any) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node").compile()


def asking(text: Callable[[], Any]) -> Any:
    """A graph whose node asks with the chain or the text that it is given."""

    def node(state: State) -> State:
        made = text()
        if isinstance(made, str):
            return {"answer": ECHO.invoke([SystemMessage(made), HumanMessage(state["question"])]).text}
        return {"answer": made.invoke({"q": state["question"]}).text}

    return graph_of(node)


_chain: Any = None
_text: str | None = None
CHAINS: dict[str, Any] = {}


def by_global_name() -> Any:
    global _chain
    if _chain is None:
        _chain = ChatPromptTemplate.from_messages([("system", "Walk through the dunes."), ("human", "{q}")]) | ECHO
    return _chain


def filled_in() -> str:
    global _text
    if _text is None:
        _text = GUIDE.format(place="the moors")
    return _text


def in_a_dict() -> Any:
    if "chain" not in CHAINS:
        CHAINS["chain"] = ChatPromptTemplate.from_messages([("system", "Walk by the lakes."), ("human", "{q}")]) | ECHO
    return CHAINS["chain"]


class Single:
    _it: Single | None = None

    def __init__(self) -> None:
        self.chain = ChatPromptTemplate.from_messages([("system", "Walk into the city."), ("human", "{q}")]) | ECHO

    @classmethod
    def instance(cls) -> Single:
        if cls._it is None:
            cls._it = cls()
        return cls._it


class Meta(type):
    """A singleton's metaclass that also registers the classes it makes."""

    made: list[type] = []  # noqa: RUF012  # on purpose
    _instances: dict[type, Any] = {}  # noqa: RUF012  # on purpose

    def __init__(cls, *given: Any) -> None:
        super().__init__(*given)
        Meta.made.append(cls)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls not in cls._instances:
            cls._instances[cls] = super().__call__(*args, **kwargs)
        return cls._instances[cls]


class ByMetaclass(metaclass=Meta):
    def __init__(self) -> None:
        self.chain = ChatPromptTemplate.from_messages([("system", "Walk down the valley."), ("human", "{q}")]) | ECHO


class New:
    it: New
    chain: Any

    def __new__(cls) -> New:  # noqa: PYI034  # a singleton
        if not hasattr(cls, "it"):
            cls.it = super().__new__(cls)
            prompt = ChatPromptTemplate.from_messages([("system", "Walk along the coast."), ("human", "{q}")])
            cls.it.chain = prompt | ECHO
        return cls.it


def by_default(held: list[Any] = []) -> Any:  # noqa: B006  # on purpose
    if not held:
        held.append(ChatPromptTemplate.from_messages([("system", "Walk up the hills."), ("human", "{q}")]) | ECHO)
    return held[0]


@functools.cache
def remembered() -> str:
    return "Walk over the bridge."


def of_a_closure() -> Callable[[], Any]:
    chain = None

    def chain_of() -> Any:
        nonlocal chain
        if chain is None:
            chain = ChatPromptTemplate.from_messages([("system", "Walk round the pond."), ("human", "{q}")]) | ECHO
        return chain

    return chain_of


MADE_ONCE: dict[str, Callable[[], Any]] = {
    "global name": by_global_name,
    "filled in": filled_in,
    "dict": in_a_dict,
    "class attribute": lambda: Single.instance().chain,
    "__new__": lambda: New().chain,
    "metaclass": lambda: ByMetaclass().chain,
    "mutable default": by_default,
    "functools.cache": remembered,
    "closure": of_a_closure(),
}


def forget() -> None:
    """As in a new process."""
    global _chain, _text
    _chain = _text = Single._it = None
    CHAINS.clear()
    if "it" in vars(New):
        del New.it
    Meta._instances.clear()
    (by_default.__defaults__ or ([],))[0].clear()
    remembered.cache_clear()


def answer_of(graph: Any) -> str:
    return str(graph.invoke({"question": "q"})["answer"])


def rolled(graph: Any, question: str = "q") -> UnscoredRollout:
    return asyncio.run(run(graph, Example("e", {"question": question})))


@pytest.mark.parametrize("when", ["never", "before", "between"])
@pytest.mark.parametrize("how", MADE_ONCE)
def test_what_is_made_on_first_use_has_each_graphs_own_text(how: str, when: str) -> None:
    """Whichever graph ran first, and whether the original ran before it was surveyed, after that, or not at all."""
    forget()
    graph = asking(MADE_ONCE[how])
    if when == "before":
        answer_of(graph)
    found = survey(graph, kinds=("prompt",))
    (module,) = (module for module in found.modules if module.on)
    if when == "between":
        answer_of(graph)
    one, other = (found.bind({module.name: f"{module.text} {mark}"}) for mark in ("ONE", "OTHER"))
    answers = [answer_of(one), answer_of(other), answer_of(graph), answer_of(one)]
    assert [text.split()[-1] for text in answers] == ["ONE", "OTHER", answers[2].split()[-1], "ONE"]
    assert "ONE" not in answers[2]
    assert [m.name for m in discover(graph) if m.on] == [module.name]


@pytest.mark.parametrize("how", MADE_ONCE)
def test_rollouts_fill_nothing_of_the_originals(how: str) -> None:
    """The rollouts of the seed and of a candidate leave the place where a chain is kept as empty as it was."""
    forget()
    graph = asking(MADE_ONCE[how])
    found = survey(graph, kinds=("prompt",))
    (module,) = (module for module in found.modules if module.on)
    bound = [found.bind({module.name: text}) for text in (module.text, f"{module.text} NEW")]
    ends = [str(rolled(one).state["answer"]).endswith("NEW") for one in (*bound, *bound)]
    assert ends == [False, True, False, True]
    assert (_chain, _text, CHAINS, Single._it, hasattr(New, "it")) == (None, None, {}, None, False)


TRANSCRIPT: list[list[BaseMessage]] = []
TURNS: deque[BaseMessage] = deque(maxlen=20)
SESSIONS: dict[str, list[BaseMessage]] = {}


def transcribed(state: State) -> State:
    messages = [SystemMessage("Sum up laws for clerks."), HumanMessage(state["question"])]
    TRANSCRIPT.append(messages)
    return {"answer": ECHO.invoke(messages).text}


async def in_turns(state: State) -> State:
    TURNS.append(HumanMessage(state["question"]))
    return {"answer": (await ECHO.ainvoke([SystemMessage("Sum up rules for sailors."), *TURNS])).text}


def in_sessions(state: State) -> State:
    session = SESSIONS.setdefault("me", [])
    session.append(HumanMessage(state["question"]))
    return {"answer": ECHO.invoke([SystemMessage("Sum up news for readers."), *session]).text}


@pytest.mark.parametrize("node", [transcribed, in_turns, in_sessions])
def test_conversations_are_no_prompts(node: Any, tmp_path: Path) -> None:
    """What the user's own runs and a search leave in lists changes neither the modules nor the run they belong to."""
    graph = graph_of(node)
    before = discover(graph)
    asyncio.run(graph.ainvoke({"question": "What did my doctor say about me?"}))
    assert discover(graph) == before
    held = [list(TRANSCRIPT), list(TURNS), {name: list(session) for name, session in SESSIONS.items()}]

    def search(rollouts: int) -> Any:
        return optimize(
            graph, [{"inputs": {"question": f"question {n}"}} for n in range(6)], run=tmp_path / "run", progress=False,
            metric=lambda outputs: Feedback(float("NEW" in outputs["answer"]), "say NEW"), in_flight=1,
            reflection_lm=lambda _: "```\nSum up things anew: NEW.\n```", budget=Budget(rollouts=rollouts),
        )  # fmt: skip

    assert "NEW" in asyncio.run(search(40).graph.ainvoke({"question": "q"}))["answer"]
    assert discover(graph) == before
    assert [TRANSCRIPT, list(TURNS), SESSIONS] == held
    search(45)


EXAMPLES: list[BaseMessage] = [SystemMessage("Answer like a pirate.")]


def growing(state: State) -> State:
    EXAMPLES.append(HumanMessage(state["question"]))
    return {"answer": ECHO.invoke(EXAMPLES).text}


def test_what_the_source_writes_into_a_list_stays_a_prompt() -> None:
    """A system message that a growing list begins with, whatever the list has got since."""
    graph = graph_of(growing)
    asyncio.run(graph.ainvoke({"question": "Where does my aunt live?"}))
    (module,) = (module for module in discover(graph) if module.on)
    assert module.text == "Answer like a pirate."
    assert answer_of(bind(graph, {module.name: "Answer like a monk."})) == "Answer like a monk."


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)


class Editor:
    """Keeps what it is at on itself, in containers and in a helper; the lock and the model are shared."""

    seen: dict[str, str] = {}  # noqa: RUF012  # on purpose

    def __init__(self, together: threading.Barrier) -> None:
        self.together = together
        self.lock = threading.Lock()
        self.notes = Notes()
        self.topic = ""

    def run(self, state: State) -> State:
        with self.lock:
            self.topic = state["question"]
            self.notes.add(state["question"])
            self.seen["last"] = state["question"]
        self.together.wait(20)
        return {"answer": self.reply()}

    def reply(self) -> str:
        return f"{self.topic} {self.notes.lines} {self.seen}"


def test_rollouts_side_by_side_do_not_meet_on_the_object_of_a_method() -> None:
    """Attributes, containers, helpers and class attributes are each rollout's own, and the user's stay as they were."""
    editor = Editor(threading.Barrier(4))
    graph = graph_of(editor.run)
    bound = survey(graph).bind({})

    async def all_at_once() -> list[UnscoredRollout]:
        return await asyncio.gather(*(run(bound, Example(q, {"question": q})) for q in "abcd"))

    for q, ran in zip("abcd", asyncio.run(all_at_once()), strict=True):
        assert ran.state["answer"] == f"{q} ['{q}'] {{'last': '{q}'}}"
    assert (editor.topic, editor.notes.lines, Editor.seen) == ("", [], {})


BY_KEY: defaultdict[str, list[str]] = defaultdict(list)


def test_a_dict_that_fills_itself_is_each_rollouts_own() -> None:
    """To look an item of a defaultdict up is to write to it."""

    def node(state: State) -> State:
        BY_KEY["all"].append(state["question"])
        return {"answer": ",".join(BY_KEY["all"])}

    bound = survey(graph_of(node)).bind({})
    assert [rolled(bound, question).state["answer"] for question in "ab"] == ["a", "b"]
    assert BY_KEY == {}


def test_state_lasts_as_long_as_a_rollout() -> None:
    """What one node keeps on the object the next one finds, and the next rollout does not."""

    class Counter:
        def __init__(self) -> None:
            self.met: list[str] = []

        def first(self, state: State) -> State:
            self.met.append(state["question"])
            return {}

        def second(self, state: State) -> State:
            return {"answer": f"{len(self.met)} {state['question']}"}

    counter = Counter()
    builder = StateGraph(State).add_node(counter.first).add_node(counter.second)
    builder.add_edge(START, "first").add_edge("first", "second")
    bound = survey(builder.compile()).bind({})
    assert [rolled(bound, q).state["answer"] for q in "ab"] == ["1 a", "1 b"]


def test_what_a_closure_only_writes_is_for_whoever_made_it() -> None:
    """A test that counts calls, a metric beside the graph: they read it, no function of the graph does."""
    calls: list[str] = []

    def node(state: State) -> State:
        calls.append(state["question"])
        return {"answer": "a"}

    bound = survey(graph_of(node)).bind({})
    for question in "ab":
        rolled(bound, question)
    assert calls == ["a", "b"]


class Closing:
    """Nobody may copy it: a copy that ends would end what it shares with the original."""

    def __init__(self) -> None:
        self.topic = ""

    def __del__(self) -> None:
        """Closes a connection."""

    async def run(self, state: State) -> State:
        self.topic = state["question"]
        await asyncio.sleep(0)
        return {"answer": self.topic}


def test_where_no_copy_can_be_had_rollouts_take_turns(caplog: pytest.LogCaptureFixture) -> None:
    """No rollout meets another's, and one warning names what is written where."""
    examples = [{"inputs": {"question": q}} for q in "abcdef"]
    found = evaluate(
        graph_of(Closing().run), examples, metric=lambda inputs, outputs: inputs["question"] == outputs["answer"]
    )
    assert found.before.mean == 1
    warnings = [record.getMessage() for record in caplog.records if "one at a time" in record.getMessage()]
    assert len(warnings) == 1
    assert "self.topic in Closing.run" in warnings[0]


def test_copies_of_a_class_are_not_registered_by_its_metaclass() -> None:
    """What a metaclass does when a class is made is done for the user's classes alone."""
    graph = asking(lambda: ByMetaclass().chain)
    (module,) = discover(graph)
    before = list(Meta.made)
    assert answer_of(bind(graph, {module.name: "NEW"})) == "NEW"
    assert Meta.made == before


_desk: str | None = None


def open_desk() -> None:
    global _desk
    _desk = "open"


def desk() -> str:
    if _desk is None:
        open_desk()
    return str(_desk)


def test_what_some_functions_only_write_is_there_for_those_that_read_it() -> None:
    """A function that assigns a global name without reading it holds nothing of it: copies begin with what it is."""
    open_desk()

    def node(state: State) -> State:
        return {"answer": ECHO.invoke([SystemMessage("Guide people."), HumanMessage(state["question"])]).text + desk()}

    found = survey(graph_of(node))
    walk = found._found.walk
    held = known(found._found.graph).held(walk.nodes.keys(), walk)
    assert {value for (_, step), value in held.items() if step == ("global", "_desk")} == {"open"}
    ran = asyncio.run(run(found.bind({}), Example("one", {"question": "Now?"}), RunnerOptions()))
    assert ran.state["answer"].endswith("open")


class RatelimitException(Exception):
    """As a search package raises it."""


def test_a_rollout_tried_again_goes_on_with_what_its_functions_had_written() -> None:
    """A service that refuses its first caller, and remembers that, is not met anew; the user's own stays as it was."""
    refused: list[str] = []

    def node(state: State, seen: list[str] = refused) -> State:
        if not seen:
            seen.append("once")
            raise RatelimitException("202 Ratelimit")
        return {"answer": "found"}

    scored = evaluate(
        graph_of(node), [{"inputs": {"question": "Now?"}}], metric=lambda outputs: outputs["answer"] == "found"
    )
    assert scored.before.mean == 1.0
    assert not scored.failures.get("before")
    assert refused == []
