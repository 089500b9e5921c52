"""What is to be written into a file, and why it cannot be."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from langgraph_gepa.core.module import Module, Style


class UnwritableError(Exception):
    """A text that cannot be put into its file; the message says why, in words that end a sentence."""


class GoneError(UnwritableError):
    """The file does not hold the text any more."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One text to change: `old` and `new` as `Module.text` gives them, `line` as `Module.line`."""

    old: str
    new: str
    line: int | None = None
    style: Style = "plain"


def as_written(module: Module, text: str) -> str:
    """A module's new text as it goes into its file: with the space around the old one and, in a docstring, with the
    margin of its lines."""
    text = with_margins(module.text, text)
    return text if module.kind == "prompt" else _indented(module.text, text)


def _indented(old: str, new: str) -> str:
    """`new` with the margin of `old` on every line but the first, where it has lines without.

    LangChain takes no margin off a docstring whose first line has none. A model may leave it out, wholly or in the
    lines it adds, and means nothing by that.
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
    """`new` with the space around `old`, where it has none of its own.

    A model's reply cannot say the line end that an editor puts at the end of a file, and does not mean to take it away.
    """
    core = old.strip()
    if not core or not new.strip():
        return new
    start = old.index(core)
    lead = "" if new[:1].isspace() else old[:start]
    trail = "" if new[-1:].isspace() else old[start + len(core) :]
    return lead + new + trail


def as_docstring(text: str) -> str:
    """A text without what a docstring's place in the source adds to it: margins and outer space."""
    first, _, rest = text.partition("\n")
    return f"{first.lstrip()}\n{textwrap.dedent(rest)}".strip()
