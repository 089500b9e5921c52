from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.graph import StateGraph

from langgraph_gepa.adapter.objects import ownership


class Sleeper:
    """Loads half a library when it is asked anything, as some packages' attributes do."""

    @property
    def __class__(self) -> Any:
        raise AssertionError("woken")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"woken by {name}")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a module of a package that is installed in some environment."""

    def make(name: str, **names: Any) -> None:
        module = ModuleType(name)
        module.__file__ = str(tmp_path / "lib" / "site-packages" / f"{name}.py")
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)

    return make


def test_installed_packages_are_nobodys_unless_they_build_agents(installed: Any) -> None:
    """A library is not read, whatever environment it lies in; one that uses LangGraph is somebody's agent."""
    installed("plain_library_xyz", value=1)
    installed("agent_library_xyz", StateGraph=StateGraph)
    assert not ownership.own("plain_library_xyz")
    assert ownership.own("agent_library_xyz")
    assert not ownership.own("json")


def test_a_wrapper_that_took_a_packages_name_is_not_its_code(installed: Any) -> None:
    """What `contextlib` or another library wraps around an installed agent's function is read as nobody's."""
    installed("agent_library_xyz", StateGraph=StateGraph)
    file = str(vars(sys.modules["agent_library_xyz"])["__file__"])
    its_own = compile("def f(): ...", file, "exec").co_consts[0]
    wrapper = contextlib.contextmanager(lambda: iter(())).__code__
    assert ownership.own_code(its_own, "agent_library_xyz")
    assert not ownership.own_code(wrapper, "agent_library_xyz")


def test_looking_at_a_package_wakes_nothing(installed: Any) -> None:
    """Whose a package is can be told without asking its objects for anything."""
    installed("sleeping_library_xyz", beta=Sleeper())
    assert not ownership.own("sleeping_library_xyz")
