"""Chooses the parser of a text by its template language, or all that may apply if that is unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial

import jinja2

from langgraph_gepa.adapter.templates.braces import formatted, fstring
from langgraph_gepa.adapter.templates.contract import Template
from langgraph_gepa.adapter.templates.jinja import jinja
from langgraph_gepa.adapter.templates.mustaches import mustache
from langgraph_gepa.adapter.templates.sigils import dollars, percent, replaced, tagged
from langgraph_gepa.core.module import Style
from langgraph_gepa.core.placeholders import BrokenTemplateError

Reader = Callable[[str], Template]


def readers(
    original: str,
    style: Style,
    tokens: Collection[str] = (),
    environment: jinja2.Environment | None = None,
    once: Collection[str] = (),
) -> list[Reader]:
    """The parsers for texts that may replace `original`: that of its language, or all possible ones if unknown."""
    match style:
        case "format":
            return [formatted]
        case "fstring":
            return [partial(fstring, tokens=tokens, once=once)]
        case "percent":
            return [percent]
        case "dollars":
            return [dollars]
        case "mustache":
            return [mustache]
        case "jinja2":
            return [partial(jinja, environment=environment)]
        case "unknown":
            return list(_possible(original))
    return [partial(replaced, tokens=tokens)] if tokens else []


def can_read(read: Reader, text: str) -> bool:
    """Whether a parser accepts a text, and its placeholders have names that a program may fill in."""
    try:
        names = read(text).names
    except BrokenTemplateError:
        return False
    return read not in (formatted, mustache) or all(map(_NAMED.match, names))


def _possible(original: str) -> Iterator[Reader]:
    """The parsers of the languages that may apply to a text."""
    for read in (jinja, mustache, formatted, partial(percent, strict=False), partial(dollars, strict=False), tagged):
        if can_read(read, original):
            yield partial(_cautious, read)


def _cautious(read: Reader, text: str) -> Template:
    """A text in an unknown language, parsed as one of those that may apply."""
    if not can_read(read, text):  # most often JSON
        raise BrokenTemplateError(_UNKNOWN)
    found = read(text)
    return replace(found, names=tuple(field.written for field in found.fields), advice=_UNKNOWN)


_UNKNOWN = (
    "how the program fills this text in is not known: write no braces, $name or %s that the current text does not have"
)
_NAMED = re.compile(r"\.\Z|\w+(?:[.\[]|\Z)")
