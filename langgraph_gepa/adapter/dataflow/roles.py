"""Decides whether a text is on, and if not why: from its uses in the data flow (`uses`) and its words (`wording`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import wording
from langgraph_gepa.adapter.dataflow.uses import Use
from langgraph_gepa.adapter.objects.text_literals import Literal
from langgraph_gepa.core.module import Off, Style

_CODES: Sequence[tuple[Use, Off]] = (
    ("table", Off.TABLE),
    ("value", Off.FILLING),
    ("output", Off.OUTPUT),
    ("elsewhere", Off.ELSEWHERE),
    ("hinted", Off.UNPROVEN),
)
"""Why a text that steers no model is off, by its uses; the first that applies."""
_MESSAGE_USES: frozenset[Use] = frozenset({"prompt", "reported", "option"})
"""Uses of a text that is a message, or the outermost text of one."""
_INSIDE: Sequence[Use] = ("near", "inserted", "spare", "branch")
"""Uses of a text that is put into another text and may steer there."""
_WORDS = 4
"""The fewest words of a text without placeholders that counts as more than a value."""
_PHRASE = 3
"""The same for a text that is put into another one."""
_SENTENCE = 5
"""Words of a sentence from which a text that is put into another in some calls is more than a value."""
_ENTRY = 20
"""Words from which an entry of a small table with a computed key is more than a value."""
FEW = 8
"""Most entries of a table that may hold instructions."""
_DEFAULT_PROMPT = 12
"""Words from which the default of an optional input is a prompt rather than a value."""


class Text(NamedTuple):
    """A text as it is written.

    - `beside`: it is a message beside another one that instructs.
    - `covered`: another text of the program is inserted between its labels.
    - `few`: it is an entry of a small table.
    - `output`: it reports an exception or an agent's result.
    - `called`: the variable that holds it is named like a prompt.
    """

    text: str
    style: Style = "plain"
    tokens: tuple[str, ...] = ()
    beside: bool = False
    covered: bool = False
    few: bool = False
    output: bool = False
    called: bool = False

    @property
    def template(self) -> tuple[str, Style, tuple[str, ...]]:
        """The text with what its placeholders are."""
        return self.text, self.style, self.tokens


def listed(text: Text, uses: frozenset[Use]) -> bool:
    """Whether a text with these uses is worth listing: it has words, and is more than a name or a short value."""
    if templates.is_name(text.text) or not templates.has_words(text.text, text.style):
        return False
    if not _MESSAGE_USES.isdisjoint(uses):
        return True
    inside = any(use in uses for use in _INSIDE)
    used = inside or any(use in uses for use, _ in _CODES)
    least = _PHRASE if inside else _WORDS
    return used and (templates.word_count(text.text) >= least or text.style != "plain" or bool(text.tokens))


def always_instructs(literal: Literal) -> bool:
    """Whether a literal instructs wherever it is inserted."""
    return not wording.frames(literal.text, literal.style) and wording.instructs(literal.text, literal.style)


def off(text: Text, uses: frozenset[Use]) -> Off | None:
    """Why a text with these uses is off; `None` when it steers a model."""
    if text.output:
        return Off.OUTPUT
    if not _MESSAGE_USES.isdisjoint(uses):
        return _message_off(text, uses)
    inside = [use for use in _INSIDE if use in uses]
    if inside and wording.frames(*text.template):
        return Off.FILLING if text.style == "plain" and not text.tokens and wording.is_value(text.text) else Off.FRAME
    if inside and "compared" in uses:
        return Off.PROTOCOL
    if any(_steers_inside(text, use) for use in inside):
        return None
    if inside:
        return Off.FILLING
    if (
        "value" in uses
        and text.called
        and _steers_inside(text, "spare")
        and wording.instructs_by_itself(*text.template)
    ):
        return None
    if "table" in uses and text.few and wording.length(*text.template) >= _ENTRY:
        return None
    return next((code for use, code in _CODES if use in uses), Off.UNPROVEN)


def _message_off(text: Text, uses: frozenset[Use]) -> Off | None:
    """Why a text that is a message, or the outermost text of one, is off; `None` when it steers a model."""
    if (text.beside or text.covered) and wording.frames(*text.template):
        return Off.FRAME
    if "prompt" not in uses and "reported" in uses and not wording.instructs_by_itself(*text.template):
        return Off.FRAME if wording.frames(*text.template) else Off.OUTPUT
    if "compared" in uses and not wording.instructs(*text.template):
        return Off.PROTOCOL
    if _MESSAGE_USES.isdisjoint(uses - {"option"}) and not wording.instructs(*text.template):
        return Off.TABLE
    return None


def _steers_inside(text: Text, use: Use) -> bool:
    """Whether a text that is put into another text is more than a value there."""
    if use == "spare":
        return wording.length(*text.template) >= _DEFAULT_PROMPT
    if text.style == "fstring" and not wording.instructs_by_itself(*text.template):
        return False
    long = wording.ALONE if use == "near" else wording.LONG
    return wording.instructs(*text.template, least=_SENTENCE if use == "branch" else 3, long=long)
