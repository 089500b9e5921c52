"""Texts as a Python file writes them.

A text is written as a chain of pieces: string literals side by side or joined with `+`, f-strings
with their expressions, operands that are no literals. What a program sees of it may be less: a
docstring is cleaned, a constant is dedented. Each way of seeing a chain is a view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hole:
    """An expression within a text, as written: `{name!r:>3}` in an f-string, an operand of `+` bare."""

    code: str
    operand: bool = False

    @property
    def bare(self) -> str:
        """The expression without the braces of an f-string."""
        return self.code if self.operand else self.code.removeprefix("{").removesuffix("}").strip()


Fragments = tuple[str | Hole, ...]
"""A text with expressions in it; no two strings stand side by side and none is empty."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One literal or operand of a chain, at `start` to `end` in the file's UTF-8 bytes."""

    start: int
    end: int
    fragments: Fragments
    prefix: str = ""
    quote: str = ""

    @property
    def operand(self) -> bool:
        return not self.quote

    @property
    def triple(self) -> bool:
        return len(self.quote) == 3

    @property
    def raw(self) -> bool:
        return "r" in self.prefix.lower()


@dataclass(frozen=True, slots=True)
class Chain:
    """Pieces that make one text. `plus` says that some are joined with `+`."""

    start: int
    end: int
    pieces: tuple[Piece, ...]
    plus: bool = False

    @property
    def fragments(self) -> Fragments:
        return merged(fragment for piece in self.pieces for fragment in piece.fragments)


@dataclass(frozen=True, slots=True)
class View:
    """A chain as a program sees it. `start` and `end` hold all of the expression that makes it so.

    `seen` takes the chain's own value to what is seen of it; it is `None` where they are the same.
    `fixed` says that the expression around the chain cannot be left out, as a docstring's reader can't;
    `part` is where in the chain's own value it stands, of a text that is only a part of it.
    """

    start: int
    end: int
    chain: Chain
    seen: Callable[[str], str] | None = None
    fixed: bool = False
    part: tuple[int, int] | None = None

    @property
    def fragments(self) -> Fragments | None:
        own = self.chain.fragments
        if self.seen is None:
            return own
        if any(isinstance(fragment, Hole) for fragment in own):
            return None
        return merged([self.seen("".join(map(str, own)))])


@dataclass(frozen=True, slots=True)
class Spot:
    """A view and its place: `line` is where the chain starts, `around` the lines from which it can be meant
    (the start of its statement; for a docstring also the lines of its function and decorators)."""

    view: View
    line: int
    around: range


def merged(fragments: Sequence[str | Hole] | Iterator[str | Hole]) -> Fragments:
    """The same text with strings joined and empty ones left out."""
    joined: list[str | Hole] = []
    for fragment in fragments:
        if isinstance(fragment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += fragment
        elif fragment:
            joined.append(fragment)
    return tuple(fragment for fragment in joined if fragment)
