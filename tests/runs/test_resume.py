"""A run goes on after its own texts were applied, and a finished one says so; in processes that load both anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Result
from langgraph_gepa.cli import app

OPTIMIZE = (
    "optimize letters --train train.jsonl --val val.jsonl --metric letters.py:score "
    "--reflection-lm openai:simulated-editor --run run --rollouts 60 --in-flight 1"
)


def call(line: str) -> subprocess.CompletedProcess[str]:
    """A command as a user gives it: a new process, which loads the source as it is now."""
    command = [sys.executable, "-m", "langgraph_gepa", *line.split()]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def run(project: Path) -> Path:
    """A finished run's folder, whose best texts are in the source."""
    for line in (OPTIMIZE, "apply run"):
        done = CliRunner().invoke(app, line.split())
        assert not done.exit_code, done.output
    return project / "run"


def test_a_run_goes_on_after_its_texts_were_applied(run: Path) -> None:
    """Finished, it says so and how to give it more. Given more it goes on from what it started from, although the
    source says what it wrote there, and can be applied again."""
    before = Result.open(run)
    done = call("resume run")
    stderr = " ".join(done.stderr.split())
    assert "This run is finished:" in stderr
    assert "`langgraph-gepa resume run --rollouts 120`" in stderr
    assert Result.open(run).pool.spent.rollouts == before.pool.spent.rollouts
    done = call("resume run --rollouts 120")
    assert not done.returncode, done.stderr
    after = Result.open(run)
    assert after.pool.spent.rollouts > before.pool.spent.rollouts
    assert after.pool.candidates[0].texts == before.pool.candidates[0].texts
    assert {m.name: m.text for m in after.saved.config.found} == {m.name: m.text for m in before.saved.config.found}
    again = call("apply run")
    assert not again.returncode, again.stderr
    source = (run.parent / "letters.py").read_text()
    assert all(repr(text)[1:-1] in source for text in after.prompts.values())


def test_the_source_may_be_as_it_was_and_not_as_somebody_else_wrote_it(run: Path) -> None:
    """What was applied may be taken back. A text that `apply` did not write makes another graph, whose scores are
    another's."""
    assert call("diff run").stdout == "", "the texts are there already"
    source = run.parent / "letters.py"
    best, seed = Result.open(run).prompts, Result.open(run).pool.candidates[0].texts
    name, text = next(iter(best.items()))
    applied = source.read_text()
    source.write_text(applied.replace(repr(text)[1:-1], "Do " + repr(text)[1:-1]))
    refused = call("resume run --rollouts 120")
    assert refused.returncode == 2
    assert f"the text of {name}" in refused.stderr
    for name, text in best.items():
        applied = applied.replace(repr(text)[1:-1], repr(seed[name])[1:-1])
    source.write_text(applied)
    assert call("resume run --rollouts 120").returncode == 0


SESSION = """
from langgraph_gepa import Budget, optimize, resume

asked = dict(metric="long.py:score", reflection_lm="openai:simulated-editor", in_flight=1, progress=False)
result = optimize("long.py:graph", "train.jsonl", "val.jsonl", budget=Budget(rollouts=60), run="run", **asked)
assert result.apply().files
assert resume("run", Budget(rollouts=90), progress=False).pool.spent.rollouts > 60
"""


def test_a_session_that_applies_goes_on_in_the_same_process(project: Path) -> None:
    """The file's lines move below what is loaded of it, as in a notebook; what is loaded has not changed."""
    source = (project / "letters.py").read_text().replace('"Sort the letter."', '"""Sort\nthe letter."""')
    (project / "long.py").write_text(source)
    done = subprocess.run([sys.executable, "-c", SESSION], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
