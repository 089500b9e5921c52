"""A LangSmith on loopback where the SDK looks for it, and a finished run on data sets of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from langsmith.utils import get_env_var

import langgraph_gepa
from langgraph_gepa import Budget, Result

HELD = ("datasets", "examples")


def loaded(name: str) -> Any:
    """A file beside this one, under a name that others of them import it by."""
    spec = spec_from_file_location(f"langsmith_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def server_code() -> Any:
    server = loaded("server")
    loaded("endpoints")
    return server


def forget_prompts() -> None:
    """Empties the SDK's cache of pulled prompts; older versions have none."""
    with suppress(ImportError):
        from langsmith.prompt_cache import prompt_cache_singleton

        prompt_cache_singleton.clear()


@pytest.fixture
def later() -> Callable[[], None]:
    """What is as if the five minutes had passed for which the SDK keeps a pulled prompt."""
    return forget_prompts


@pytest.fixture
def smith(monkeypatch: pytest.MonkeyPatch, server_code: Any) -> Iterator[Any]:
    """A LangSmith with one project, and the key it takes in the environment, which the SDK reads once."""
    held = server_code.Smith()
    held.session("default")
    with server_code.serving(held):
        monkeypatch.setenv("LANGSMITH_ENDPOINT", held.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", server_code.KEY)
        get_env_var.cache_clear()
        forget_prompts()
        yield held
    get_env_var.cache_clear()
    forget_prompts()


@pytest.fixture(scope="session")
def finished() -> dict[str, Any]:
    """What `result` has made, once for all tests."""
    return {}


@pytest.fixture
def result(project: Path, smith: Any, finished: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run in the folder `run`, on the data sets `val` and `test`; a copy of its own for each test."""
    if not finished:
        for name in ("val", "test"):
            held = [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]
            smith.dataset(name, [{"inputs": row["inputs"], "outputs": row["outputs"]} for row in held])
        langgraph_gepa.optimize(
            "letters",
            "train.jsonl",
            "langsmith:val",
            testset="langsmith:test",
            metric="letters.py:score",
            reflection_lm="openai:simulated-editor",
            budget=Budget(rollouts=60),
            run="run",
            progress=False,
        )
        finished["run"] = shutil.copytree("run", tmp_path_factory.mktemp("finished") / "run")
        finished["held"] = {name: deepcopy(getattr(smith, name)) for name in HELD}
    else:
        shutil.copytree(finished["run"], "run")
        for name in HELD:
            setattr(smith, name, deepcopy(finished["held"][name]))
    smith.requests.clear()
    return Result.open("run")
