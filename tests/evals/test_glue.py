"""The glue shown in the README beside gepa's: all sides work, and the counts are what the README says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMPARE = Path(__file__).parents[2] / "evals" / "bench" / "glue" / "compare.py"


def test_both_sides_work_and_ours_is_a_fraction(tmp_path: Path) -> None:
    """Each side finds new prompts in a handful of simulated rollouts; ours is a third and leaves the graph be."""
    pytest.importorskip("gepa", reason="the other side needs the gepa extra")
    done = subprocess.run([sys.executable, COMPARE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, counts = done.stdout.splitlines()[:3], [int(line.split()[0]) for line in done.stdout.splitlines()[3:]]
    assert not any("nothing" in line for line in found)
    ours, gepa, adapter, changed = counts
    assert 3 * ours < gepa
    assert 2 * adapter < gepa
    assert changed > 0
