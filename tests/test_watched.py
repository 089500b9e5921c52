"""A run of texts that only watching found, gone on with, loaded and written back in processes that never watched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Budget, Result, evaluate, load_prompts, resume
from langgraph_gepa.cli import app
from langgraph_gepa.errors import RunError

REPLIES = "Answer the letter with some care.\n"

SOURCE = """
from pathlib import Path
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from typing_extensions import TypedDict
from langgraph_gepa import Feedback

model = ChatOpenAI(model="simulated-clerk", default_headers={"Connection": "close"})


class Letter(TypedDict, total=False):
    name: str
    letter: str
    reply: str


def reply(letter: Letter) -> Letter:
    (file,) = (Path(__file__).parent / "prompts").iterdir()
    return {"reply": model.invoke([("system", file.read_text()), ("user", letter["letter"])]).text}


graph = StateGraph(Letter).add_node("reply", reply).set_entry_point("reply").compile(name="replies")


def score(outputs, reference_outputs):
    word = reference_outputs["answer"]
    return Feedback(float(word in outputs["reply"]), f"must mention {word}")
"""

WATCH = """
from langgraph_gepa import Budget, discover, optimize

discover("desk.py:graph", "train.jsonl")
optimize("desk.py:graph", "train.jsonl", "val.jsonl", metric="desk.py:score", reflection_lm="openai:simulated-editor",
         budget=Budget(rollouts=40), search="gepa", run="run", in_flight=1, progress=False)
"""


@pytest.fixture
def desk(project: Path) -> Path:
    """A run of a text that its graph reads from whatever file is in a folder, started in a process that is gone."""
    (project / "desk.py").write_text(SOURCE)
    (project / "prompts").mkdir()
    (project / "prompts" / "replies.md").write_text(REPLIES)
    started = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, check=False)
    assert not started.returncode, started.stderr
    return project


def test_a_run_of_watched_texts_needs_no_watching_again(desk: Path) -> None:
    """It is gone on with, evaluated and loaded from its folder, and its texts reach the models."""
    first = Result.open("run")
    assert first.prompts.keys() == {"replies"}
    assert first.prompts["replies"] != REPLIES
    second = resume("run", Budget(rollouts=90), progress=False)
    assert 40 < second.pool.spent.rollouts <= 90
    best = second.prompts["replies"].strip()
    for graph in (
        second.graph,
        load_prompts("desk.py:graph", "run"),
        load_prompts("desk.py:graph", "run/prompts.json"),
    ):
        assert graph.invoke({"letter": "Why?"})["reply"].strip() == best
    scores = evaluate("desk.py:graph", "val.jsonl", metric="desk.py:score", prompts="run")
    assert scores.after is not None
    assert scores.after.mean > scores.before.mean


def test_a_watched_text_is_written_into_its_file(desk: Path) -> None:
    """`diff` and `apply` change the file; the run goes on then, but not once somebody else has changed it too."""
    best = Result.open("run").prompts["replies"]
    assert CliRunner().invoke(app, ["diff", "run"]).stdout.startswith("--- a/prompts/replies.md")
    done = CliRunner().invoke(app, ["apply", "run"])
    assert (done.exit_code, done.stdout) == (0, "prompts/replies.md: replies\n")
    assert (desk / "prompts" / "replies.md").read_text() == best + "\n"  # the file ended so before
    assert resume("run", Budget(rollouts=80), progress=False).pool.candidates[0].texts == {"replies": REPLIES}
    (desk / "prompts" / "replies.md").write_text("Write nothing.\n")
    with pytest.raises(RunError, match="the text of replies changed"):
        resume("run", Budget(rollouts=120), progress=False)
