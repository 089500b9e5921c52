"""Loads graphs and what goes with them from their files, as the command line does."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from langgraph_gepa.demo.server import Persona, SimulatedServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Loads `graphs/hover.py` and the like afresh, under a name that says which folder it is from."""

    def loaded(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.removesuffix(".py").replace("/", "_"), ROOT / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def program_name(request: pytest.FixtureRequest) -> str:
    """The name of the program that a test file is about: `hover` for `test_hover.py`."""
    return request.path.stem.removeprefix("test_")


@pytest.fixture
def evals(load: Callable[[str], ModuleType], program_name: str) -> ModuleType:
    return load(f"evals/{program_name}.py")


@pytest.fixture
def simulated(load: Callable[[str], ModuleType], program_name: str) -> ModuleType:
    return load(f"evals/simulated/{program_name}.py")


@pytest.fixture
def served(
    load: Callable[[str], ModuleType], program_name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Mapping[str, Persona], str], ModuleType]]:
    """Loads the graph's file afresh, with its model one of the simulated ones that are served from then on."""
    with ExitStack() as servers:

        def loaded(personas: Mapping[str, Persona], model: str) -> ModuleType:
            server = servers.enter_context(SimulatedServer(personas))
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "simulated")
            monkeypatch.setenv(f"{program_name.upper()}_MODEL", f"openai:{model}")
            return load(f"graphs/{program_name}.py")

        yield loaded
