"""LangSmith's own `evaluate` and pytest plugin, beside us: the scripts of examples/with_langsmith."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa import Result
from langgraph_gepa.demo.server import SimulatedServer

SCRIPTS = Path(__file__).parents[2] / "examples" / "with_langsmith"


@pytest.fixture
def desk(server: SimulatedServer, smith: Any, tmp_path: Path) -> Path:
    """The scripts in a folder, with their models and LangSmith on loopback."""
    server.models |= {"gpt-5-mini": server.models["simulated-clerk"], "gpt-5": server.models["simulated-editor"]}
    shutil.copytree(SCRIPTS, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(desk: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=desk, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def experiment(smith: Any, prefix: str) -> list[tuple[str, float]]:
    """The reply of each run of an experiment, with its score."""
    (session,) = (one["id"] for one in smith.sessions.values() if one["name"].startswith(prefix))
    scores = {one["run_id"]: one["score"] for one in smith.feedback.values() if one["key"] == "policy"}
    runs = [one for one in smith.runs.values() if one.get("session_id") == session and not one["parent_run_id"]]
    return [(one["outputs"]["reply"], scores[one["id"]]) for one in runs]


def test_evaluate_compares_the_optimised_graph_with_the_first(desk: Path, smith: Any) -> None:
    """Both are experiments on the data set that was learned from, beside those that our own call logs."""
    shown = run(desk, "evaluate.py")
    better = Result.open(desk / "runs" / "desk").prompts["reply"]
    assert experiment(smith, "before-") == [("Answer the customer.", 0.0)] * 6
    assert experiment(smith, "after-") == [(better, 1.0)] * 6
    assert "on the page of the data set helpdesk.\n{'helpdesk': 'http://localhost/o/" in shown
    ours = {one["name"].rsplit("-", 1)[0] for one in smith.sessions.values() if one["name"].startswith("helpdesk-gepa")}
    assert len(ours) == 2


def test_the_pytest_plugin_logs_tests_of_better_prompts(desk: Path, smith: Any) -> None:
    """Each test is a run in an experiment of the test suite, with its inputs, the reply and the score."""
    (desk / "runs" / "desk").mkdir(parents=True)
    better = "Offer a refund, by email."
    (desk / "runs" / "desk" / "prompts.json").write_text(json.dumps({"reply": better}))
    tracked = {"LANGSMITH_TRACING": "true", "LANGSMITH_TEST_SUITE": "helpdesk-tests", "LANGSMITH_EXPERIMENT": "better"}
    assert "6 passed" in run(desk, "-m", "pytest", **tracked)
    assert [one["name"] for one in smith.datasets.values()] == ["helpdesk-tests"]
    assert experiment(smith, "better:") == [(better, 1.0)] * 6


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_fits_on_a_page(script: Path) -> None:
    """As the other examples, it has at most 40 lines."""
    assert len(script.read_text().splitlines()) <= 40
