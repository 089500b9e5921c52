"""The plain ReAct agent works over real records, and all listed graphs can be loaded."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType

import pytest
from langchain_core.messages import HumanMessage
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer, ToolCall

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "graphs"


def library() -> ModuleType:
    spec = importlib.util.spec_from_file_location("library_desk", GRAPHS / "react_agent.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", json.loads((ROOT / "langgraph.json").read_text())["graphs"])
def test_every_listed_graph_loads_without_a_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `langgraph.json` lists can be looked at on a machine that has no key."""
    if name == "bfcl":
        pytest.importorskip("bfcl_eval")  # installed without its dependencies, so by no extra
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(ROOT)
    assert isinstance(load_graph(name), Pregel)


def test_the_agent_answers_from_its_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model asks of the tools comes from the library's records and goes back to the model."""
    told: list[str] = []

    def librarian(request: Request, rng: random.Random) -> Answer:
        told.extend(str(m["content"]) for m in request.messages if m["role"] == "tool")
        if told:
            return Answer("M-113 has it until 30 March.")
        return Answer("", (ToolCall("check", {"book": "Beloved"}), ToolCall("compute", {"formula": "12 * 0.25"})))

    with SimulatedServer({"simulated-librarian": librarian}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_MODEL", "simulated-librarian")
        state = library().graph.invoke({"messages": [HumanMessage("Who has Beloved?")]})
    assert json.loads(told[0]) == [{"id": "B3", "title": "Beloved", "member": "M-113", "due": "2026-03-30"}]
    assert told[1] == "3.0"
    assert state["messages"][-1].text == "M-113 has it until 30 March."


def test_bad_arguments_are_answered_not_raised() -> None:
    """A model's slips in formulas and dates come back to it as words."""
    desk = library()
    assert "cannot be computed" in desk.compute.invoke({"formula": "__import__('os')"})
    assert "cannot be computed" in desk.compute.invoke({"formula": "1 / 0"})
    assert "no dates" in desk.days.invoke({"start": "yesterday", "end": "2026-03-01"})
    assert desk.days.invoke({"start": "2026-02-11", "end": "2026-03-01"}) == "18"
