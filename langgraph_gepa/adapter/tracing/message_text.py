"""Reads the text of messages as plain strings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Module


def strings(value: Any) -> Iterator[str]:
    """Yields every string in plain data; of a content block of text, its text alone."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        inner = value["text"] if value.get("type") == "text" and "text" in value else list(value.values())
        yield from strings(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def single_spaced(text: str) -> str:
    """The text with single spaces between its words: it may be dedented or wrapped on its way to a model."""
    return " ".join(text.split())


def single_spaced_literals(module: Module, text: str) -> tuple[str, ...]:
    """The literals of a text of the module's, with single spaces between their words."""
    literals = placeholders.literals(text, module.style, module.placeholders)
    return tuple(words for literal in literals if (words := single_spaced(literal)))
