"""Texts that stand elsewhere than where they are met: each is written back there, or the true reason is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from langgraph_gepa.agent.discovery import survey
from langgraph_gepa.agent.loading import load_graph
from langgraph_gepa.applying import apply
from langgraph_gepa.search.module import Module
from langgraph_gepa.source.diff import Changes, plan

HEAD = """\
import functools

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph

model = ChatOpenAI(model="simulated", api_key="simulated")
"""

WORDS = "shop/graph.py:graph"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Makes a package in a work tree of its source below `HEAD`, and of other files."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def shop(source: str, **others: str) -> Path:
        for name, content in {"__init__": "", "graph": HEAD + source, **others}.items():
            (tmp_path / "shop" / f"{name}.py").write_text(content)
        return tmp_path / "shop"

    yield shop
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def modules() -> dict[str, Module]:
    return {module.name: module for module in survey(load_graph(WORDS), kinds=("prompt", "tool")).modules}


def written(texts: dict[str, str]) -> Changes:
    """What was written, proved by loading the project again."""
    found = modules()
    changes = plan(found.values(), texts)
    apply(changes, found, texts, WORDS)
    return changes


DECORATORS = """\
import functools


def audited(function):
    '''Notes who called.'''

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def noted(function):
    wrapper = audited(function)
    wrapper.__doc__ = f"{function.__doc__} It is noted."
    return wrapper
"""

DECORATED = '''
from shop.decorators import audited, noted


@tool
@audited
def find(day: str) -> str:
    """Find a free slot."""
    return day


@tool(parse_docstring=True)
@audited
@audited
def book(day: str) -> str:
    """Book a slot.

    Args:
        day: The day of the visit.
    """
    return day


@audited
def move(day: str) -> str:
    """Move a slot."""
    return day


@noted
def cancel(day: str) -> str:
    """Cancel a slot."""
    return day


graph = create_agent(model, [find, book, move, cancel])
'''


def test_the_docstring_of_a_decorated_tool_is_its_functions(shop: Callable[..., Path]) -> None:
    """Through the project's own decorators a tool's texts are at home where they are written; one that a decorator
    makes has no home, and that is said."""
    folder = shop(DECORATED, decorators=DECORATORS)
    texts = {
        "tool:find": "Find a slot that is free.",
        "tool:book": "Book one slot.",
        "tool:book.day": "The day as YYYY-MM-DD.",
        "tool:move": "Move a slot to another day.",
        "tool:cancel": "Cancel it.",
    }
    changes = written(texts)
    assert set(changes.modules) == set(texts) - {"tool:cancel"}
    assert changes.stale == {}
    assert "it is made when the program runs" in changes.refused["tool:cancel"]
    assert (folder / "decorators.py").read_text() == DECORATORS
    expected = HEAD + DECORATED
    for old, name in {
        "Find a free slot.": "tool:find",
        "Book a slot.": "tool:book",
        "The day of the visit.": "tool:book.day",
        "Move a slot.": "tool:move",
    }.items():
        expected = expected.replace(old, texts[name])
    assert (folder / "graph.py").read_text() == expected
