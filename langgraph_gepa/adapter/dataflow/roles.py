"""Whether a text is on, and if not why: what the flow says of its use (`uses`), and what it looks like (`wording`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import wording
from langgraph_gepa.adapter.dataflow.uses import Use
from langgraph_gepa.adapter.objects.literals import Literal
from langgraph_gepa.core.module import Off, Style

_CODES: Sequence[tuple[Use, Off]] = (
    ("table", Off.TABLE),
    ("value", Off.FILLING),
    ("output", Off.OUTPUT),
    ("elsewhere", Off.ELSEWHERE),
    ("hinted", Off.UNPROVEN),
)
"""Why a text that is used in none of the ways that steer is off, the first that holds."""
_TOLD: frozenset[Use] = frozenset({"prompt", "reported", "option"})
"""Uses of a text that is a message, or the outermost of one."""
_INSIDE: Sequence[Use] = ("near", "inserted", "spare", "branch")
"""Uses of a text that is put into another one and may steer there."""
_WORDS = 4
"""Words from which a text without placeholders is more than a value."""
_SENTENCE = 5
"""Words of a sentence from which a text that is put into another in some of the calls is more than a value."""
_ENTRY = 20
"""Words from which one of a handful of texts, of which a computed key picks one, is more than a value."""
FEW = 8
"""Entries up to which a table may hold instructions."""
_SPARE = 12
"""Words from which a text that stands in for what the caller may give is a default prompt rather than a value."""


class Text(NamedTuple):
    """A text as it is written.

    `beside` says that another message stands beside the one it is, `covered` that another text of the program stands
    between its labels, `few` that it is one of a handful in a table, `output` that it says what was raised or what an
    agent came to, `called` that a variable names it a prompt.
    """

    text: str
    style: Style = "plain"
    tokens: tuple[str, ...] = ()
    beside: bool = False
    covered: bool = False
    few: bool = False
    output: bool = False
    called: bool = False


def listed(text: Text, uses: frozenset[Use]) -> bool:
    """Whether a text with these uses is worth listing: it says something, and is more than a name or a short value."""
    if templates.is_name(text.text) or not templates.speaks(text.text, text.style):
        return False
    if not _TOLD.isdisjoint(uses):
        return True
    used = any(use in uses for use in _INSIDE) or any(use in uses for use, _ in _CODES)
    return used and (templates.words(text.text) >= _WORDS or text.style != "plain" or bool(text.tokens))


def says(literal: Literal) -> bool:
    """Whether a text that is written out instructs wherever it is put."""
    return not wording.frames(literal.text, literal.style) and wording.instructs(literal.text, literal.style)


def off(text: Text, uses: frozenset[Use]) -> Off | None:
    """Why a text with these uses is off; `None` when it steers a model."""
    said = (text.text, text.style, text.tokens)
    if text.output:
        return Off.OUTPUT
    if not _TOLD.isdisjoint(uses):
        return _told(text, uses)
    inside = [use for use in _INSIDE if use in uses]
    if inside and wording.frames(*said):
        return Off.FILLING if text.style == "plain" and not text.tokens and wording.is_value(text.text) else Off.FRAME
    if inside and "compared" in uses:
        return Off.PROTOCOL
    if any(_says(text, use) for use in inside):
        return None
    if inside:
        return Off.FILLING
    if "value" in uses and text.called and _says(text, "spare") and wording.instructs_by_itself(*said):
        return None
    if "table" in uses and text.few and wording.length(*said) >= _ENTRY:
        return None
    return next((code for use, code in _CODES if use in uses), Off.UNPROVEN)


def _told(text: Text, uses: frozenset[Use]) -> Off | None:
    """The same of a text that is a message, or the outermost of one."""
    said = (text.text, text.style, text.tokens)
    if (text.beside or text.covered) and wording.frames(*said):
        return Off.FRAME
    if "prompt" not in uses and "reported" in uses and not wording.instructs_by_itself(*said):
        return Off.FRAME if wording.frames(*said) else Off.OUTPUT
    if "compared" in uses and not wording.instructs(*said):
        return Off.PROTOCOL
    if _TOLD.isdisjoint(uses - {"option"}) and not wording.instructs(*said):
        return Off.TABLE
    return None


def _says(text: Text, use: Use) -> bool:
    """Whether a text that is put into another is more than a value there."""
    said = (text.text, text.style, text.tokens)
    if use == "spare":
        return wording.length(*said) >= _SPARE
    if text.style == "fstring" and not wording.instructs_by_itself(*said):
        return False
    long = wording.ALONE if use == "near" else wording.LONG
    return wording.instructs(*said, least=_SENTENCE if use == "branch" else 3, long=long)
