"""Scores of simulated models are labelled, and no others, wherever they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.language_models import FakeListChatModel
from langgraph.graph import START, StateGraph
from typer.testing import CliRunner
from typing_extensions import TypedDict

from langgraph_gepa import Budget, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.demo.server import SimulatedServer

LABEL = "Simulated model"
OPTIMIZE = "optimize letters --train train.jsonl --val val.jsonl --metric letters.py:score --rollouts 30 --run run"


class State(TypedDict, total=False):
    question: str
    answer: str


def outputs(capsys: Any) -> list[str]:
    """Everything that shows a run: what was said meanwhile and at the end, its summary and its page."""
    printed = capsys.readouterr()
    summary = CliRunner().invoke(app, ["show", "run"]).stdout
    return [printed.out + printed.err, summary, Path("run", "report.html").read_text(encoding="utf-8")]


def test_a_simulated_model_is_known_whatever_it_is_called(project: Path, server: SimulatedServer, capsys: Any) -> None:
    """By its address, though only the environment says that: while it runs, at its end, later and on its page."""
    server.models["gpt-5"] = server.models["simulated-editor"]
    done = CliRunner().invoke(app, [*OPTIMIZE.split(), "--reflection-lm", "openai:gpt-5"])
    assert [done.stderr.count(LABEL), done.stdout.count(LABEL)] == [1, 1]
    assert all(LABEL in place for place in outputs(capsys)[1:])


def test_a_model_of_the_users_is_not_simulated_for_its_name(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """Simulated annealing is somebody's field of research."""
    monkeypatch.chdir(tmp_path)
    model = FakeListChatModel(responses=["Slowly."], name="simulated-annealer")

    def simulated_annealer(_: str) -> str:
        return "NO CHANGE"

    def node(state: State) -> State:
        return {"answer": model.invoke([("system", "Answer in one word."), ("user", state["question"])]).text}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    data = [{"inputs": {"question": f"How is metal {n} cooled?"}} for n in range(3)]
    graph, budget = builder.compile(), Budget(iterations=1)
    optimize(
        graph,
        data,
        data,
        metric=lambda outputs: len(outputs) * 0,
        reflection_lm=simulated_annealer,
        budget=budget,
        run="run",
    )
    assert "simulated_annealer" in CliRunner().invoke(app, ["show", "run", "--json"]).stdout
    assert not [place for place in outputs(capsys) if LABEL.lower() in place.lower()]
