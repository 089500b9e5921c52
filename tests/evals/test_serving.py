from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "evals" / "simulated"


@pytest.mark.parametrize("benchmark", ["aime", "hotpotqa", "hover", "ifbench", "pupa"])
def test_simulated_models_are_served(benchmark: str, tmp_path: Path) -> None:
    """Started from any folder, a script prints the two lines that a user needs, and serves until Ctrl-C."""
    command = [sys.executable, str(SCRIPTS / f"{benchmark}.py")]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of `nohup` would ignore it
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert "no model behind them" in lines[0]
    assert re.fullmatch(
        rf"export OPENAI_BASE_URL=http://127.0.0.1:\d+/simulated/v1 OPENAI_API_KEY=simulated"
        rf"( {benchmark.upper()}_\w+=openai:simulated-\w+)+\n",
        lines[2],
    )
    assert "--reflection-lm openai:simulated-reflection" in lines[3]
