"""A run's texts into the source of a project: planned, written, proved by loading it again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ended

from langgraph_gepa import Budget, optimize
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.adapter.reflection_model import chat_model
from langgraph_gepa.cli import app
from langgraph_gepa.core.module import Module
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.errors import SourceError, UsageError
from langgraph_gepa.runs.apply import apply
from langgraph_gepa.runs.prompts import load_prompts
from langgraph_gepa.runs.result import Result
from langgraph_gepa.writeback.plan import plan

PROMPTS = '''\
"""What the clinic's agents are told."""
from pathlib import Path
from textwrap import dedent

TRIAGE = dedent("""
    You sort letters to a clinic.

    - Be quick.
""").strip()  # reviewed by the doctors
NURSE = (
    "You are a nurse. "
    "Answer politely."  # always
)
PERSONA = (Path(__file__).parent / "persona.md").read_text()
'''

GRAPH = '''\
from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph

from clinic.prompts import NURSE, PERSONA, TRIAGE

model = ChatOpenAI(model="simulated", api_key="simulated")


@tool
def find_slot(day: str) -> str:
    """Find a free slot."""
    return day


nurse = create_agent(model, [find_slot], system_prompt=NURSE, name="nurse")
summary = ChatPromptTemplate.from_messages([("system", "Sum up for {reader}."), ("placeholder", "{messages}")]) | model


def triage(state):
    return {"messages": model.invoke([("system", TRIAGE), *state["messages"]])}


def reply(state, style="Write in plain words please."):
    name = state["messages"][0].name
    system = f"Dear helper, answer {name!r} today. {style}"
    return {"messages": model.invoke([("system", system), ("system", PERSONA), *state["messages"]])}


def close(state):
    return {"messages": summary.invoke({"reader": "a doctor", "messages": state["messages"]})}


builder = StateGraph(MessagesState)
builder.add_sequence([triage, ("nurse", nurse), reply, close])
builder.add_edge(START, "triage")
graph = builder.compile()
'''


PERSONA = "You are warm and calm.\n"


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in a work tree with changes of its own, imported as a user imports it."""
    files = {"__init__.py": "", "prompts.py": PROMPTS, "graph.py": GRAPH, "persona.md": PERSONA}
    for name, content in files.items():
        path = tmp_path / "clinic" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "clinic"]:
        del sys.modules[name]


NEW = {
    "triage": "You sort letters to a clinic.\n\n- Be quick.\n- Be right.",
    "reply": 'Today is a good day, {name}: "yes". {style}\nAnswer at length, {name}.',
    "style": "Write in the plainest words there are.",
    "persona": "You are warm, calm and brief.\n",
    "summary": "Sum up {{everything}} for {reader}.",
    "nurse": "You are a nurse. Say at once whom to call when it is urgent, and what to bring. Answer politely.",
    "tool:find_slot": "Find a free slot.\nGive the day as YYYY-MM-DD.",
}

WRITTEN = {
    '"Sum up for {reader}."': '"Sum up {{everything}} for {reader}."',
    '"Write in plain words please."': '"Write in the plainest words there are."',
    'f"Dear helper, answer {name!r} today. {style}"': (
        'f"""Today is a good day, {name!r}: "yes". {style}\nAnswer at length, {name!r}."""'
    ),
    '    """Find a free slot."""': '    """\n    Find a free slot.\n    Give the day as YYYY-MM-DD.\n    """',
    "    - Be quick.\n": "    - Be quick.\n    - Be right.\n",
    '    "Answer politely."': (
        '    "Say at once whom to call when it is urgent, and what to bring. "\n    "Answer politely."'
    ),
    "You are warm and calm.": "You are warm, calm and brief.",
}
"""What stands in the files, and what shall stand there instead."""


def rewritten(content: str) -> str:
    for old, new in WRITTEN.items():
        content = content.replace(old, new)
    return content


def modules() -> tuple[Module, ...]:
    return survey(load_graph("clinic/graph.py:graph"), kinds=("prompt", "tool")).modules


def test_every_text_of_a_project_is_written_and_said_when_it_is_loaded_again(clinic: Path) -> None:
    """Constants, dedented text, pieces, f-strings, defaults, templates, docstrings and a file, in one go."""
    found = {module.name: module for module in modules()}
    changes = plan(found.values(), NEW)
    assert (set(changes.modules), changes.refused, changes.stale) == (set(NEW), {}, {})
    apply(changes, found, NEW, "clinic/graph.py:graph")
    for name, before in {"graph.py": GRAPH, "prompts.py": PROMPTS, "persona.md": PERSONA}.items():
        assert (clinic / "clinic" / name).read_text() == rewritten(before)
    done = subprocess.run(["git", "apply", "-R", "--check", "-"], input=changes.diff.encode(), check=False)
    assert done.returncode == 0
    assert set(plan(found.values(), NEW).done) == set(NEW)


@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        ('assert "quick" in TRIAGE, "be quick"\n', "cannot be loaded.*AssertionError: be quick"),
        ('TRIAGE = TRIAGE.replace("slow", "other")\n', "does not say the new text of triage"),
    ],
)
def test_a_project_that_does_not_say_the_new_texts_gets_its_files_back(
    clinic: Path, addition: str, complaint: str
) -> None:
    """Whatever the source does with its texts, either the graph says them or nothing has happened."""
    prompts = clinic / "clinic" / "prompts.py"
    prompts.write_text(PROMPTS + addition)
    found = {module.name: module for module in modules()}
    texts = {"triage": "Be as slow as you can.", "persona": "You are warm and brief.\n"}
    with pytest.raises(SourceError, match=complaint):
        apply(plan(found.values(), texts), found, texts, "clinic/graph.py:graph")
    assert prompts.read_text() == PROMPTS + addition
    assert (clinic / "clinic" / "persona.md").read_text() == PERSONA


def test_a_graph_given_as_an_object_is_known_by_the_module_that_holds_it(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words for it are found, in the script that imported it last of all; for one that nobody holds
    they are asked for, and nothing is written."""
    found = {module.name: module for module in modules()}
    texts = {"nurse": "You are a doctor."}
    with pytest.raises(UsageError, match="Name it"):
        apply(plan(found.values(), texts), found, texts, object())
    assert (clinic / "clinic" / "prompts.py").read_text() == PROMPTS
    graph = load_graph("clinic.graph:graph")
    monkeypatch.setattr(sys.modules["__main__"], "graph", graph, raising=False)
    apply(plan(found.values(), texts), found, texts, graph)
    assert '"You are a doctor."' in (clinic / "clinic" / "prompts.py").read_text()


def test_loading_a_script_again_pays_for_nothing(project: Path, server: SimulatedServer) -> None:
    """A script that optimises as soon as it is loaded does not do so again to prove what it says."""
    script = ["from letters import *", "from langgraph_gepa import Budget, optimize"]
    options = "graph, 'train.jsonl', 'val.jsonl', metric=score, reflection_lm='openai:simulated-editor'"
    script += [f"result = optimize({options}, budget=Budget(rollouts=30), in_flight=1, run='run')", "again = graph"]
    (project / "tune.py").write_text("\n".join([*script, "result.apply('tune.py:again')"]))
    ended = subprocess.run([sys.executable, "tune.py"], capture_output=True, text=True, check=False)
    assert "under `if __name__ == '__main__':`" in ended.stderr.splitlines()[-1]
    assert Result.open("run").pool.spent.rollouts <= 30
    paid = server.requests
    done = [sys.executable, "-c", "from langgraph_gepa import Result; Result.open('run').apply('letters:graph')"]
    assert subprocess.run(done, check=False).returncode == 0
    assert server.requests == paid


def test_prompts_are_loaded_without_writing(clinic: Path) -> None:
    """`load_prompts` gives a graph with the texts of a prompts.json; the source stays."""
    (clinic / "prompts.json").write_text('{"nurse": "You are a doctor."}')
    graph = load_prompts("clinic/graph.py:graph", "prompts.json")
    assert {m.name: m.text for m in survey(graph).modules}["nurse"] == "You are a doctor."
    assert (clinic / "clinic" / "prompts.py").read_text() == PROMPTS


def call(line: str) -> Ended:
    return CliRunner().invoke(app, line.split())


def test_a_run_is_written_back_from_the_command_line(project: Path) -> None:
    """`diff` prints what `apply` does; once done there is nothing left; a text of the user's own stops both."""
    options = "--train train.jsonl --val val.jsonl --metric letters.py:score --reflection-lm openai:simulated-editor"
    call(f"optimize letters {options} --run run --rollouts 60 --in-flight 1")
    before = (project / "letters.py").read_text()
    prompts = Result.open("run").prompts
    diff = call("diff run")
    assert diff.exit_code == 0
    assert call("diff run --check").exit_code == 0
    assert (project / "letters.py").read_text() == before
    written = call("apply run")
    assert (written.exit_code, written.stdout) == (0, "letters.py: sort, answer\n")
    assert f'ANSWER = "{prompts["answer"]}"' in (project / "letters.py").read_text()
    subprocess.run(["git", "apply", "-R", "-"], input=diff.stdout.encode(), cwd=project, check=True)
    assert (project / "letters.py").read_text() == before
    (project / "letters.py").write_text(before.replace("Answer {name}.", "My own, {name}."))
    for line in ("diff run --check", "apply run --check", "apply run"):
        ended = call(line)
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert "no longer holds the text the run started from" in ended.stderr
    assert "Next: langgraph-gepa apply" not in call("diff run").stderr
    left_out, offer, head = Result.open("run").diff().splitlines()[:3]
    assert left_out.startswith("# Not written: answer: letters.py")
    assert "load_prompts(graph, 'run')" in offer
    assert head == "--- a/letters.py"


def test_the_command_that_applies_a_run_of_an_object_names_a_graph(project: Path) -> None:
    """The run has no name for its graph, so the user is asked for one, and with it the command writes."""
    optimize(
        load_graph("letters.py:graph"),
        "train.jsonl",
        "val.jsonl",
        metric=load_metric("letters.py:score"),
        reflection_lm=chat_model("openai:simulated-editor"),
        budget=Budget(rollouts=60),
        run="run",
        in_flight=1,
        progress=False,
    )
    command = call("diff run").stderr.splitlines()[-1].removeprefix("Next: langgraph-gepa ").partition(" writes")[0]
    assert command == "apply run --graph letters.py:ATTRIBUTE"
    written = call(command.replace("ATTRIBUTE", "graph"))
    assert (written.exit_code, written.stdout) == (0, "letters.py: sort, answer\n")


def test_a_graph_given_by_name_is_known_by_it_whatever_else_was_an_object(project: Path) -> None:
    """The words for a factory prove the new texts although the metric and the reflection model are functions."""
    source = (project / "letters.py").read_text()
    (project / "letters.py").write_text(f"{source}\n\ndef make():\n    return graph\n")
    result = optimize(
        "letters.py:make",
        "train.jsonl",
        "val.jsonl",
        metric=load_metric("letters.py:score"),
        reflection_lm=chat_model("openai:simulated-editor"),
        budget=Budget(rollouts=60),
        run="run",
        in_flight=1,
        progress=False,
    )
    assert result.saved.config.spec == {}
    assert [file.name for file in Result.open("run").apply().files] == ["letters.py"]
    assert f'ANSWER = "{result.prompts["answer"]}"' in (project / "letters.py").read_text()
