"""What messages say, as plain strings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def strings(value: Any) -> Iterator[str]:
    """Every string in plain data; of content blocks, what they say."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        held = value["text"] if value.get("type") == "text" and "text" in value else list(value.values())
        yield from strings(held)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def even(text: str) -> str:
    """With single spaces: a text may be dedented or wrapped on its way."""
    return " ".join(text.split())


def letters(text: str) -> int:
    """How many letters and digits a text has."""
    return sum(map(str.isalnum, text))
