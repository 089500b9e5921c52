"""A project as a user has it, in a folder of its own, and simulated models for it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from typer.testing import CliRunner

from langgraph_gepa.cli import app
from langgraph_gepa.demo.lessons import tagged
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

KINDS, MANNERS = ("urgent", "legal", "friendly"), ("thanks", "greetings")


def letters(start: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"letter-{n}",
            "inputs": {"name": "Ada", "letter": f"Letter {n}"},
            "outputs": {"sort": KINDS[n % 3], "answer": MANNERS[n % 2]},
        }
        for n in range(start, start + count)
    ]


def clerk(request: Request, rng: random.Random) -> Answer:
    """A simulated model that repeats its instructions."""
    return Answer(request.system)


def editor(request: Request, rng: random.Random) -> Answer:
    """A simulated reflection model that takes up one of the words the feedback asks for."""
    (text,) = tagged(request.user, "current_text")
    asked = [word for said in tagged(request.user, "feedback") for word in re.findall(r"must mention (\w+)", said)]
    return Answer(f"```\n{text} Mention {rng.choice(asked)}.\n```" if asked else "NO CHANGE")


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The key that runs are signed with is one of the tests, and not the developer's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("LOCALAPPDATA", str(tmp_path_factory.mktemp("local")))
        yield


MODELS = {"simulated-clerk": clerk, "simulated-editor": editor}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedServer]:
    """Simulated models on loopback, where `ChatOpenAI` looks for OpenAI."""
    with SimulatedServer(MODELS) as simulated:
        monkeypatch.setenv("OPENAI_BASE_URL", simulated.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        yield simulated


def lay_out(folder: Path) -> None:
    """Writes the project's files."""
    shutil.copy(Path(__file__).with_name("letters.py"), folder)
    (folder / "langgraph.json").write_text(json.dumps({"graphs": {"letters": "./letters.py:graph"}}))
    for name, start, count in (("train", 0, 6), ("val", 6, 6), ("test", 12, 4)):
        lines = [json.dumps(example) for example in letters(start, count)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))


@pytest.fixture
def project(server: SimulatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: letters.py, langgraph.json, and examples in three files."""
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that the command line started in a project, made once; tests copy it."""
    home = tmp_path_factory.mktemp("started")
    asked = "--train train.jsonl --val val.jsonl --metric letters.py:score --reflection-lm openai:simulated-editor"
    with pytest.MonkeyPatch.context() as patch, SimulatedServer(MODELS) as simulated:
        patch.setenv("OPENAI_BASE_URL", simulated.base_url)
        patch.setenv("OPENAI_API_KEY", "simulated")
        patch.chdir(home)
        patch.syspath_prepend(home)
        lay_out(home)
        line = f"optimize letters.py:graph {asked} --run run --rollouts 40 --in-flight 1".split()
        assert CliRunner().invoke(app, line).exit_code == 0
        sys.modules.pop("letters", None)
    return home / "run"
