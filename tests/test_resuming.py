"""A run goes on after its own texts were applied, and one that is finished says so; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_gepa import Result

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
        done = call(line)
        assert not done.returncode, done.stderr
    return project / "run"


def test_a_run_goes_on_after_its_texts_were_applied(run: Path) -> None:
    """The source says what the run itself wrote: it goes on from what it started from, and can be applied again."""
    before = Result.open(run)
    done = call("resume run --rollouts 120")
    assert not done.returncode, done.stderr
    after = Result.open(run)
    assert after.pool.spent.rollouts > before.pool.spent.rollouts
    assert after.pool.candidates[0].texts == before.pool.candidates[0].texts
    assert {m.name: m.text for m in after.saved.asked.found} == {m.name: m.text for m in before.saved.asked.found}
    again = call("apply run")
    assert not again.returncode, again.stderr
    source = (run.parent / "letters.py").read_text()
    assert all(repr(text)[1:-1] in source for text in after.prompts.values())


def test_a_run_goes_on_after_what_was_applied_is_taken_back(run: Path) -> None:
    """The source as it was before `apply` is the run's as well."""
    (diff,) = [call("diff run").stdout]
    assert diff == "", "the texts are there already"
    source = run.parent / "letters.py"
    best, seed = Result.open(run).prompts, Result.open(run).pool.candidates[0].texts
    for name, text in best.items():
        source.write_text(source.read_text().replace(repr(text)[1:-1], repr(seed[name])[1:-1]))
    assert call("resume run --rollouts 120").returncode == 0
    assert call("diff run").stdout


def test_a_text_changed_by_hand_is_another_run(run: Path) -> None:
    """What somebody else wrote is not what `apply` wrote, and scores of it would be another's."""
    source = run.parent / "letters.py"
    name, text = next(iter(Result.open(run).prompts.items()))
    source.write_text(source.read_text().replace(repr(text)[1:-1], "Do " + repr(text)[1:-1]))
    done = call("resume run --rollouts 120")
    assert done.returncode == 2
    assert f"the text of {name}" in done.stderr


def test_a_finished_run_says_so_and_how_to_give_it_more(run: Path) -> None:
    """Nothing more is run; the command that makes it go on is one that can be pasted."""
    spent = Result.open(run).pool.spent.rollouts
    done = call("resume run")
    assert not done.returncode
    said = " ".join(done.stderr.split())
    assert "This run is finished:" in said
    assert "`langgraph-gepa resume run --rollouts 120`" in said
    assert Result.open(run).pool.spent.rollouts == spent


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
