"""What goes back to LangSmith's prompt hub."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.publish import by_commit


def pulled(name: str, text: str, **how: str) -> Module:
    return Module(name, "prompt", text, **{"style": "format", "hub": "desk:1a2b", **how})  # type: ignore[arg-type]


def test_new_texts_are_grouped_by_commit() -> None:
    """Two texts of one prompt are one commit."""
    modules = [pulled("system", "Be kind."), pulled("user", "Answer {q}."), pulled("other", "Sort.", hub="sort:3c4d")]
    new = {"system": "Be kinder.", "user": "Answer {q} now.", "other": "Sort all."}
    assert by_commit(modules, new) == {
        "desk:1a2b": {"Be kind.": "Be kinder.", "Answer {q}.": "Answer {q} now."},
        "sort:3c4d": {"Sort.": "Sort all."},
    }


def test_a_text_that_the_hub_would_fill_in_is_refused() -> None:
    """A text that was taken out of a template may get braces, which would be placeholders there."""
    with pytest.raises(UsageError, match=r"The new text of system has braces.*--prompts PREFIX"):
        by_commit([pulled("system", "Be kind.", style="plain")], {"system": "Answer as {this}."})
    constant = pulled("system", "Be {kind}.", style="plain")
    assert by_commit([constant], {"system": "Be {kinder}."}) == {"desk:1a2b": {"Be {kind}.": "Be {kinder}."}}


def test_two_new_texts_for_one_are_refused() -> None:
    """One place cannot have both; the same text twice is one."""
    modules = [pulled("one", "Be kind."), pulled("two", "Be kind.")]
    assert by_commit(modules, {"one": "Be kinder.", "two": "Be kinder."}) == {"desk:1a2b": {"Be kind.": "Be kinder."}}
    with pytest.raises(UsageError, match="Several modules have one text of the prompt 'desk', two among them"):
        by_commit(modules, {"one": "Be kinder.", "two": "Be curt."})
