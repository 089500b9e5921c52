"""What a text may do: the placeholders of each language of templates, and the check that a new text keeps to them.

A text that takes the place of another does what that one does and nothing else. Every placeholder of the original is
there, written plainly or exactly as the original writes it (with its conversion, format, attribute, index or filter),
inside the same loops and conditions; there is nothing besides, and the text cannot grow without bound. All of it is
proved by parsing both texts: `parsing` reads a language into `contract.Template`, and `contract.complaint` compares.
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
    """The names of the placeholders in `text`, in order of first use; `%s` and `$name` as they are written.

    Raises `BrokenTemplateError` when `text` is not a well-formed template of its style.
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
    """Why `text` may not take the place of `original`, or `None` when it may.

    `tokens` are the placeholders of the module: what the program replaces in a plain text, and what `.format` fills
    in an f-string. `again` are the languages in which what comes of the text is filled in once more. `environment` is
    jinja2's where it is not the default one; `once` names the placeholders of an f-string whose expressions call
    something, and so may not be repeated.
    """
    if (complaint := contract.too_long(text, original)) is not None:
        return complaint
    said = [(original, text)]
    try:
        for read in parsing.readers(original, style, tuple(tokens), environment, once):
            old, new = read(original), read(text)
            if (complaint := contract.complaint(old, new)) is not None:
                return complaint
            said.append((old.said, new.said))
        for language in again:
            for old_words, new_words in said if language == "unknown" else said[1:] or said:
                for read in parsing.readers(old_words, language, (), environment):
                    if (complaint := contract.complaint(read(old_words), read(new_words))) is not None:
                        return f"what comes of the text is filled in once more, and {complaint}"
    except BrokenTemplateError as broken:
        return str(broken)
    return None


def may_be(text: str, style: Style, environment: jinja2.Environment | None = None) -> bool:
    """Whether a text can be a template of a language: it is well-formed, and names what a program may fill in."""
    return any(parsing.can_read(read, text) for read in parsing.readers(text, style, (), environment))
