"""The data model of texts in Python source: literals, f-strings and sums of them; and how literals are evaluated.

A text is written as a chain of pieces: string literals side by side or joined with `+`, f-strings with their
expressions, and operands that are not literals. A program may see something else: a docstring is cleaned, a constant is
dedented. Each way in which a program may see a chain is a view.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression within a text as it is written: `{name!r:>3}` in an f-string, `name` as an operand of `+`."""

    code: str
    operand: bool = False

    @property
    def bare(self) -> str:
        """The expression without the braces of an f-string."""
        return self.code if self.operand else self.code.removeprefix("{").removesuffix("}").strip()


Fragments = tuple[str | Expression, ...]
"""A text with the expressions in it. No two strings are neighbours, and none is empty."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One literal or operand of a chain. `start` and `end` count the file's UTF-8 bytes."""

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
    """The pieces of one text. `plus` says that some are joined with `+`."""

    start: int
    end: int
    pieces: tuple[Piece, ...]
    plus: bool = False

    @property
    def fragments(self) -> Fragments:
        return merged(fragment for piece in self.pieces for fragment in piece.fragments)


@dataclass(frozen=True, slots=True)
class View:
    """A chain as a program sees it. `start` and `end` enclose the whole expression, such as `dedent("...")`.

    `transform` maps the value of the chain to what the program sees; `None` where that is the value itself. For a
    `docstring`, the transformation is in the code that reads it and cannot be left out. `part` is where in the value of
    the chain the text stands, if it is only a part of it.
    """

    start: int
    end: int
    chain: Chain
    transform: Callable[[str], str] | None = None
    docstring: bool = False
    part: tuple[int, int] | None = None

    @property
    def fragments(self) -> Fragments | None:
        own = self.chain.fragments
        if self.transform is None:
            return own
        if any(isinstance(fragment, Expression) for fragment in own):
            return None
        return merged([self.transform("".join(map(str, own)))])


@dataclass(frozen=True, slots=True)
class Site:
    """A view and where it is: the chain starts at `line`. An edit may name any of `lines`, which begin with the
    statement or, for a docstring, with the decorators of its function."""

    view: View
    line: int
    lines: range


def merged(fragments: Iterable[str | Expression]) -> Fragments:
    """Joins neighbouring strings and drops empty ones."""
    joined: list[str | Expression] = []
    for fragment in fragments:
        if isinstance(fragment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += fragment
        elif fragment:
            joined.append(fragment)
    return tuple(joined)


def evaluated(code: str) -> ast.expr | None:
    """Parses an expression; `None` when this version of Python rejects it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an old escape such as "\d" is not reported here
            return ast.parse(f"({code}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def tree(source: str) -> ast.Module | None:
    """Parses a whole file; `None` when this version of Python rejects it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def literal_value(code: str) -> object:
    """Evaluates an expression made of literals. Raises `ValueError` for any other."""
    tree = evaluated(code)
    if tree is None:
        raise ValueError(code)
    return ast.literal_eval(tree)
