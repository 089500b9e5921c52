"""What is to be written into a file, and why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_gepa.search.module import Style


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
