"""A run made in one checkout of a project, written into another."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from typer.testing import CliRunner
from typer.testing import Result as Ended

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.cli import app
from langgraph_gepa.core.module import Module
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.errors import SourceError
from langgraph_gepa.runs.checkout import Checkout, Project

SETS = {"trainset": "train.jsonl", "valset": "val.jsonl", "metric": "letters.py:score"}


def call(line: str) -> Ended:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def moved(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run's folder on another machine: the project lies at `there/app`, and not where the run was made."""
    home = tmp_path / "build" / "app"
    shutil.copytree(project, home, ignore=shutil.ignore_patterns("build"))
    (home / "pyproject.toml").touch()
    nested = home / "jobs"
    nested.mkdir()
    monkeypatch.chdir(nested)
    sets = {name: f"../{given}" for name, given in SETS.items()}
    optimize(
        load_graph("../letters.py:graph"),
        **sets,
        reflection_lm=ChatOpenAI(model="simulated-editor"),
        budget=Budget(rollouts=40),
        run=tmp_path / "run",
        in_flight=1,
        progress=False,
    )
    monkeypatch.chdir(tmp_path)
    shutil.copytree(home, tmp_path / "there" / "app")
    shutil.rmtree(tmp_path / "build")
    for file in ("letters.py", "langgraph.json"):
        (tmp_path / file).unlink()
    sys.modules.pop("letters", None)
    return tmp_path / "run"


def test_a_run_is_written_into_the_checkout_that_is_named(moved: Path, server: SimulatedServer) -> None:
    """Files are taken by their paths from the project's root; without it they are looked for where they were."""
    letters = moved.parent / "there" / "app" / "letters.py"
    before, prompts = letters.read_text(), Result.open(moved).prompts
    assert "name the root of the project's checkout" in call(f"diff {moved}").stderr
    diff = call(f"diff {moved} --root there/app")
    assert f'+ANSWER = "{prompts["answer"]}"' in diff.stdout
    assert letters.read_text() == before
    ended = call(f"apply {moved} --root there/app")
    assert ended.exit_code == 2
    assert "--graph" in ended.stderr
    ended = call(f"apply {moved} --root there/app --graph letters.py:graph")
    assert (ended.exit_code, ended.stdout) == (0, "letters.py: sort, answer\n")
    assert f'ANSWER = "{prompts["answer"]}"' in letters.read_text()


def test_a_run_of_words_needs_no_more_than_the_root(project: Path, tmp_path: Path) -> None:
    """What the command line named is loaded where the project lies now, from the folder the run was started in."""
    options = "--train train.jsonl --val val.jsonl --metric letters.py:score --reflection-lm openai:simulated-editor"
    assert call(f"optimize letters {options} --run run --rollouts 30 --in-flight 1").exit_code == 0
    names = ("letters.py", "langgraph.json")
    (tmp_path / "app").mkdir()
    for name in names:
        (project / name).rename(tmp_path / "app" / name)
    ended = call("apply run --root app")
    assert (ended.exit_code, ended.stdout) == (0, "letters.py: sort, answer\n")
    assert not any((project / name).exists() for name in names)


def test_from_another_folder_it_is_said_where_the_run_belongs(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on names the folder, and a change of which nothing could be made does not look like one that was."""
    options = "--train train.jsonl --val val.jsonl --metric letters.py:score --reflection-lm openai:simulated-editor"
    assert call(f"optimize letters.py:graph {options} --run run --rollouts 30 --in-flight 1").exit_code == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ended = call(f"resume {project / 'run'} --rollouts 60")
    assert (ended.exit_code, f"The run was started in {project}: resume it from there." in ended.stderr) == (2, True)
    ended = call(f"apply {project / 'run'}")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Not written: sort: there is no file letters.py" in ended.stderr


def test_a_checkout_that_differs_from_the_runs_is_left_as_it_is(moved: Path) -> None:
    """Another root, a file that is gone and a text of the user's own are each named, and nothing is written."""
    app, letters = moved.parent / "there" / "app", moved.parent / "there" / "app" / "letters.py"
    before = letters.read_text()
    for root, message in {"there": "There is no", "there/app/jobs": "There is no", "nowhere": "There is no"}.items():
        ended = call(f"apply {moved} --root {root} --graph letters.py:graph")
        assert ended.exit_code == 2
        assert message in ended.stderr
        assert "Give the root of the run's project" in ended.stderr
    letters.write_text(before.replace("Answer {name}.", "My own, {name}."))
    for line in (f"diff {moved} --check", f"apply {moved} --check", f"apply {moved} --graph letters.py:graph"):
        ended = call(f"{line} --root {app}")
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert "no longer holds the text the run started from" in ended.stderr
    assert "My own, {name}." in letters.read_text()


def test_paths_of_a_checkout_are_found_in_another_one(tmp_path: Path) -> None:
    """Files and names of graphs, where they lie below its root; what lies elsewhere stays where it is."""
    run = Checkout(root="/build/app", folder="/build/app/jobs")
    assert run.relative("../letters.py") == "jobs/../letters.py"
    assert run.relative("/build/app/letters.py") == "letters.py"
    assert run.relative("/usr/lib/letters.py") is None
    there = Project.at(run, tmp_path, tmp_path / "run", own=True, trusted=True, named=False)
    assert there.graph_spec("/build/app/letters.py:graph") == f"{tmp_path.resolve() / 'letters.py'}:graph"
    assert there.graph_spec("package.module:graph") == "package.module:graph"
    module = Module("sort", "prompt", "Sort.", file="/build/app/letters.py")
    assert there.located(module).file == str(tmp_path.resolve() / "letters.py")
    assert there.located(replace(module, file="/usr/lib/x.py")).file == "/usr/lib/x.py"


def test_a_project_never_lies_in_the_folder_of_a_run(tmp_path: Path) -> None:
    """No code is loaded from there and none written."""
    with pytest.raises(SourceError, match="belongs to the run's own folder"):
        Project.at(Checkout(), tmp_path / "run" / "app", tmp_path / "run", own=True, trusted=True, named=False)
