"""The readers of functions by themselves: the conditions of branches, and what a message stands beside."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from langgraph_gepa.adapter.dataflow import guards, message_groups
from langgraph_gepa.adapter.dataflow.expressions import Expressions
from langgraph_gepa.adapter.dataflow.flow import Flow, Given, Guard, Reading
from langgraph_gepa.adapter.dataflow.statements import read
from langgraph_gepa.adapter.objects import source_code

CODE = 1
STYLE = Given(CODE, "style")


def guarded(test: str) -> tuple[Guard, ...]:
    return guards.of_test(ast.parse(test, mode="eval").body, CODE, ["style"])


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("style", (Guard(STYLE, None, True),)),
        ("not style", (Guard(STYLE, None, False),)),
        ("style == 'oil'", (Guard(STYLE, frozenset({"oil"}), True),)),
        ("style != 'oil'", (Guard(STYLE, frozenset({"oil"}), False),)),
        ("style in ('oil', 'ink')", (Guard(STYLE, frozenset({"oil", "ink"}), True),)),
        ("style == 'oil' and size > 3", (Guard(STYLE, frozenset({"oil"}), True),)),
        ("style == other", ()),
        ("style == 'oil' or size > 3", ()),
        ("size == 'oil'", ()),
    ],
)
def test_a_guard_is_a_condition_on_constants(test: str, expected: tuple[Guard, ...]) -> None:
    """Of a parameter and constants alone; what else may make the test true is no guard."""
    assert guarded(test) == expected


def test_of_several_guards_the_opposite_is_not_known() -> None:
    """Where not both hold, either may."""
    (one,) = guarded("style == 'oil'")
    assert guards.opposite([one]) == guarded("style != 'oil'")
    assert guards.opposite([one, one]) == ()


def reading_of(function: Callable[..., Any]) -> Reading:
    found = source_code.source(function.__code__)
    assert found is not None
    return Reading(function, found.node)  # type: ignore[arg-type]  # it is a plain function


def beside(function: Callable[..., Any]) -> set[str]:
    """The texts of the list that a function returns which another message of it stands by."""
    reading = reading_of(function)
    (listed,) = (node for node in ast.walk(reading.node) if isinstance(node, ast.List))
    places = set(message_groups.beside(listed.elts, Expressions(reading)))
    written = (node for node in ast.walk(listed) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {str(node.value) for node in written if source_code.position(node) in places}


def test_a_message_may_stand_beside_the_systems() -> None:
    """The system's own is not, where nothing else instructs; one alone never is."""

    def both() -> Any:
        return [("system", "You are a guide."), ("user", "Question: why?")]

    def alone() -> Any:
        return [("user", "Question: why?")]

    assert "Question: why?" in beside(both)
    assert beside(alone) == set()


def sinks_of(function: Callable[..., Any]) -> set[tuple[str, str]]:
    """The texts in a function from which a sink comes, with how they are used there."""
    flow = Flow()
    read(flow, function)  # type: ignore[arg-type]  # it is a plain function
    solved = flow.solve()
    (reading,) = flow.readings.values()
    key = id(function.__code__)
    return {(text.text, use) for where, text in reading.texts.items() for use in solved.whole_uses(("lit", key, where))}


def test_a_text_is_followed_through_variables_to_the_message_it_is_in() -> None:
    """By way of two names and a conditional expression; a text that no message takes is used in no way."""

    def node(state: dict[str, Any]) -> Any:
        brief, long = "Answer in one word.", "Answer in ten lines."
        chosen = brief if state["short"] else long
        unused = "Nobody is told this."
        return [{"role": "system", "content": chosen}], len(unused)

    found = sinks_of(node)
    assert {text for text, use in found if use != "hinted"} >= {"Answer in one word.", "Answer in ten lines."}
    assert not any(use in ("prompt", "near", "branch", "inserted") for text, use in found if text.startswith("Nobody"))
