"""kill -9 and what comes after; `evals/bench/kill.py` does the same fifty times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "evals" / "bench" / "kill.py"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_killed_run_loses_nothing_and_pays_for_nothing_twice() -> None:
    """A process killed at random moments over a server that counts: exact accounts, and the run nobody killed."""
    command = [sys.executable, str(BENCH), "--kills", "5", "--iterations", "5"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    tally = json.loads(done.stdout)
    assert tally["kills"] == 5
    wrong = ("repeated_rollouts", "repeated_reflections", "wrong_accounts", "different_runs")
    assert {name: tally[name] for name in wrong} == dict.fromkeys(wrong, 0)
