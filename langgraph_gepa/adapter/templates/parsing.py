"""Which languages of templates may fill in a text, and how each is read."""

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
    """How to read texts in place of `original`: in its language, or where that is unknown in each that it can be of."""
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
    """Whether a program could fill the text in so: it is well-formed, and its placeholders can have these names."""
    try:
        names = read(text).names
    except BrokenTemplateError:
        return False
    return read not in (formatted, mustache) or all(map(_NAMED.match, names))


def _possible(original: str) -> Iterator[Reader]:
    """The languages that could fill the text in."""
    for read in (jinja, mustache, formatted, partial(percent, strict=False), partial(dollars, strict=False), tagged):
        if can_read(read, original):
            yield partial(_cautious, read)


def _cautious(read: Reader, text: str) -> Template:
    """A text whose language is not known, as one language reads it."""
    if not can_read(read, text):  # JSON, most often
        raise BrokenTemplateError(_UNKNOWN)
    found = read(text)
    return replace(found, names=tuple(field.written for field in found.fields), advice=_UNKNOWN)


_UNKNOWN = (
    "how the program fills this text in is not known: write no braces, $name or %s that the current text does not have"
)
_NAMED = re.compile(r"\.\Z|\w+(?:[.\[]|\Z)")
