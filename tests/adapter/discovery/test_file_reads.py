"""Texts that functions read from files whenever they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

AGENT = """
import json
from pathlib import Path
from typing import TypedDict
import yaml
from langchain_core.language_models import FakeListChatModel
from langgraph.graph import START, StateGraph

HERE = Path(__file__).parent
model = FakeListChatModel(responses=["yes"])

class State(TypedDict, total=False):
    question: str

def desk(name):
    return yaml.safe_load((HERE / "desk.yaml").read_text())["agents"][name]["system"]

def tone(name):
    return json.loads((HERE / "tone.json").read_text())[name]

def ask(first, second):
    return {"question": model.invoke([("system", first), ("system", second)]).text}

def triage(state):
    return ask(desk("triage"), tone("kind"))

def clerk(state):
    return ask(desk("clerk"), tone("exact"))

def judge(state):
    return ask(desk("judge"), (HERE / "judge.md").read_text())

graph = StateGraph(State).add_sequence([triage, clerk, judge]).add_edge(START, "triage").compile()
"""
FILES = {
    "agent.py": AGENT,
    "desk.yaml": "agents:\n"
    "  triage: {system: You decide which desk a question belongs to.}\n"
    "  clerk: {system: You answer the question of a guest at the desk.}\n"
    "  judge: {system: You check the answer before a guest reads it.}\n",
    "tone.json": '{"kind": "Be kind to every guest you meet.", "exact": "Be exact in every answer you give."}',
    "judge.md": "You are strict and never let a wrong date pass.\n",
}
LISTING = (
    "from langgraph_gepa import discover; from langgraph_gepa.adapter.loading import load_graph;"
    "print([(one.name, one.nodes, one.on) for one in discover(load_graph('agent.py:graph'))])"
)


def test_the_listing_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Whatever the hashes of strings are: the order of modules is the order of their turns, and a run goes on by it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    command, paths = [sys.executable, "-c", LISTING], os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(command, cwd=tmp_path, env=paths | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True)
        for seed in "123"
    ]
    first, *others = [process.communicate()[0] for process in started]
    assert others == [first, first]
    for names in (("triage.system", "clerk.system", "judge.system"), ("tone.kind", "tone.exact")):
        places = list(map(first.index, names))
        assert places == sorted(places)
