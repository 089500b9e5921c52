from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("program", "variable"), [("aime", "AIME_MODEL"), ("hover", "HOVER_MODEL")])
def test_served(program: str, variable: str) -> None:
    """Run as a script, simulated models are called that, and the lines to point the graph at them are printed."""
    command = [sys.executable, f"evals/simulated/{program}.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
        finally:
            process.kill()
    assert "no model behind them" in lines[0]
    address = r"http://127.0.0.1:\d+/simulated/v1"
    assert re.match(rf"export OPENAI_BASE_URL={address} OPENAI_API_KEY=simulated {variable}=openai:sim", lines[2])
    assert "--reflection-lm openai:simulated-reflection" in lines[3]
