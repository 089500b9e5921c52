"""Fits foreign data into a prompt: escapes the prompt's tags, and shortens the longest pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TAGS = (
    "module", "current_text", "record", "inputs", "calls", "outcome", "feedback", "rejected_text", "rejected_edit",
    "broken", "frozen", "summary", "proposed_text", "text_diff", "earlier_edit",
)  # fmt: skip
"""The tags that give a reflection prompt its structure."""

CHARS_PER_TOKEN = 4
"""The estimate behind token budgets. Fair for English and JSON; Chinese or Japanese text takes
about one token a character, so there a budget should be set at a quarter of what the model allows."""

_TAG = rf"(?=[\\\s]*+/?\s*+(?:{'|'.join(TAGS)})\b)"
_FORGED = re.compile(f"<{_TAG}", re.IGNORECASE)
_ESCAPED = re.compile(rf"<\\{_TAG}", re.IGNORECASE)

LEFT_OUT = re.compile(r"\[\.\.\. [\d,]+ characters left out \.\.\.\]")
"""How a cut is marked (see `elide`)."""

_LEAST_LEAF = 120  # below this a cut piece is mostly marker, and cutting the whole block reads better


def escape(text: str) -> str:
    r"""Puts a backslash into everything that looks like one of `TAGS` (`</record>` becomes `<\/record>`)."""
    return _FORGED.sub(r"<\\", text) if "<" in text else text


def unescape(text: str) -> str:
    """Undoes `escape`: `unescape(escape(text)) == text` for every text."""
    return _ESCAPED.sub("<", text)


@dataclass(frozen=True, slots=True)
class Piece:
    """A label and its text; only the text may be shortened."""

    label: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.label}: {self.text}" if self.text else self.label


Block = Sequence[Piece]


def elide(text: str, limit: int) -> str:
    """Returns `text` without its middle, in at most `limit` characters.

    The marker in its place is never cut, so the result can exceed a limit that is smaller than the marker.
    """
    widest = len(_marker(len(text)))
    if len(text) <= max(limit, widest):
        return text
    kept = max(limit - widest, 0)
    head = kept - kept // 2
    return text[:head] + _marker(len(text) - kept) + text[len(text) - kept // 2 :]


def water_level(lengths: Sequence[int], total: int) -> int:
    """Returns the largest level such that lengths cut to it sum to at most `total`: only the long are cut."""
    rest = total
    for index, length in enumerate(sorted(lengths)):
        share = max(rest, 0) // (len(lengths) - index)
        if length > share:
            return share
        rest -= length
    return max(lengths, default=0)


def joined(block: Block) -> str:
    """Returns the whole block as text."""
    return "\n".join(str(piece) for piece in block)


def fit(block: Block, limit: int) -> str:
    """Returns the block in at most `limit` characters (see `elide`): its longest pieces lose their middle first."""
    whole = joined(block)
    if len(whole) <= limit:
        return whole
    lengths = [len(piece.text) for piece in block]
    level = water_level(lengths, limit - (len(whole) - sum(lengths)))
    if level < _LEAST_LEAF:
        return elide(whole, limit)
    return joined([Piece(piece.label, elide(piece.text, level)) for piece in block])


def fit_all(blocks: Sequence[Block], limit: int) -> list[str]:
    """Returns all blocks in at most `limit` characters together, unless that is too little for their markers."""
    wholes = [joined(block) for block in blocks]
    level = water_level([len(whole) for whole in wholes], limit)
    return [whole if len(whole) <= level else fit(block, level) for whole, block in zip(wholes, blocks, strict=True)]


def _marker(count: int) -> str:
    return f" [... {count:,} characters left out ...] "
