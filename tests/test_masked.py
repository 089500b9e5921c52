"""A run whose mask changes its examples goes on: with the examples as they were given, not as they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ended

from langgraph_gepa import Budget, Result, optimize, resume
from langgraph_gepa.cli import app
from langgraph_gepa.errors import RunError
from langgraph_gepa.store.folder import open_run

OPTIMIZE = (
    "optimize letters --metric letters.py:score --reflection-lm openai:simulated-editor --options how.py:options "
    "--run run --in-flight 1"
)
FILES = {"training": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}
SETS = {
    "--train train.jsonl --val val.jsonl --test test.jsonl": FILES,
    "--train train.jsonl": {"training": "train.jsonl", "validation": None},
}


def call(line: str) -> Ended:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def masked(project: Path) -> Path:
    """A project whose options hide the writer's name."""
    (project / "how.py").write_text(
        "from langgraph_gepa import RunnerOptions\n"
        "options = RunnerOptions(mask=lambda text: text.replace('Ada', '<name>'))\n"
    )
    return project


def kept(run: str) -> str:
    return str([*Result.open(run).saved.config.examples.feedback])


@pytest.mark.parametrize("sets", SETS)
def test_a_masked_run_is_resumed_with_the_examples_of_its_files(masked: Path, sets: str) -> None:
    """Halved ones too, as often as one likes, and what was paid for is not paid for again."""
    assert call(f"{OPTIMIZE} {sets} --rollouts 30").exit_code == 0
    assert "Ada" not in kept("run")
    for rollouts in (60, 90):
        before = Result.open("run").pool.spent.rollouts
        done = call(f"resume run --rollouts {rollouts}")
        assert done.exit_code == 0, done.stderr
        assert before < Result.open("run").pool.spent.rollouts <= rollouts
        assert Result.open("run").saved.config.spec["sets"] == SETS[sets]
    assert "Ada" not in kept("run")


def test_files_that_changed_are_refused_by_name(masked: Path) -> None:
    """As they are where the same call is made again; one that is gone is said to be."""
    assert call(f"{OPTIMIZE} --train train.jsonl --val val.jsonl --rollouts 30").exit_code == 0
    (masked / "val.jsonl").write_text((masked / "test.jsonl").read_text())
    assert "another run: the validation examples changed" in call("resume run --rollouts 60").stderr
    (masked / "train.jsonl").unlink()
    assert "train.jsonl does not exist" in call("resume run --rollouts 60").stderr


def test_what_is_masked_and_was_given_as_objects_is_asked_for(masked: Path) -> None:
    """The folder cannot give it back, and an earlier version did not note the files: how to go on is said."""
    named: dict[str, Any] = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor"}
    named |= {"options": "how.py:options", "run": "run", "progress": False, "in_flight": 1}
    assert call(f"{OPTIMIZE} --train train.jsonl --val val.jsonl --rollouts 30").exit_code == 0
    store = open_run(Path("run"), create=False)
    config = store.settings()["asked"]
    config["spec"].pop("sets")
    store.configure({"asked": config})
    store.close()
    assert Result.open("run").best
    with pytest.raises(RunError, match=r"hid something in its training and validation examples.*the same call"):
        resume("run", Budget(rollouts=60), progress=False)
    again = optimize("letters", "train.jsonl", "val.jsonl", budget=Budget(rollouts=60), **named)
    assert again.pool.spent.rollouts > 30
    assert resume("run", Budget(rollouts=90, gain=0), progress=False).pool.spent.rollouts > 60


def test_a_mask_that_changes_no_example_needs_no_files(masked: Path) -> None:
    """The examples are those of the folder, whatever became of the files."""
    (masked / "how.py").write_text((masked / "how.py").read_text().replace("Ada", "Eve"))
    assert call(f"{OPTIMIZE} --train train.jsonl --val val.jsonl --rollouts 30").exit_code == 0
    (masked / "val.jsonl").unlink()
    assert call("resume run --rollouts 60").exit_code == 0


def test_examples_that_a_mask_makes_alike_are_not_taken_for_the_same(project: Path) -> None:
    """What sets share is told by the inputs as they were given."""
    (project / "how.py").write_text(
        "import re\nfrom langgraph_gepa import RunnerOptions\n"
        "options = RunnerOptions(mask=lambda text: re.sub('Letter [0-9]+', '<letter>', text))\n"
    )
    assert call(f"{OPTIMIZE} --train train.jsonl --val val.jsonl --rollouts 60").exit_code == 0
    view = Result.open("run").view
    assert len({str(example.inputs) for example in Result.open("run").saved.config.examples.pareto}) == 1
    assert not any(view.leakage.learned.values())
    assert view.verdict != "learned"
