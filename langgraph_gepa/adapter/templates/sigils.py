"""Parses templates of the `%` operator and `string.Template`, and texts in which a program replaces tokens."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from string import Template as DollarTemplate

from langgraph_gepa.adapter.templates.contract import Field, Template, result_of
from langgraph_gepa.core.placeholders import PERCENT, BrokenTemplateError, parts

_TWO_PERCENTS = "the text is filled with the % operator, in order: write %% for a literal percent sign"
_TWO_DOLLARS = "the text is filled by string.Template: write $$ for a literal dollar sign"


def percent(text: str, *, strict: bool = True) -> Template:
    """A template of the `%` operator. Fields without a name are filled in turn, and a `*` takes a value of its own.

    Unless `strict`, single percent signs are literal text, also before a space: `20 % of all`.
    """
    if strict and "%" in PERCENT.sub("", text):
        raise BrokenTemplateError(_TWO_PERCENTS)
    fields = tuple(field for field in _percents(text) if strict or not _PROSE.match(field.written))
    names = [field.written for field in fields]
    in_turn = any(not field.written.startswith("%(") for field in fields)
    result = result_of(parts(text, "percent"))
    return Template(fields, tuple(names if in_turn else dict.fromkeys(names)), advice=_TWO_PERCENTS, result=result)


_PROSE = re.compile(r"%[#0+-]* ")


def _percents(text: str) -> Iterator[Field]:
    turn = 0
    for match in PERCENT.finditer(text):
        if match[0] == "%%":
            continue
        stars = [match["width"], match["precision"]].count("*")
        if match["key"] is None:
            turn += 1 + stars
        name = f"#{turn}" if match["key"] is None else f"({match['key']})"
        how = match[0].removeprefix("%").removeprefix(f"({match['key']})")
        yield Field(name + how, name + ("s" if not stars and match["type"] != "%" else how), match[0])


def dollars(text: str, *, strict: bool = True) -> Template:
    """A template of `string.Template`. If `strict`, a single dollar sign is an error."""
    if strict and any(match["invalid"] is not None for match in DollarTemplate.pattern.finditer(text)):
        raise BrokenTemplateError(_TWO_DOLLARS)
    split = parts(text, "dollars")
    fields = tuple(Field(part.name, part.name, part.written) for part in split if part.name is not None)
    names = dict.fromkeys(f"${field.does}" for field in fields)
    return Template(fields, tuple(names), advice=_TWO_DOLLARS, result=result_of(split))


def tagged(text: str) -> Template:
    """The tags of languages without a parser here, such as Mako and ERB, which must stay unchanged."""
    found = tuple(Field(tag, tag, tag) for tag in _TAGS.findall(text))
    return Template(found, tuple(dict.fromkeys(field.written for field in found)))


_TAGS = re.compile(r"<%[^<>]*%>|[$#@]\{[^{}]*\}|\[%[^\[\]]*%\]|<%|[$#@]\{|\[%|^[ \t]*%(?!%)[^\n]*", re.MULTILINE)
"""Tags in angle, curly and square brackets, and lines that start with a percent sign."""


def replaced(text: str, tokens: Collection[str]) -> Template:
    """A text in which a program replaces `tokens`."""
    split = parts(text, "plain", tokens)
    found = [part.written for part in split if part.written]
    fields = tuple(Field(token, token, token) for token in found)
    return Template(fields, tuple(dict.fromkeys(found)), result=result_of(split))
