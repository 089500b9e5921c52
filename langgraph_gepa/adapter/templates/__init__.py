"""Checks that a new text keeps the template contract of the original, in every template language.

A new text may do what the original does and nothing else. It has every placeholder of the original, written plainly or
exactly as in the original (with its conversion, format, attribute, index or filter), inside the same loops and
conditions. It has no others, and cannot grow without bound. This is proved by parsing both texts: `parsing` reads a
language into a `contract.Template`, and `contract.complaint` compares two of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import jinja2

from langgraph_gepa.adapter.templates import contract, parsing
from langgraph_gepa.adapter.templates.language import has_words, is_name, word_count
from langgraph_gepa.core.module import Style
from langgraph_gepa.core.placeholders import BrokenTemplateError, escape

__all__ = ["BrokenTemplateError", "check", "escape", "has_words", "is_name", "placeholders", "word_count"]


def placeholders(text: str, style: Style, environment: jinja2.Environment | None = None) -> tuple[str, ...]:
    """The names of the placeholders in a text, in order of first use; `%s` and `$name` as they are written.

    Raises `BrokenTemplateError` if the text is not a well-formed template.
    """
    found = [read(text) for read in parsing.readers(text, style, (), environment)]
    return next((one.names for one in found if one.names), ())


def check(
    text: str,
    original: str,
    style: Style,
    tokens: Iterable[str] = (),
    *,
    again: Iterable[Style] = (),
    environment: jinja2.Environment | None = None,
    once: Collection[str] = (),
) -> str | None:
    """Why a text may not replace the original; `None` if it may.

    - `tokens`: what the program replaces in a plain text, or what `.format` fills in an f-string.
    - `again`: the languages in which the filled text is filled in once more.
    - `environment`: jinja2's, if it is not the default one.
    - `once`: the placeholders of an f-string whose expressions call something, and so may not be repeated.
    """
    if (complaint := contract.too_long(text, original)) is not None:
        return complaint
    results = [(original, text)]
    try:
        for read in parsing.readers(original, style, tuple(tokens), environment, once):
            old, new = read(original), read(text)
            if (complaint := contract.complaint(old, new)) is not None:
                return complaint
            results.append((old.result, new.result))
        for language in again:
            for old_words, new_words in results if language == "unknown" else results[1:] or results:
                for read in parsing.readers(old_words, language, (), environment):
                    if (complaint := contract.complaint(read(old_words), read(new_words))) is not None:
                        return f"what comes of the text is filled in once more, and {complaint}"
    except BrokenTemplateError as broken:
        return str(broken)
    return None


def may_be(text: str, style: Style, environment: jinja2.Environment | None = None) -> bool:
    """Whether a text can be a template of a language: it is well-formed, with names that a program may fill in."""
    return any(parsing.can_read(read, text) for read in parsing.readers(text, style, (), environment))
