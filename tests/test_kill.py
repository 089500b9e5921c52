"""kill -9 and what comes after; `evals/bench/kill.py` does the same fifty times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_gepa import Budget, optimize

BENCH = Path(__file__).parents[1] / "evals" / "bench" / "kill.py"


def test_a_run_killed_before_it_began_begins(project: Path) -> None:
    """An empty database and a lock are what the first moments leave behind."""
    (project / "run").mkdir()
    (project / "run" / "run.db").touch()
    (project / "run" / "run.lock").touch()
    result = optimize(
        "letters", "train.jsonl", "val.jsonl", metric="letters.py:score", reflection_lm="openai:simulated-editor",
        budget=Budget(rollouts=30), run="run", progress=False,
    )  # fmt: skip
    assert result.pool.finished


WAYS = {
    "one after the other": [],
    "many at once": ["--search", "racing", "--concurrency", "8", "--in-flight", "4", "--with", "critic", "objectives"],
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_loses_nothing_and_pays_for_nothing_twice(way: str) -> None:
    """A process killed at random moments over a server that counts: accounts exact to the calls under way."""
    command = [sys.executable, str(BENCH), "--kills", "3", "--iterations", "4", *WAYS[way]]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    tally = json.loads(done.stdout)
    assert tally["kills"] == 3
    assert tally["rollouts"] > 10
    wrong = ("repeated_rollouts", "repeated_reflections", "repeated_opinions", "wrong_accounts", "different_runs")
    assert {name: tally[name] for name in wrong} == dict.fromkeys(wrong, 0)
