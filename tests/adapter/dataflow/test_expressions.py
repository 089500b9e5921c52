"""The sources of single expressions: vertex, way, parts and choice."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

import pytest

from langgraph_gepa.adapter.dataflow.expressions import Expressions
from langgraph_gepa.adapter.dataflow.flow import ANY, CLASS, Given, Reading, Source
from langgraph_gepa.adapter.objects import source_code


def node(state: Any, name: str = "plan") -> Any:
    return state, name


FOUND = source_code.source(node.__code__)
assert FOUND is not None
assert isinstance(node, FunctionType)
KEY = id(node.__code__)


def expressions() -> Expressions:
    assert FOUND is not None
    return Expressions(Reading(node, FOUND.node))  # type: ignore[arg-type]  # it is a plain function


def parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def sources(expression: str) -> list[Source]:
    return list(expressions().sources(parsed(expression)))


TEXT = Source(("var", KEY, "text"))
"""The variable `text` itself."""
OTHER = Source(("var", KEY, "other"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("text", [TEXT]),
        ("text[1:]", [TEXT]),
        ("cast(str, await text)", [Source(("var", KEY, "str")), TEXT]),
        ("f'{text}'", [TEXT._replace(way="near")]),
        ("text + other", [TEXT._replace(way="made"), OTHER._replace(way="made")]),
        ("text % other", [TEXT._replace(way="filled"), OTHER._replace(way="in")]),
        ("text if other else text", [TEXT._replace(choice="fallback")] * 2),
        ("text[3]", [TEXT._replace(taken=(3,), choice="key")]),
        ("text[other]", [TEXT._replace(taken=(ANY,), choice="key")]),
        ("text.__class__", [TEXT._replace(taken=(CLASS,))]),
        ("[text, *other]", [TEXT._replace(into=(ANY,)), OTHER]),
        ("{'plan': text}", [TEXT._replace(into=("plan",))]),
        ("{'role': 'user', 'content': text}", [TEXT]),
        ("('system', text)", [TEXT]),
        ("json.dumps(text)", [TEXT._replace(way="in")]),
        ("random.choice(text)", [TEXT._replace(taken=(ANY,), choice="pick")]),
        ("3", []),
    ],
)
def test_the_sources_of_an_expression(expression: str, expected: list[Source]) -> None:
    """Each operator changes the way, the part or the choice of its operands, and nothing else."""
    assert sources(expression) == expected


def test_an_item_that_was_put_under_a_key_is_taken_from_there() -> None:
    """The path into a container and the path out of it cancel; another key gives nothing."""
    assert sources("{1: text, 2: other}[1]") == [TEXT]
    assert sources("{1: text}[2]") == []


def test_a_literal_is_recorded_with_what_fills_it() -> None:
    """The text, its placeholders, and the sources of these."""
    found = expressions()
    (literal, filling) = found.sources(parsed("f'Answer the question: {text}'"))
    assert literal.vertex[0] == "lit"
    recorded = found.reading.texts[literal.vertex[2]]
    assert recorded.text == "Answer the question: {text}"
    assert filling == TEXT._replace(way="near")
    assert found.reading.filling[recorded.position] == [filling]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("'Be brief.'", False), ("text", False), ("state['text']", True), ("len(text) * 2", True), ("await 3", False)],
)
def test_what_no_source_writes_out_is_computed(expression: str, expected: bool) -> None:
    """Literals and variables are not; items of a parameter and arithmetic are."""
    assert expressions().computed(parsed(expression)) is expected


@pytest.mark.parametrize(
    ("expression", "expected"), [("'plan'", "plan"), ("name", Given(KEY, "name")), ("other", ANY), ("1 + 1", ANY)]
)
def test_a_key_is_a_constant_or_what_a_parameter_is_given(expression: str, expected: object) -> None:
    """Any other expression may be any key."""
    assert expressions().key_of(parsed(expression)) == expected


def test_an_item_of_a_parameter_may_be_the_states() -> None:
    """A constant key of a parameter leads to the item of that name anywhere."""
    assert Source(("key", "plan"), "made", choice="state") in sources("state['plan']")
