"""An edit of one text in a file, the margins that a new text keeps, and the errors of texts that cannot be written."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from langgraph_gepa.core.module import Module, Style


class UnwritableError(Exception):
    """A text cannot be written into its file. The message says why and is the end of a sentence."""


class GoneError(UnwritableError):
    """The file does not hold the old text any more."""


def ambiguous(lines: Iterable[int]) -> UnwritableError:
    """The error of a text that stands in a file several times, at these lines."""
    at = ", ".join(map(str, sorted(set(lines))))
    return UnwritableError(f"the same text stands there more than once (lines {at}): it is unclear which is meant")


Span = tuple[int, int]
"""Start and end of a text in its file."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One text to change: `old` and `new` are in the form of `Module.text`, `line` and `style` are the module's."""

    old: str
    new: str
    line: int | None = None
    style: Style = "plain"


def as_written(module: Module, text: str) -> str:
    """A module's new text as it is written into its file: with the white space around the old text and, in a docstring,
    with the margin of its lines."""
    text = with_margins(module.text, text)
    return text if module.kind == "prompt" else _indented(module.text, text)


def _indented(old: str, new: str) -> str:
    """`new` with the margin of `old` on every line but the first, where it has lines without.

    LangChain keeps the margin of a docstring whose first line has none. A model may leave it out, in all lines or in
    those it adds, and means nothing by that.
    """
    margins = [line[: len(line) - len(line.lstrip())] for line in old.split("\n")[1:] if line.strip()]
    margin = min(margins, key=len, default="")
    first, *rest = new.split("\n")
    if not margin or all(line.startswith(margin) for line in rest if line.strip()):
        return new
    kept = {line for line in old.split("\n")[1:] if line.strip()} & set(rest)
    lines = (line if not line.strip() or (kept and line.startswith(margin)) else margin + line for line in rest)
    return "\n".join([first, *lines])


def with_margins(old: str, new: str) -> str:
    """`new` with the white space around `old`, where it has none of its own.

    A model's reply cannot hold the line end that editors put at the end of a file, and does not mean to remove it.
    """
    core = old.strip()
    if not core or not new.strip():
        return new
    start = old.index(core)
    lead = "" if new[:1].isspace() else old[:start]
    trail = "" if new[-1:].isspace() else old[start + len(core) :]
    return lead + new + trail


def as_docstring(text: str) -> str:
    """A text without the margins and the outer white space that a docstring has in its source."""
    first, _, rest = text.partition("\n")
    return f"{first.lstrip()}\n{textwrap.dedent(rest)}".strip()
