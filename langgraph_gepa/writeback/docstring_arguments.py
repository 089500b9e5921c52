"""What a docstring in Google's style says of a function's arguments, as LangChain reads it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_BLOCK = re.compile(r"^[ \t]*Args:[ \t]*\n((?:[ \t]*\S.*(?:\n|\Z))+)", re.MULTILINE)
_LINE = re.compile(r"[^\n]+")
_ARGUMENT = re.compile(r"\s*(\w+)(?: \([^:]*\))?\s*:[ \t]*")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument's description: `text` as it is read, from what stands at `start` to `end` in the docstring."""

    name: str
    text: str
    start: int
    end: int


def arguments(docstring: str) -> Iterator[Argument]:
    """The arguments that a docstring describes. A line with a colon in it begins another one."""
    block = _BLOCK.search(docstring)
    if block is None:
        return
    current: Argument | None = None
    for line in _LINE.finditer(docstring, block.start(1), block.end(1)):
        head = _ARGUMENT.match(docstring, line.start(), line.end())
        if ":" in line[0]:
            if current is not None:
                yield current
            said = docstring[head.end() : line.end()].strip() if head else ""
            current = Argument(head[1], said, head.end(), line.end()) if head else None
        elif current is not None:
            current = replace(current, text=f"{current.text} {line[0].strip()}".strip(), end=line.end())
    if current is not None:
        yield current


def described(docstring: str, name: str) -> str:
    """What the docstring says of one argument, once `inspect` has cleaned it."""
    return next((argument.text for argument in arguments(inspect.cleandoc(docstring)) if argument.name == name), "")
