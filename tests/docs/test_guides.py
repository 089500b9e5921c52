"""What the guides show, run as a reader runs it: in a copy of `examples/shop`, on simulated models.

A ```python block is run, and a block with a title is written to a file of that name. Each line of a ```sh block is a
command; where exit code 1 is right too, its comment says so. Other blocks are for reading.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml
from langsmith.utils import get_env_var
from typer.testing import CliRunner

from langgraph_gepa.cli import app
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.demo.tutorial import MODELS

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r'(?ms)^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$')


def loaded(name: str) -> Any:
    """A module of the LangSmith server that the tests have, by the name under which they import each other."""
    if (known := sys.modules.get(f"langsmith_{name}")) is not None:
        return known
    spec = spec_from_file_location(f"langsmith_{name}", ROOT / "tests" / "langsmith" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project, as the working directory."""
    folder = shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    with SimulatedServer(MODELS) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A LangSmith with the logged runs of a project `shop`, some of them judged by people."""
    code = loaded("server")
    loaded("endpoints")
    held = code.Smith()
    project = held.session("shop")
    for number, (order, reply) in enumerate([("1042", "It left on 3 May."), ("1044", "We refund it.")] * 4):
        feedback = {"key": "user_score", "score": number % 3 > 0}
        held.run(project, {"question": f"{order}, question {number}?"}, {"reply": reply}, [feedback])
    with code.serving(held):
        monkeypatch.setenv("LANGSMITH_ENDPOINT", held.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", code.KEY)
        get_env_var.cache_clear()
        yield
    get_env_var.cache_clear()


def commands(script: str) -> Iterator[tuple[list[str], bool]]:
    """The commands of a block of the shell, and whether each may end with exit code 1."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words, "exit code 1" in line


@pytest.mark.skipif(not GUIDES, reason="the package is tested away from its repository")
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_what_a_guide_shows_runs(page: Path, shop: Path, traces: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program and every command of the page, in order."""
    # The programs find `langgraph-gepa` also where the environment is not activated.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    names: dict[str, object] = {"__name__": "__main__"}
    for language, title, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if title:
            (shop / title).write_text(code)
        elif language == "python":
            exec(code, names)  # noqa: S102 - our own pages
        for (program, *words), may_fail in commands(code if language == "sh" else ""):
            assert program == "langgraph-gepa"
            done = CliRunner().invoke(app, words)
            assert done.exit_code in ({0, 1} if may_fail else {0}), done.output


def test_the_workflow_of_the_guide_scores_the_prompts(shop: Path) -> None:
    """The step of the GitHub workflow runs, and fails as the page says: the first prompts are below the bar."""
    (workflow,) = (
        yaml.safe_load(code)
        for language, _, code in BLOCK.findall((ROOT / "docs/guides/ci.md").read_text(encoding="utf-8"))
        if language == "yaml"
    )
    steps = [step["run"] for step in workflow["jobs"]["score"]["steps"] if "run" in step]
    (scoring,) = (command for command in steps if command.startswith("langgraph-gepa"))
    done = CliRunner().invoke(app, shlex.split(scoring)[1:])
    assert (done.exit_code, (shop / "scores.jsonl").read_text().count("\n")) == (1, 36)
