"""Texts of installed packages are theirs, unless the user's code passes them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import langchain
import pytest
from langchain.agents.middleware import summarization
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.discovery.packages import Packages
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk

LIBRARY = str(Path(langchain.__file__).parent / "agents" / "x.py")
CONSTANT = summarization.DEFAULT_SUMMARY_PROMPT


def node(state: Any) -> Any:
    return {"messages": [CONSTANT]}


@pytest.fixture
def walk() -> Walk:
    return Walk(StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile())


def owned(walk: Walk, text: str, step: tuple[str, str], file: str | None = None, owner: object = None) -> bool:
    """Whether a text is a package's that stands at `step` of an object: the graph, or `owner`."""
    place = Place(id(owner or walk.root), step, text)
    return Packages(walk, walk.root).own(SourceLocation("key", file), [place])


def test_a_text_is_the_packages_whose_file_it_is_written_in(walk: Walk) -> None:
    """The file decides; where a function of the user's names the text, it is the user's all the same."""
    assert owned(walk, "Any words.", ("attr", "x"), LIBRARY)
    assert not owned(walk, "Any words.", ("attr", "x"), __file__)
    assert not owned(walk, CONSTANT, ("global", "CONSTANT"), LIBRARY, node)


def test_a_text_without_a_file_is_recognised_among_the_packages_constants(walk: Walk) -> None:
    """It may stand there as it is or filled in; a short text, or one that no package has, is the user's."""
    assert owned(walk, CONSTANT, ("attr", "x"))
    assert owned(walk, CONSTANT.format(messages="Hello."), ("attr", "x"))
    assert not owned(walk, CONSTANT, ("global", "CONSTANT"), owner=node)
    assert not owned(walk, "Guide the visitors through our museum, room by room.", ("attr", "x"))
    assert not owned(walk, "Short.", ("attr", "x"))
