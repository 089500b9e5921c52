"""Texts that only a run shows: files read on every run, texts from nowhere known; and which modules were seen."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa import RunnerOptions, bind, discover
from langgraph_gepa.adapter.dataflow import text_files
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.observed import sightings
from langgraph_gepa.adapter.observed.message_parts import Run
from langgraph_gepa.adapter.observed.unknown_prompts import unknown_prompts
from langgraph_gepa.core import matching
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer
from langgraph_gepa.errors import GraphError, PlaceholderError, UsageError

HEAD = """
import json
from pathlib import Path
from typing import Any, TypedDict
import yaml
from langchain.agents import create_agent
from langchain.agents.middleware import dynamic_prompt
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph

HERE = Path(__file__).parent
model = ChatOpenAI(model="simulated-echo", default_headers={"Connection": "close"})  # none outlives its loop

class State(TypedDict, total=False):
    question: str
    answer: str

def graph_of(**nodes):
    builder, before = StateGraph(State), START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder.compile()
"""

WRITER = "You write answers for a museum.\nBe brief, be exact, and name your source.\n"
EXAMPLES = [{"inputs": {"question": question}} for question in ("How old is the vase?", "Who painted the ceiling?")]


def echo(request: Request, rng: random.Random) -> Answer:
    """A simulated model that says all it was told."""
    contents = [message["content"] for message in request.messages]
    return Answer("\n".join(one if isinstance(one, str) else "".join(b["text"] for b in one) for one in contents))


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Makes a project of its source below `HEAD` and gives back its module."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "writer.md").write_text(WRITER)
    names: list[str] = []

    def load(source: str) -> Any:
        name = f"project_{tmp_path.name.strip('-')}_{len(names)}"
        file = tmp_path / f"{name}.py"
        file.write_text(HEAD + source)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        names.append(name)
        spec.loader.exec_module(module)
        return module

    with SimulatedServer({"simulated-echo": echo}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        yield load
    for name in names:
        del sys.modules[name]


@dataclass(frozen=True)
class Surveyed:
    modules: tuple[Module, ...]
    files: Files = Files([])  # noqa: RUF009 - nothing in it


def by_name(modules: list[Module]) -> dict[str, Module]:
    return {module.name: module for module in modules}


def reply(graph: Any, question: str = "Why?") -> str:
    return str(graph.invoke({"question": question})["answer"])


READS = """
def writer(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    return {"answer": model.invoke([("system", text), ("user", state["question"])]).text}

async def awriter(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    return {"answer": (await model.ainvoke([("system", f"{text}Today is Monday."), ("user", state["question"])])).text}

def blocks(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    content = [{"type": "text", "text": "Hello."}, {"type": "text", "text": text}]
    return {"answer": model.invoke([{"role": "system", "content": content}]).text}

def streams(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    return {"answer": "".join(chunk.text for chunk in model.stream([("user", text + state["question"])]))}

def generates(state, config: RunnableConfig):
    text = (HERE / "prompts" / "writer.md").read_text()
    batches = [[SystemMessage(text)], [HumanMessage(text)]]
    return {"answer": model.generate(batches, callbacks=config["callbacks"]).generations[0][0].text}

def batches(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    return {"answer": "".join(reply.text for reply in model.batch([text, text]))}
"""


@pytest.mark.parametrize("node", ["writer", "awriter", "blocks", "streams", "generates", "batches"])
def test_a_file_read_on_every_run_is_found_and_bound_without_touching_it(load: Any, node: str) -> None:
    """Its module is the file; the bound graph's models are told the new text, the original's the old one."""
    project = load(READS)
    graph = project.graph_of(**{node: getattr(project, node)})
    module = by_name(discover(graph, EXAMPLES))["writer"]
    assert (module.text, module.origin, module.evidence, module.on) == (WRITER, "prompts/writer.md:1", "seen", True)
    assert module.nodes == (node,)
    # the new text holds the old one: whoever replaced it twice would say so three times
    new = f"Think first. {WRITER.strip()} Think again."

    async def answer(one: Any) -> str:
        return str((await one.ainvoke({"question": "Why?"}))["answer"])

    before = asyncio.run(answer(graph))
    after = asyncio.run(answer(bind(graph, {"writer": new})))
    assert after == before.replace(WRITER.strip(), new)
    assert after != before
    assert asyncio.run(answer(graph)) == before
    assert Path("prompts/writer.md").read_text() == WRITER


def test_an_agent_with_a_prompt_from_a_file_in_its_middleware(load: Any) -> None:
    """What a dynamic prompt reads on every call is bound too; the agent stays the agent it was."""
    project = load("""
@dynamic_prompt
def from_file(request):
    return (HERE / "prompts" / "writer.md").read_text().strip()

agent = create_agent(model, middleware=[from_file])
""")
    messages = [{"inputs": {"messages": [("user", example["inputs"]["question"])]}} for example in EXAMPLES]
    (module,) = discover(project.agent, messages)
    assert (module.name, module.nodes) == ("writer", ("model",))
    bound = bind(project.agent, {"writer": "Sing."})
    assert type(bound).__name__ == type(project.agent).__name__
    assert isinstance(bound, type(project.agent))
    asked = {"messages": [("user", "Why?")]}
    assert bound.invoke(asked)["messages"][-1].text == "Sing.\nWhy?"
    assert project.agent.invoke(asked)["messages"][-1].text == f"{WRITER.strip()}\nWhy?"


def test_a_template_from_a_file_is_filled_anew(load: Any) -> None:
    """Placeholders of a file's text are known by what the rollouts filled them with, and may move."""
    Path("prompts/asks.md").write_text(
        "Answer the question {question} in one sentence. Say no more than {limit} words."
    )
    project = load("""
def asks(state):
    text = (HERE / "prompts" / "asks.md").read_text().format(question=state["question"], limit=20)
    return {"answer": model.invoke(text).text}

graph = graph_of(asks=asks)
""")
    module = by_name(discover(project.graph, EXAMPLES))["asks"]
    assert (module.style, module.placeholders) == ("format", ("question", "limit"))
    bound = bind(project.graph, {"asks": "{limit} words at most, {{brief}}: {question} Really, {question}"})
    assert reply(bound, "Why (not)?") == "20 words at most, {brief}: Why (not)? Really, Why (not)?"
    with pytest.raises(PlaceholderError):
        bind(project.graph, {"asks": "Answer {question}."})


def test_a_yaml_of_prompts_gives_each_value_its_line(load: Any) -> None:
    """The values that reach a model are modules, named by their keys; the others are not."""
    Path("prompts.yaml").write_text(
        "writer:\n  system: |\n    You write answers for a museum.\n    Be brief and exact.\n"
        "  user: Here is the visitor's question, answer it now.\nunused: This text is never used by any node.\n"
    )
    project = load("""
def writer(state):
    prompts = yaml.safe_load((HERE / "prompts.yaml").read_text())["writer"]
    messages = [("system", prompts["system"]), ("user", prompts["user"] + " " + state["question"])]
    return {"answer": model.invoke(messages).text}

graph = graph_of(writer=writer)
""")
    found = by_name(discover(project.graph, EXAMPLES))
    assert {name: module.origin for name, module in found.items() if module.on} == {
        "prompts.writer.system": "prompts.yaml:2",
        "prompts.writer.user": "prompts.yaml:5",
    }
    bound = bind(project.graph, {"prompts.writer.system": "Sing.", "prompts.writer.user": "Now:"})
    assert reply(bound) == "Sing.\n\nNow: Why?"


def test_values_above_the_texts_of_files_are_modules_of_their_own(load: Any) -> None:
    """Skills' descriptions, listed in one message, are each at home in its file; what the list frames them with is
    not on."""
    skills = {
        "post": "description: Writes long posts with a hook that keeps the reader.",
        "thread": "description: >\n  Writes threads of short posts, one\n  thought in each of them.",
    }
    for name, description in skills.items():
        (Path("skills") / name).mkdir(parents=True)
        (Path("skills") / name / "SKILL.md").write_text(f"---\nname: {name}\n{description}\n---\n\n# How to {name}\n")
    project = load("""
def writer(state):
    rows = ["Your skills, each in a file of its own:"]
    for path in sorted(HERE.glob("skills/*/SKILL.md")):
        head = yaml.safe_load(path.read_text().split("---")[1])
        row = chr(45) + " **" + head["name"] + "**: " + head["description"].strip()
        rows.append(row + chr(10) + "  -> Read `" + str(path) + "` for full instructions")
    return {"answer": model.invoke([("system", chr(10).join(rows)), ("user", state["question"])]).text}

graph = graph_of(writer=writer)
""")
    found = {module.name: module for module in discover(project.graph, EXAMPLES) if module.file and module.on}
    assert {name: module.origin for name, module in found.items() if "skills" in module.origin} == {
        "post.skill.description": "skills/post/SKILL.md:3",
        "thread.skill.description": "skills/thread/SKILL.md:3",
    }
    bound = reply(bind(project.graph, {"post.skill.description": "Posts.", "thread.skill.description": "Threads."}))
    assert "**post**: Posts.\n" in bound
    assert "**thread**: Threads.\n" in bound
    assert not any(module.on for module in discover(project.graph) if module.file is None)


def test_candidates_at_once_each_see_their_own_text(load: Any) -> None:
    """Two bound graphs and the original wait for each other between reading the file and calling the model."""
    project = load("""
import threading
together = threading.Barrier(3)

def writer(state):
    text = (HERE / "prompts" / "writer.md").read_text()
    if state["question"] == "together":
        together.wait(20)
    return {"answer": model.invoke([("system", text)]).text}

graph = graph_of(writer=writer)
""")
    discover(project.graph, EXAMPLES)
    graphs = [project.graph, bind(project.graph, {"writer": "One."}), bind(project.graph, {"writer": "Two."})]

    async def at_once() -> list[Any]:
        return await asyncio.gather(*(graph.ainvoke({"question": "together"}) for graph in graphs))

    assert [final["answer"] for final in asyncio.run(at_once())] == [WRITER, "One.\n", "Two.\n"]


def test_a_cached_answer_is_not_reused_by_another_graph(load: Any) -> None:
    """A function's cache is the graph's own: candidates do not hear each other's answers, nor the original theirs."""
    project = load("""
import functools
from langgraph_gepa import prompt

@functools.lru_cache
def ask(question):
    text = (HERE / "prompts" / "writer.md").read_text()
    return model.invoke([("system", text), ("user", prompt("asked", "Answer this. ") + question)]).text

def writer(state):
    return {"answer": ask(state["question"])}

graph = graph_of(writer=writer)
""")
    discover(project.graph, EXAMPLES)
    graphs = [
        bind(project.graph, {"writer": "One."}),
        bind(project.graph, {"asked": "Two. "}),
        project.graph,
        bind(project.graph, {"writer": "Three."}),
    ]
    told = [reply(graph, "Why?").replace("\n\n", "\n") for graph in (*graphs, *graphs)]
    assert told[:4] == told[4:]
    assert told[0] == "One.\nAnswer this. Why?"
    assert told[1:3] == [f"{WRITER}Two. Why?", f"{WRITER}Answer this. Why?"]
    assert told[3] == "Three.\nAnswer this. Why?"


def test_an_unknown_text_is_found_with_its_node_and_bound(load: Any) -> None:
    """What stays the same over the examples is the text, what changes its placeholders; inputs are nobody's prompt."""
    project = load("""
import base64
hidden = base64.b64decode(base64.b64encode(b"You are a guide in a museum and speak to %s, as a friend would. Be kind."))

def guide(state):
    text = hidden.decode() % state["question"].split()[0]
    return {"answer": model.invoke([("system", text), ("user", state["question"])]).text}

graph = graph_of(guide=guide)
""")
    (module,) = discover(project.graph, EXAMPLES)
    assert (module.name, module.nodes, module.evidence, module.file) == ("guide.system", ("guide",), "seen", None)
    assert module.text == "You are a guide in a museum and speak to {value_1}, as a friend would. Be kind."
    bound = bind(project.graph, {"guide.system": "Be kind to {value_1}."})
    assert reply(bound, "Why not?") == "Be kind to Why.\nWhy not?"


def test_a_clock_in_a_text_is_a_placeholder_though_the_rollouts_were_in_one_second(load: Any) -> None:
    """A later run says another time, and its text is found again and replaced."""
    project = load("""
import base64
from datetime import datetime
now = ["Tue Nov 24 2026 21:07:32"]
hidden = base64.b64encode(b"CURRENT_TIME: %s. You are a friendly clerk who passes hard questions on.")

def clerk(state):
    text = base64.b64decode(hidden).decode() % now[0]
    return {"answer": model.invoke([("system", text), ("user", state["question"])]).text}

graph = graph_of(clerk=clerk)
""")
    (module,) = discover(project.graph, EXAMPLES)
    assert module.text == "CURRENT_TIME: {value_1}. You are a friendly clerk who passes hard questions on."
    project.now[0] = "Wed Nov 25 2026 08:15:00"
    bound = bind(project.graph, {"clerk.system": "It is {value_1}."})
    assert reply(bound, "Why?") == "It is Wed Nov 25 2026 08:15:00.\nWhy?"


def test_what_comes_from_a_models_answer_in_other_clothes_is_data(load: Any) -> None:
    """A list of points made of an earlier answer is no prompt, though every rollout has the same."""
    project = load("""
facts = "The vase is old and blue. The hall is open until noon. The ceiling was painted by three brothers."

def answer(state):
    text = model.invoke([("user", facts)]).text
    points = chr(10).join(chr(45) + " " + one for one in text.split(". "))
    return {"answer": model.invoke([("system", points), ("user", state["question"])]).text}

graph = graph_of(answer=answer)
""")
    on = [module.text for module in discover(project.graph, EXAMPLES) if module.on]
    assert not any(text.startswith("-") for text in on)


def test_one_example_is_not_enough_to_tell_what_stays_the_same(load: Any) -> None:
    """Seen once, a text from nowhere known is reported and cannot be bound, and it is said why."""
    project = load("""
def guide(state):
    return {"answer": model.invoke([("system", bytes(reversed(b".eb ot woh si siht ,dnik eB")).decode())]).text}

graph = graph_of(guide=guide)
""")
    (module,) = discover(project.graph, EXAMPLES[:1])
    assert not module.on
    with pytest.raises(GraphError, match="one example only"):
        bind(project.graph, {"guide.system": "Be brief."})


def test_what_the_examples_and_tools_bring_is_no_prompt(load: Any) -> None:
    """A system message that comes with the inputs, and text that a node passes on, are not reported."""
    project = load("""
class Chat(TypedDict, total=False):
    messages: list
    answer: str

def chat(state):
    return {"answer": model.invoke(state["messages"]).text}

graph = StateGraph(Chat).add_node("chat", chat).add_edge(START, "chat").compile()
""")
    inputs = [
        {"inputs": {"messages": [("system", "You answer what you are asked, in one short sentence."), ("user", text)]}}
        for text in ("Why?", "How?")
    ]
    assert discover(project.graph, inputs) == []


def test_what_stays_the_same_in_a_users_message_may_be_data(load: Any) -> None:
    """It is listed, and bound by whoever names it, but not optimised by itself; JSON and lists of names are no text."""
    project = load("""
import base64
def kept(text):
    return base64.b64encode(text)
shown = kept(b"These are the rooms that are open to visitors today.")
rooms = kept(b'{"rooms": ["east wing", "west wing"], "opened": "since last year"}')
names = kept(b"open_room, close_room, find_guide_2, call_guard")

def guide(state):
    text, data, said = (base64.b64decode(one).decode() for one in (shown, rooms, names))
    rows = [("user", text), ("system", data), ("system", repr(json.loads(data))), ("system", said)]
    return {"answer": model.invoke([*rows, ("user", state["question"])]).text}

graph = graph_of(guide=guide)
""")
    (module,) = discover(project.graph, EXAMPLES)
    assert (module.name, module.evidence, module.on) == ("guide.user", "possible", False)
    assert reply(bind(project.graph, {"guide.user": "All is open."}), "Why?").startswith("All is open.")


def test_a_template_is_known_by_how_it_was_filled(load: Any) -> None:
    """What looks plain and is met filled in is a template, told once, whose placeholders a new text must keep."""
    project = load("""
GUIDE = "You guide visitors through {room} of the museum.\\nNever name the price of what they see."

def fill(function, **values):
    return function(**values)

def guide(state):
    text = fill(getattr(GUIDE, "for" + "mat"), room=state["question"])
    return {"answer": model.invoke([("system", text), ("user", GUIDE)]).text if state.get("answer") else
            model.invoke([("system", text)]).text}

graph = graph_of(guide=guide)
again = graph_of(guide=guide)
""")
    assert by_name(discover(project.graph))["guide"].style == "plain"
    (module,) = discover(project.graph, EXAMPLES)
    assert (module.name, module.style, module.placeholders, module.evidence) == ("guide", "format", ("room",), "seen")
    with pytest.raises(PlaceholderError):
        bind(project.graph, {"guide": "You guide visitors."})
    assert reply(bind(project.graph, {"guide": "Show {room}."}), "the hall") == "Show the hall."
    recall(project.again, [module])
    assert discover(project.again) == [module]


def test_what_stands_beside_data_in_a_placeholder_only_shows_it(load: Any) -> None:
    """A comment put over a model's answer is listed; instructions that are all of a filling are optimised."""
    project = load("""
import base64

def kept(text):
    return base64.b64decode(base64.b64encode(text.encode())).decode()

def write(state):
    return {"answer": model.invoke([("system", "Answer the visitor's question."), ("user", state["question"])]).text}

def judge(state):
    note = "# This answer was written by a machine."
    rules = "Count a wrong date as a fault, and a missing source as two."
    size = "Two or three words."
    shown = kept(note) + chr(10) + state["answer"]
    asked = f"Judge the answer below. {kept(rules)} End with: {kept(size)}"
    return {"answer": model.invoke([("system", asked), ("user", f"The answer to judge is this:\\n{shown}")]).text}

graph = graph_of(write=write, judge=judge)
""")
    assert {"# This answer was written by a machine."} < {module.text for module in discover(project.graph)}
    found = {module.text: module for module in discover(project.graph, EXAMPLES)}
    assert found["Count a wrong date as a fault, and a missing source as two."].on
    assert not found["# This answer was written by a machine."].on
    assert not found["Two or three words."].on


def test_a_text_of_an_example_is_data_wherever_a_graph_keeps_it(load: Any) -> None:
    """An input that a run left on an object is no prompt in a later survey; a declared one stays."""
    project = load("""
class Desk:
    prompt = "Nobody asked anything yet today."

    def answer(self, state):
        self.prompt = state["question"]
        return {"answer": model.invoke([("system", "Answer at the desk."), ("user", self.prompt)]).text}

graph = graph_of(desk=Desk().answer)
""")
    assert any(module.text == "Nobody asked anything yet today." for module in discover(project.graph) if module.on)
    last = EXAMPLES[-1]["inputs"]["question"]
    project.graph.invoke({"question": last})
    found = {module.text: module for module in discover(project.graph, EXAMPLES)}
    assert found["Answer at the desk."].on
    assert not any(text in found and found[text].on for text in (last, EXAMPLES[0]["inputs"]["question"]))


def test_a_few_words_within_a_system_message_may_be_data(load: Any) -> None:
    """Beside a module's words they are listed; more of them, or a whole system message, are on; tags hold no text."""
    project = load("""
import base64

def kept(text):
    return base64.b64decode(text).decode()

heading = base64.b64encode(b"Rooms of today:")
longer = base64.b64encode(b"Whoever asks for the way is shown it on the map first.")
data = base64.b64encode(b"<rooms>[{'name': 'east wing', 'open': 'since last year'}]</rooms>")
alone = base64.b64encode(b"Be kind to everyone.")

def guide(state):
    known = "You guide visitors through the museum with patience."
    rows = [*(known + chr(10) + kept(one) for one in (heading, longer, data)), kept(alone)]
    return {"answer": model.invoke([("system", row) for row in rows] + [("user", state["question"])]).text}

graph = graph_of(guide=guide)
""")
    found = {module.text: module.on for module in discover(project.graph, EXAMPLES)}
    assert found == {
        "You guide visitors through the museum with patience.": True,
        "Rooms of today:": False,
        "Whoever asks for the way is shown it on the map first.": True,
        "Be kind to everyone.": True,
    }


def test_what_a_file_gave_when_it_was_filled_at_import_is_the_files(load: Any) -> None:
    """The file's template is on with its placeholders, and the text made of it only listed."""
    (Path("prompts") / "host.md").write_text("You are {name}, the host of this museum. Today's date is {date}")
    project = load("""
import base64

HOST = (HERE / "prompts" / "host.md").read_text().format(name="Ada", date="Monday")

def kept(text):
    return base64.b64decode(base64.b64encode(text.encode())).decode()

def host(state):
    text = kept(HOST) + " Visitors like you."
    return {"answer": model.invoke([("system", text), ("user", state["question"])]).text}

graph = graph_of(host=host)
""")
    found = {module.text: module.on for module in discover(project.graph, EXAMPLES)}
    assert found["You are {name}, the host of this museum. Today's date is {date}"]
    assert not found["You are Ada, the host of this museum. Today's date is Monday"]


def test_modules_that_were_carried_are_seen_and_others_are_not(load: Any) -> None:
    """A branch that no example took leaves its prompt's evidence as it was."""
    project = load("""
SORT = "Sort the visitors' questions by room."
RARE = "Answer in the language of flowers, please."

def sort(state):
    text = SORT if "?" in state["question"] else RARE
    return {"answer": model.invoke([("system", text), ("user", state["question"])]).text}

graph = graph_of(sort=sort)
""")
    assert {name: m.evidence for name, m in by_name(discover(project.graph)).items()} == {
        "sort": "flows",
        "rare": "flows",
    }
    found = by_name(discover(project.graph, EXAMPLES))
    assert {name: m.evidence for name, m in found.items()} == {"sort": "seen", "rare": "flows"}


def test_a_file_read_at_import_is_the_home_of_its_text(load: Any) -> None:
    """What stands in memory is bound there; its home is the file, or the value or lines of it."""
    Path("prompts/guide.md").write_text("# Notes\n\nYou guide the visitors through all the rooms.\nBe kind.\n\n# End\n")
    Path("prompts.json").write_text('{"version": 2,\n "sort": "Sort the visitors\\u2019 questions by room."}')
    project = load("""
import json

WRITER = (HERE / "prompts" / "writer.md").read_text().strip()
GUIDE = (HERE / "prompts" / "guide.md").read_text().split("# Notes")[1].split("# End")[0].strip()
PROMPTS = json.loads((HERE / "prompts.json").read_text())

def answer(state):
    messages = [("system", WRITER), ("system", GUIDE), ("system", PROMPTS["sort"]), ("user", state["question"])]
    return {"answer": model.invoke(messages).text}

graph = graph_of(answer=answer)
""")
    found = by_name(discover(project.graph))
    assert {name: module.origin for name, module in found.items()} == {
        "writer": "prompts/writer.md:1",
        "guide": "prompts/guide.md:3",
        "prompts.sort": "prompts.json:2",
    }
    assert reply(bind(project.graph, dict.fromkeys(found, "Sing."))) == "Sing.\nSing.\nSing.\nWhy?"
    assert {m.evidence for m in discover(project.graph, EXAMPLES)} == {"seen"}


def test_a_template_that_walking_found_is_no_second_module_when_it_is_seen_filled(load: Any) -> None:
    """A file's templates that stand in memory, whole or with more beside them, are the modules they were; each is
    only seen."""
    Path("prompts.json").write_text(
        '{"app.sort": "\\nSort the question {question} of a visitor by room, {{so}}.\\nSay {question} again.\\n",\n'
        ' "app.guide": "Guide the visitors through {room}, slowly and kindly."}'
    )
    project = load("""
class Prompts:
    def __init__(self, texts):
        self.texts = texts

    def sort(self, question):
        return self.texts["sort"].format(question=question)

    def guide(self, room):
        return (self.texts["guide"] + " Mind {room} at night.").format(room=room)

kept = json.loads((HERE / "prompts.json").read_text())
prompts = Prompts({key.partition(".")[2]: text for key, text in kept.items()})

def sort(state):
    return {"answer": model.invoke([("system", prompts.sort(state["question"]))]).text}

def guide(state):
    return {"answer": model.invoke([("user", prompts.guide("the hall")), ("user", state["question"])]).text}

graph = graph_of(sort=sort, guide=guide)
""")
    walked = {(module.name, module.text) for module in discover(project.graph)}
    watched = discover(project.graph, EXAMPLES)
    assert {(module.name, module.text) for module in watched} == walked
    assert {module.evidence for module in watched if module.file == "prompts.json"} == {"seen"}


def test_a_short_prompt_beside_another_is_no_second_module(load: Any) -> None:
    """A text too short to be looked for anywhere is known where it is all that stands beside a longer one."""
    project = load("""
LONG = "You answer the visitors' questions about every room."
SHORT = "Be kind to each of them."

def guide(state):
    blocks = [{"type": "text", "text": SHORT}, {"type": "text", "text": LONG}]
    return {"answer": model.invoke([SystemMessage(blocks), ("user", state["question"])]).text}

graph = graph_of(guide=guide)
""")
    walked = {module.name for module in discover(project.graph)}
    assert {module.name for module in discover(project.graph, EXAMPLES)} == walked


def test_a_compiled_jinja_template_is_found_in_the_source_or_its_file(load: Any) -> None:
    """Its module is where it is written; a copy renders the new text, and a template for people is no prompt."""
    Path("prompts/guard.j2").write_text("You guard the {{ room }}.{% if late %} It is late.{% endif %}\n")
    project = load("""
import jinja2
GUIDE = "You guide {{ who }} through the museum."
guide = jinja2.Template(GUIDE)
guard = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "prompts")).get_template("guard.j2")
letter = jinja2.Template("Dear {{ who }}, thank you for your visit.")

def work(state):
    told = [("system", guide.render(who="Ada")), ("user", guard.render(room="hall", late=True))]
    print(letter.render(who="Ada"))
    return {"answer": model.invoke([*told, ("user", state["question"])]).text}

graph = graph_of(work=work)
""")
    found = by_name(discover(project.graph))
    assert {name for name, one in found.items() if one.on} == {"guide", "guard"}
    assert Path(str(found["guide"].file)).read_text().splitlines()[found["guide"].line - 1].startswith("GUIDE = ")
    assert found["guard"].origin == "prompts/guard.j2:1"
    assert found["guard"].placeholders == ("room", "late")
    bound = bind(project.graph, {"guide": "Lead {{ who }}.", "guard": "{{ room }}{% if late %}!{% endif %}"})
    assert reply(bound, "Why?") == "Lead Ada.\nhall!\nWhy?"
    assert reply(project.graph, "Why?") == "You guide Ada through the museum.\nYou guard the hall. It is late.\nWhy?"


def test_what_functions_read_from_files_is_found_in_the_source(load: Any) -> None:
    """The file a node names, or asks its loader for, and the keys it uses, are modules before anything runs."""
    Path("prompts/answer.md").write_text("Answer the question {question} in one short sentence.")
    Path("prompts.yaml").write_text(
        "sort:\n  system: Sort the visitors' questions by room.\n  rest: Not used by any node.\n"
    )
    Path("other.yaml").write_text("system: A file that nobody names or reads.\n")
    project = load("""
WRITER = HERE / "prompts" / "writer.md"

def load_prompt(name):
    with open(HERE / "prompts" / f"{name}.md") as file:
        return file.read()

def writer(state):
    return {"answer": model.invoke([("system", WRITER.read_text())]).text}

def answer(state):
    return {"answer": model.invoke(load_prompt("answer").format(question=state["question"])).text}

def sort(state):
    prompts = yaml.safe_load((HERE / "prompts.yaml").read_text())
    return {"answer": model.invoke([("system", prompts["sort"]["system"])]).text}

graph = graph_of(writer=writer, sort=sort, answer=answer)
""")
    found = by_name(discover(project.graph))
    assert {name: (m.origin, m.nodes, m.evidence, m.style) for name, m in found.items()} == {
        "writer": ("prompts/writer.md:1", ("writer",), "flows", "plain"),
        "prompts.sort.system": ("prompts.yaml:2", ("sort",), "flows", "plain"),
        "answer": ("prompts/answer.md:1", ("answer",), "flows", "format"),
    }
    assert (
        reply(bind(project.graph, {"answer": "Be kind to those who ask {question}"})) == "Be kind to those who ask Why?"
    )
    assert {m.evidence for m in discover(project.graph, EXAMPLES)} == {"seen"}


CATALOGUE = """[
 {"id": 1, "name": "Small blue vase of clay", "image": "https://museum.example/image?vase=1",
  "about": ["Made by hand in the year 1200.", "It was found in a garden by two children."]},
 {"id": 2, "name": "Large red vase of glass", "image": "https://museum.example/image?vase=2",
  "about": ["Blown in a mould by an unknown master.", "The handles are newer than the rest of it."]}
]"""


def test_rows_of_a_data_file_are_off_whether_they_are_read_or_seen(load: Any) -> None:
    """The same key of several objects is a table, an address is no text, and what a list gives is data."""
    Path("catalogue.json").write_text(CATALOGUE)
    project = load(
        """
def guide(state):
    with open(HERE / "catalogue.json") as file:
        vases = json.load(file)
    vase = next((one for one in vases if one["id"] == 1), None)
    content = [{"type": "text", "text": f"Describe {vase['name']}: {vase['about']}"},
               {"type": "text", "text": vase["image"]}]
    return {"answer": model.invoke([("system", "Describe what visitors see."), HumanMessage(content=content)]).text}

graph = graph_of(guide=guide)
"""
    )
    for modules in (discover(project.graph), discover(project.graph, EXAMPLES)):
        rows = [module for module in modules if module.file == "catalogue.json"]
        assert {module.off for module in rows} <= {Off.TABLE, Off.FILLING, Off.DATA}
        assert [module for module in rows if "https" in module.text] == []
        assert [module.text for module in modules if module.on] == [
            "Describe {name}: {about}",
            "Describe what visitors see.",
        ]


@pytest.mark.parametrize("dumps", ["json.dumps(facts)", "json.dumps(facts, indent=2)", "facts", "yaml.dump(facts)"])
def test_a_file_that_is_written_into_a_prompt_as_a_whole_is_data(load: Any, dumps: str) -> None:
    """What is read of it by its key is a value, and what of it is seen in the messages is data, whole sentences too."""
    Path("facts.json").write_text(
        '{"name": "Museum of Old Things in Ghent",\n "director": {"name": "Ada of the Old Tower"},\n'
        ' "rooms": [{"name": "Hall of blue vases"}, {"name": "Room of the red vases"}],\n'
        ' "history": "The museum was opened in 1900 by two sisters who had bought all the vases of a king and his '
        'brother, who had no use for them."}'
    )
    project = load(f"""
def guide(state):
    facts = json.loads((HERE / "facts.json").read_text())
    told = f"You guide visitors kindly.\\n\\n{{{dumps}}}\\n\\nYou work for {{facts['name']}}."
    return {{"answer": model.invoke([("system", told), ("user", state["question"])]).text}}

graph = graph_of(guide=guide)
""")
    for modules in (discover(project.graph), discover(project.graph, EXAMPLES)):
        assert [module.file for module in modules if module.on] == [f"{project.__name__}.py"]


@pytest.mark.parametrize(
    "rows",
    [
        "'\\n'.join(f\"{one['name']} ({one['about'][0]})\" for one in read(HERE / 'catalogue.json'))",
        "'\\n'.join(one['name'] + ' ' + one['about'][0] for one in read(FILE))",
        "'\\n'.join(one['name'] + ' ' + one['about'][0] for one in read(names[0]))",
    ],
)
def test_rows_that_are_joined_are_off_by_whichever_way_the_file_is_named(load: Any, rows: str) -> None:
    """A helper is given the path, in place or as a constant, or one that only a run knows; what is sent is rows."""
    Path("catalogue.json").write_text(CATALOGUE)
    project = load(f"""
FILE = HERE / "catalogue.json"
names = [str(HERE / name) for name in ("catalogue" + ".json",)]

def read(path):
    with open(path) as file:
        return json.load(file)

def guide(state):
    told = "You guide all visitors kindly through every room.\\n" + {rows}
    return {{"answer": model.invoke([("system", told), ("user", state["question"])]).text}}

graph = graph_of(guide=guide)
""")
    for modules in (discover(project.graph), discover(project.graph, EXAMPLES)):
        (on,) = [module for module in modules if module.on]
        assert on.text.startswith("You guide all visitors kindly through every room.")
        assert on.file == f"{project.__name__}.py"


def test_a_table_of_prompts_in_a_file_is_on_by_its_keys(load: Any) -> None:
    """Prompts that constant keys lead to are on, of one shape or not, also where one value is put into another."""
    Path("prompts.json").write_text(
        '{"agents": {"writer": {"system_prompt": "Write down what the visitors of {museum} ask for."},\n'
        ' "guide": {"system_prompt": "Guide the visitors of {museum}."}},\n'
        ' "style": "Never use more than ten words in a sentence."}'
    )
    project = load("""
def prompt(name):
    kept = json.loads((HERE / "prompts.json").read_text())
    return kept["agents"][name]["system_prompt"].format(museum="Ghent") + f" Style: {kept['style']}"

def writer(state):
    return {"answer": model.invoke([("system", prompt("writer")), ("user", state["question"])]).text}

def guide(state):
    return {"answer": model.invoke([("system", prompt("guide")), ("user", state["question"])]).text}

graph = graph_of(writer=writer, guide=guide)
""")
    on = {"prompts.agents.writer.system_prompt", "prompts.agents.guide.system_prompt", "prompts.style"}
    assert {module.name for module in discover(project.graph) if module.file == "prompts.json" and module.on} == on
    watched = discover(project.graph, EXAMPLES)
    assert {module.name for module in watched if module.file == "prompts.json" and module.on} == on


@pytest.mark.parametrize(
    "path",
    [
        'f"prompts/{kind}.txt"',
        '"prompts/" + kind + ".txt"',
        'HERE / "prompts" / f"{kind}.txt"',
        'os.path.join(os.path.dirname(__file__), "prompts", kind.lower() + ".txt")',
        '"prompts/%s.txt" % kind',
        '"prompts/{}.txt".format(kind)',
        "Path('prompts').joinpath(kind).with_suffix('.txt')",
    ],
)
def test_the_name_of_a_file_is_followed_through_the_functions_it_is_passed_on_by(load: Any, path: str) -> None:
    """A node names a kind, one helper makes a path of it, and another reads what lies there, in whatever spelling."""
    for name in ("plan", "check", "never"):
        Path(f"prompts/{name}.txt").write_text(f"Here you {name} what visitors of {{museum}} do.")
    Path("other").mkdir()
    Path("other/plan.txt").write_text("A file in a folder that nobody names.")
    project = load(f"""
import os

def parsed(file_path):
    with open(file_path) as file:
        return file.read()

def prompt(kind, **_):
    where = {path}
    return parsed(where)

def agent(model, kind, **values):
    return create_agent(model, system_prompt=prompt(kind=kind).format(**values))

def plan(state):
    made = agent(model, "plan", museum="Ghent")
    return {{"answer": made.invoke({{"messages": [("user", state["question"])]}})["messages"][-1].text}}

def check(state):
    made = agent(model=model, kind="check", museum="Ghent")
    return {{"answer": made.invoke({{"messages": [("user", state["answer"])]}})["messages"][-1].text}}

graph = graph_of(plan=plan, check=check)
""")
    found = {module.name: (module.origin, module.nodes, module.on) for module in discover(project.graph)}
    assert (
        found.items()
        >= {
            "plan": ("prompts/plan.txt:1", ("plan",), True),
            "check": ("prompts/check.txt:1", ("check",), True),
        }.items()
    )
    assert not {origin for origin, _, _ in found.values()} & {"prompts/never.txt:1"}


@pytest.mark.parametrize("rewrite", ["re.sub(r'<<(\\w+)>>', 'Ghent', text)", "MARK.sub('Ghent', text)"])
def test_a_file_that_is_rewritten_when_it_is_read_is_bound_by_what_is_sent(load: Any, rewrite: str) -> None:
    """Its own words are not sent, which is said of it; watching shows what is, and takes its place."""
    Path("prompts/plan.md").write_text("You plan what the visitors of the museum in <<TOWN>> do in one afternoon.")
    project = load(f"""
import re
MARK = re.compile(r"<<(\\w+)>>")

def prompt(name):
    text = (HERE / "prompts" / f"{{name}}.md").read_text()
    text = {rewrite}
    return text

def plan(state):
    return {{"answer": model.invoke([("system", prompt("plan")), ("user", state["question"])]).text}}

graph = graph_of(plan=plan)
""")
    (walked,) = discover(project.graph)
    assert (walked.on, walked.reason) == (False, Reason(Obstacle.REWRITTEN))
    (watched,) = discover(project.graph, EXAMPLES)
    assert (watched.on, watched.text) == (True, walked.text.replace("<<TOWN>>", "Ghent"))
    assert reply(bind(project.graph, {watched.name: "Plan."})) == "Plan.\nWhy?"


def test_prompts_in_the_store_are_reported(load: Any) -> None:
    """Rollouts start with an empty store, and it is said so; with one that is filled, its text is found and bound."""
    project = load("""
from langgraph.config import get_store
from langgraph.store.memory import InMemoryStore

def filled():
    store = InMemoryStore()
    store.put(("prompts",), "guide", {"text": "Guide the visitors through the museum, room by room."})
    return store

def guide(state):
    item = get_store().get(("prompts",), "guide")
    return {"answer": model.invoke([("system", item.value["text"] if item else "Nothing.")]).text}

builder = StateGraph(State).add_node("guide", guide).add_edge(START, "guide")
graph = builder.compile(store=filled())
""")
    found = by_name(discover(project.graph))["store:prompts/guide"]
    assert found.reason == Reason(Obstacle.EMPTY_STORE)
    found = by_name(discover(project.graph, EXAMPLES, options=RunnerOptions(store=project.filled)))[
        "store:prompts/guide"
    ]
    assert (found.evidence, found.nodes, found.on) == ("seen", ("guide",), True)
    assert found.note == Note(ReadFrom.STORE, "prompts/guide")
    assert reply(bind(project.graph, {"store:prompts/guide": "Sing."})) == "Sing."


def test_warnings_name_unused_modules_and_unknown_texts() -> None:
    """They name chosen modules that no model call carries, and unknown texts that reached a model, with their nodes."""
    surveyed = Surveyed(
        (Module("sort", "prompt", "Sort the questions."), Module("rare", "prompt", "Speak in flowers."))
    )
    calls = (
        Call("model", "a", "m", [{"role": "system", "content": "Sort the questions."}]),
        Call("model", "b", "m", [{"role": "system", "content": "Guide the visitors through the museum, kindly."}]),
    )
    rollouts = [Rollout(id, {}, Feedback(0.0), calls) for id in ("1", "2")]
    examples = [Example(id, {"question": "Why?"}) for id in ("1", "2")]
    never, elsewhere = sightings.warnings(rollouts, examples, surveyed, ["sort", "rare"])
    assert "carries rare. It keeps its text until a rollout reaches it" in never
    assert "'Guide the visitors through the museum, kindly.' in b" in elsewhere
    assert list(sightings.warnings(rollouts[:0], examples, surveyed, [])) == []


def test_no_advice_is_given_on_calls_that_nobody_sees() -> None:
    """Where a node ran and its model calls were not seen, a text is not said to be unused."""
    surveyed = Surveyed((Module("raw", "prompt", "Speak in flowers.", nodes=("raw",)),))
    rollout = Rollout("1", {}, Feedback(0.0), (), nodes=("raw",))
    (unseen,) = sightings.warnings([rollout], [], surveyed, ["raw"])
    assert "may bypass LangChain" in unseen
    assert "examples" not in unseen


def test_a_graph_that_fails_everywhere_shows_nothing(load: Any) -> None:
    """When no example comes as far as a model call, that is said, with the failure."""
    project = load("""
def fails(state):
    raise RuntimeError("no such room")

graph = graph_of(fails=fails)
""")
    with pytest.raises(UsageError, match="no such room"):
        discover(project.graph, EXAMPLES)


@pytest.mark.parametrize("sign", [*text_files._ROOT, *text_files._PERHAPS_ROOT])
def test_a_project_has_its_root_where_its_packages_are_listed(sign: str, tmp_path: Path) -> None:
    """A folder with requirements alone is one too, unless a folder above is known better to be it."""
    inner = tmp_path / "app" / "src"
    inner.mkdir(parents=True)
    (tmp_path / "app" / sign).touch()
    assert text_files.project(str(inner)) == str(tmp_path / "app")
    text_files.project.cache_clear()
    (tmp_path / "pyproject.toml").touch()
    root = tmp_path if sign in text_files._PERHAPS_ROOT else tmp_path / "app"
    assert text_files.project(str(inner)) == str(root)
    text_files.project.cache_clear()


def test_a_known_text_is_found_from_where_it_begins_last() -> None:
    """A short first word that stands by chance before a text does not make a filling of all between."""
    pattern = matching.pattern("Order {order_id} has been cancelled for the customer.", "format")
    assert pattern is not None
    said = "Order help.\n'Order A1 has been cancelled for the customer.' Be brief."
    (match,) = pattern.matches(said)
    assert match.values == {"order_id": "A1"}


def test_an_example_that_a_prompt_gives_does_not_cut_it(load: Any) -> None:
    """A sentence that a function also returns, within a line of a prompt from a file, is the file's; neither the tool's
    sentence nor the pieces around it are prompts."""
    project = load("""
import base64

RULES = base64.b64encode(b'''Help the visitors of a museum.
For a lost coat say: "Your coat has been found and is kept for you." Then ask for a name.''')

def report(found):
    result = {"message": "Your coat has been found and is kept for you."} if found else {"message": ""}
    return result

def answer(state):
    report(False)
    system = base64.b64decode(RULES).decode()
    return {"answer": model.invoke([("system", system), ("human", state["question"])]).text}

graph = graph_of(answer=answer)
""")
    on = [module.text for module in discover(project.graph, EXAMPLES) if module.on]
    assert len(on) == 1
    assert on[0].startswith("Help the visitors")
    assert on[0].endswith("Then ask for a name.")


def test_what_a_function_reports_in_its_own_words_stays_possible(load: Any) -> None:
    """An error or a result that code words, put into a prompt, is no prompt from nowhere."""
    project = load("""
def look_up(question):
    try:
        raise ValueError("The archive does not answer questions. Only numbers may be asked for.")
    except ValueError as error:
        message = f"Error: Invalid query. {error}"
        return message

def instruct(step, found):
    return f'''You look things up for a museum.
Step: "{step}"
So far: {found if found else "nothing"}
Be exact.'''

def answer(state):
    system = instruct(f"The last attempt failed with: {look_up(state)}. Try again.", "")
    return {"answer": model.invoke([("system", system), ("human", state["question"])]).text}

graph = graph_of(answer=answer)
""")
    on = [module.text for module in discover(project.graph, EXAMPLES) if module.on]
    assert [text.split()[0] for text in on] == ["You"]


def test_watching_goes_on_after_a_tool_that_fails(load: Any, caplog: Any) -> None:
    """A tool that wants a key, in words or as an error, ends a search; watching names it and keeps what it saw."""
    project = load("""
from langchain_core.tools import tool

@tool
def weather(question: str) -> str:
    \"\"\"Tells the weather.\"\"\"
    return "Error: the WEATHER_API_KEY environment variable is not set."

@tool
def traffic(question: str) -> str:
    \"\"\"Tells the traffic.\"\"\"
    raise RuntimeError("Set the TRAFFIC_API_KEY environment variable.")

def answer(state):
    system = (HERE / "prompts" / "writer.md").read_text()
    return {"answer": model.invoke([("system", system), ("human", state["question"])]).text}

def asks(state):
    if "vase" in state["question"]:
        weather.invoke(state["question"])
    else:
        traffic.invoke(state["question"])
    return {}

graph = graph_of(answer=answer, asks=asks)
""")
    found = {module.name: module for module in discover(project.graph, EXAMPLES)}
    assert found["writer"].evidence == "seen"
    assert "the tool weather answered: Error: the WEATHER_API_KEY environment variable is not set" in caplog.text
    assert "the tool traffic failed: RuntimeError: Set the TRAFFIC_API_KEY environment variable" in caplog.text


def test_equal_texts_are_seen_at_the_nodes_that_sent_them() -> None:
    """Of two modules that say the same, the one of the call's node was seen."""
    twins = [Module(name, "prompt", "The very same words.", nodes=(name,)) for name in ("a", "b")]
    call = Call("model", "a", "m", [{"role": "system", "content": "The  very same\nwords."}])
    assert sightings.seen([call], twins) == {"a": ("a",)}
    assert sightings.seen([Call("tool", "b", "t", {"x": "The very same words."})], twins) == {}


def test_tools_are_seen_when_they_were_offered() -> None:
    """A tool's module was seen when a model call is attributed to it."""
    tool = Module("tool:search", "tool", "Search the catalogue.", nodes=("a",))
    assert sightings.seen([Call("model", "a", "m", [], modules=("tool:search",))], [tool]) == {"tool:search": ("a",)}
    assert sightings.seen([Call("tool", "a", "search", {}, modules=("tool:search",))], [tool]) == {}


def test_the_same_text_in_two_files_cannot_be_told_apart(tmp_path: Path) -> None:
    """Which of two equal files is read cannot be told from a message, and that is the reason."""
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(WRITER)
    call = Call("model", "node", "m", [{"role": "system", "content": WRITER}])
    (module,) = unknown_prompts([Run({}, [call])], [], Files([str(tmp_path)]))
    assert module.reason is not None
    assert module.reason.code is Obstacle.SEVERAL_PLACES
    assert not module.on


def test_of_equal_files_the_one_beside_the_source_is_meant(tmp_path: Path) -> None:
    """A sibling program with the same prompt takes nothing away from this one."""
    for name in ("a", "b"):
        (tmp_path / name / "prompts").mkdir(parents=True)
        (tmp_path / name / "prompts" / "guide.md").write_text(WRITER)
    call = Call("model", "node", "m", [{"role": "system", "content": WRITER}])
    files = Files([str(tmp_path)], [str(tmp_path / "b" / "agent.py")])
    (module,) = unknown_prompts([Run({}, [call])], [], files)
    assert (module.file, module.on) == (str(tmp_path / "b" / "prompts" / "guide.md"), True)
    home = files.home(WRITER)
    assert home is not None
    assert home.file == str(tmp_path / "b" / "prompts" / "guide.md")


def test_the_files_of_a_sibling_program_are_not_this_ones(load: Any) -> None:
    """A file is told from the names a function says only where the function can mean it."""
    for folder in ("other", "prompts"):
        Path(folder).mkdir(exist_ok=True)
        Path(folder, "guide.md").write_text(f"You guide the visitors of {folder}.")
    Path("other", "agent.py").touch()
    Path("other", "guard.md").write_text("You guard the halls of another museum.")
    Path("texts").mkdir()
    Path("texts", "answer.md").write_text("You answer the letters of visitors.")
    project = load("""
def load_prompt(name):
    return (HERE / "prompts" / f"{name}.md").read_text()

def load_any(name, folder):
    return (HERE / folder / f"{name}.md").read_text()

def guide(state):
    return {"answer": model.invoke([("system", load_prompt("guide")), ("user", load_prompt("guard"))]).text}

def answer(state):
    return {"answer": model.invoke([("system", load_any("answer", state["folder"]))]).text}

graph = graph_of(guide=guide, answer=answer)
""")
    found = {module.origin: module.text for module in discover(project.graph)}
    assert set(found) == {"prompts/guide.md:1", "texts/answer.md:1"}


FILLS = {
    "replaced": ("<<NOW>>", 'text.replace("<<NOW>>", now())'),
    "replaced twice": ("<<NOW>> at [place]", 'text.replace("<<NOW>>", now()).replace("[place]", "home")'),
    "formatted": ("{now}", "text.format(now=now())"),
    "percent": ("%(now)s", 'text % {"now": now()}'),
    "dollars": ("$now", "string.Template(text).substitute(now=now())"),
    "followed": ("today", 'text + f"Now: {now()}"'),
}


@pytest.mark.parametrize("way", FILLS)
def test_a_file_that_is_read_and_filled_anew_in_each_call_is_bound(load: Any, way: str) -> None:
    """Whatever fills it is another value the next time; the text is the file's."""
    token, fill = FILLS[way]
    Path("prompts/keeper.md").write_text(f"You keep the garden.\nThe time is {token}.\nName the tree first.\n")
    project = load(f"""
import itertools, string
times = itertools.count()

def now():
    return f"12:00:{{next(times)}}"

def load_prompt(name):
    with open(HERE / "prompts" / (name + ".md")) as file:
        text = file.read()
    return {fill}

def keep(state):
    return {{"answer": model.invoke([("system", load_prompt("keeper")), ("user", state["question"])]).text}}

graph = graph_of(keep=keep)
""")
    for examples in (None, EXAMPLES):
        found = by_name(discover(project.graph, examples))
        assert [module.name for module in found.values() if module.file == "prompts/keeper.md"] == ["keeper"]
        assert found["keeper"].on
        text = found["keeper"].text + "- Never recommend a poison."
        assert "Never recommend a poison." in reply(bind(project.graph, {"keeper": text}))
        assert "poison" not in reply(project.graph)
    assert "12:00:" in reply(project.graph)


def test_a_file_whose_words_no_call_of_its_node_carried_is_off(load: Any) -> None:
    """What is replaced in messages has no effect where it is not found in them; reading the code alone cannot tell."""
    project = load("""
def load_prompt(name):
    text = (HERE / "prompts" / f"{name}.md").read_text()
    return text.upper()

def writer(state):
    return {"answer": model.invoke([("system", load_prompt("writer")), ("user", state["question"])]).text}

graph = graph_of(writer=writer)
""")
    assert by_name(discover(project.graph))["writer"].on
    assert not by_name(discover(project.graph, EXAMPLES))["writer"].on


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_descriptions_of_structured_output_are_seen_where_they_arrive(load: Any, method: str) -> None:
    """In the format of the answer, as a function, or written into the prompt by an output parser."""
    project = load(f"""
from langchain_core.output_parsers import PydanticOutputParser
from pydantic import BaseModel, Field

class Plan(BaseModel):
    title: str = Field(description='Heading of the "whole" plan.')

structured = model.with_structured_output(Plan, method="{method}")
parser = PydanticOutputParser(pydantic_object=Plan)

def plan(state):
    written = parser.get_format_instructions() if "{method}" == "json_mode" else ""
    try:
        structured.invoke([("system", "Plan a garden. " + written), ("user", state["question"])])
    except ValueError:  # the simulated model gives no JSON
        pass
    return {{"answer": ""}}

graph = graph_of(plan=plan)
""")
    found = discover(project.graph, EXAMPLES, kinds=("prompt", "schema"))
    assert by_name(found)["schema:Plan.title"].evidence == "seen"
