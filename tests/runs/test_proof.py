"""Texts that stand elsewhere than where they are met: each is written back there, or the true reason is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import SourceError
from langgraph_gepa.runs.apply import apply
from langgraph_gepa.writeback.changes import Changes
from langgraph_gepa.writeback.plan import plan

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
    makes has no home, and the reason says so."""
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
    assert "or is made when the program runs" in changes.refused["tool:cancel"]
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


JOINED = """
from shop.parts import HOUSE

CLERK = "You are a clerk of the shop."
RULES = "Never promise a refund to anyone."
WAYS = "Answer in two sentences."
SHOP = {"name": "The Corner", "street": "Mill Lane"}

sum = CLERK + "\\n" + HOUSE + RULES
rows = "\\n".join([WAYS, "Be kind to everybody."])
filled = f"Be brief. {f'Be clear. {HOUSE}'} Be quick."
kept = HOUSE + "Answer at once and kindly."
made = "You answer for {name} in {street}.".format(**SHOP)
named = "You speak for NAME and nobody else.".replace("NAME", SHOP["name"])


def told(text):
    def node(state):
        return {"messages": model.invoke([("system", text)])}

    return node


def nested(state):
    who = state["messages"][0].name
    system = (
        f"Say hello. {f'Call them {who} today.'} "
        "Say goodbye."
    )
    return {"messages": model.invoke([("system", system)])}


builder = StateGraph(MessagesState)
texts = {"sum": sum, "rows": rows, "filled": filled, "kept": kept, "made": made, "named": named}
builder.add_sequence([*((name, told(text)) for name, text in texts.items()), nested])
builder.add_edge(START, "sum")
graph = builder.compile()
"""

PARTS = 'HOUSE = "This house is open from nine to five. "\n'

CHANGED = {
    "sum": ("Never promise a refund to anyone.", "Promise nobody a refund."),
    "rows": ("Answer in two sentences.", "Answer in one sentence."),
    "filled": ("Be quick.", "Be quick and right."),
    "kept": ("at once and kindly", "at once"),
    "nested.system": ("Say hello.", "Say good day."),
    "nested.system.2": ("Call them {who} today.", "Call them {who} always."),
}
"""By module what it says and shall say instead, a part of its text."""

REASONS = {
    "made": '`"You answer for {name} in {street}.".format(**SHOP)`',
    "named": '`"You speak for NAME and nobody else.".replace("NAME", SHOP["name"])`',
}


def test_a_text_joined_from_constants_is_written_in_the_one_that_changes(shop: Callable[..., Path]) -> None:
    """A sum, a join, an f-string within another: what the new text keeps stays put together. What a program makes is
    not written, and the reason names the expression."""
    folder = shop(JOINED, parts=PARTS)
    found = modules()
    texts = {name: found[name].text.replace(old, new) for name, (old, new) in CHANGED.items()}
    texts |= {name: f"{found[name].text} Be kind." for name in REASONS}
    changes = written(texts)
    assert set(changes.modules) == set(CHANGED)
    assert changes.stale == {}
    for name, expression in REASONS.items():
        assert f"by {expression}: write it there yourself" in changes.refused[name]
    expected = HEAD + JOINED
    for old, new in CHANGED.values():
        expected = expected.replace(old, new)
    assert (folder / "graph.py").read_text() == expected


SHARED = """
from shop.parts import HOUSE

DESK = "You answer letters at the desk."
letter = DESK + " Write by hand, in ink."


def told(state):
    return {"messages": model.invoke([("system", letter), ("system", HOUSE)])}


def desk(state):
    return {"messages": model.invoke([("system", DESK)])}


graph = StateGraph(MessagesState).add_sequence([told, desk]).add_edge(START, "told").compile()
"""


def test_a_constant_that_other_texts_are_made_of_does_not_change_for_one(shop: Callable[..., Path]) -> None:
    """Neither for the text it is a part of nor for its own sake: the other module of that place is named."""
    folder = shop(SHARED, parts=PARTS)
    found = modules()
    inside = {"letter": found["letter"].text.replace("desk", "counter")}
    assert "put together with `DESK`" in plan(found.values(), inside).refused["letter"]
    assert "also the place of letter" in plan(found.values(), {"desk": "You sit at the counter."}).refused["desk"]
    own = {"letter": found["letter"].text.replace("ink", "pencil")}
    assert written(own).modules == ("letter",)
    assert 'letter = DESK + " Write by hand, in pencil."' in (folder / "graph.py").read_text()


def test_a_constant_that_a_text_of_another_file_is_made_of_is_put_back(shop: Callable[..., Path]) -> None:
    """That is only seen when the project is loaded again; then nothing has happened."""
    other = SHARED.replace("DESK +", "HOUSE +")
    folder = shop(other, parts=PARTS)
    with pytest.raises(SourceError, match="letter would change as well, being made of house"):
        written({"house": "This house is never closed. "})
    assert (folder / "parts.py").read_text() == PARTS
