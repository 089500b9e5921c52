"""Descriptions that LangChain tidies have a home, and are written back so that it reads them as they were meant."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from langgraph_gepa import discover
from langgraph_gepa.writeback.edits import Edit
from langgraph_gepa.writeback.python_writer import rewritten

SOURCE = '''
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.tools import StructuredTool, tool

@tool("one", description="""
   Sends the words of welcome to the visitor.
   """)
def one(): return "x"

@tool("two", description="""
  Confirms the date of a visit by its number.

  Rules:
    - The number must be that of a visit.
  """)
def two(number: str): return "x"

TEXT = """
   Waters the garden
     in the evening.
   """
three = StructuredTool.from_function(lambda: "x", name="three", description=TEXT)

tools = {one.name: one, two.name: two, three.name: three}
graph = create_agent(FakeListChatModel(responses=["x"]), tools=[*tools.values()], system_prompt="You receive visitors.")
'''


def loaded(folder: Path, source: str, name: str) -> ModuleType:
    file = folder / f"{name}.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    yield loaded(tmp_path, SOURCE, "described_desk")
    for name in ("described_desk", "described_again"):
        sys.modules.pop(name, None)


LOOP = """
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langgraph.graph import START, MessagesState, StateGraph

model = FakeListChatModel(responses=["x"])
builder, before = StateGraph(MessagesState), START
for name, text in (
    ("first", "You sort the letters of the visitors."),
    ("second", "You answer the letters of the visitors."),
):
    def node(state, text=text):
        return {"messages": [model.invoke([("system", text), *state["messages"]])]}
    builder.add_node(name, node).add_edge(before, name)
    before = name
graph = builder.compile()
"""


def test_a_variable_that_a_loop_left_behind_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last text of the loop is at home where it is written, as the first one is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setitem(sys.modules, "looped_desk", ModuleType("looped_desk"))
    desk: Any = loaded(tmp_path, LOOP, "looped_desk")
    found = discover(desk.graph)
    assert [(module.text.split()[1], module.origin) for module in found] == [
        ("sort", "looped_desk.py:8"),
        ("answer", "looped_desk.py:9"),
    ]


@pytest.mark.parametrize(("name", "line"), [("one", 6), ("two", 11), ("three", 19)])
def test_a_description_over_several_lines_is_at_home_where_it_is_written(
    desk: Any, tmp_path: Path, name: str, line: int
) -> None:
    """Given to the decorator or by a constant's name, stripped but not dedented."""
    found = {module.name: module for module in discover(desk.graph)}[f"tool:{name}"]
    assert (found.text, found.origin) == (desk.tools[name].description, f"described_desk.py:{line}")
    changed = rewritten(SOURCE, [Edit(found.text, f"{found.text}\nAnd smiles.", found.line, found.style)])
    again: Any = loaded(tmp_path, changed, "described_again")
    assert again.tools[name].description == f"{found.text}\nAnd smiles."
    others = {other for other in desk.tools if other != name}
    assert all(again.tools[other].description == desk.tools[other].description for other in others)
