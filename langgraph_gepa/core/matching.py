"""A text found again in what a model was told, with what filled its placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Style

ALONE = 24
"""Letters under which a text is only recognised as a whole message: a shorter one may stand anywhere by chance."""

Piece = tuple[str, str | None]
"""Literal text, and the placeholder after it."""


@dataclass(frozen=True, slots=True)
class Match:
    """`holes` are where placeholders are filled, from left to right."""

    start: int
    end: int
    values: Mapping[str, str] = field(default_factory=dict)
    holes: tuple[tuple[int, int], ...] = ()

    def said(self) -> Iterator[tuple[int, int]]:
        """Where the text's own words stand."""
        at = self.start
        for start, end in self.holes:
            yield at, start
            at = end
        yield at, self.end


@dataclass(frozen=True, slots=True)
class Pattern:
    """Finds one text in others. Space around the text does not count."""

    literals: tuple[str, ...]
    regex: re.Pattern[str] | None
    keys: tuple[str, ...]
    whole: bool

    def matches(self, said: str) -> Iterator[Match]:
        """Where the text stands, from left to right, without overlaps."""
        if self.whole:
            yield from self._whole(said)
        elif self.regex is None:
            (literal,) = self.literals
            at = said.find(literal)
            while at >= 0:
                yield Match(at, at + len(literal))
                at = said.find(literal, at + len(literal))
        else:
            at = 0
            while self._in_order(said, at) and (hit := self.regex.search(said, at)) is not None:
                yield self._match(hit := self._shortest(hit))
                at = hit.end()

    def _shortest(self, hit: re.Match[str]) -> re.Match[str]:
        """The hit from where the text begins last: its first words may stand by chance before it, as `Order` does."""
        first = self.literals[0]
        told_apart = sum(map(str.isalnum, first)) >= ALONE
        while self.regex is not None and not told_apart and hit.string.startswith(first, hit.start()):
            again = hit.string.find(first, hit.start() + 1, hit.end(1))
            later = self.regex.match(hit.string, again, hit.end()) if again >= 0 else None
            if later is None or later.end() != hit.end():
                break
            hit = later
        return hit

    def _in_order(self, said: str, at: int) -> bool:
        """Looked at first: an expression of many placeholders takes its time to say no."""
        for literal in self.literals:
            if (found := said.find(literal, at)) < 0:
                return False
            at = found + len(literal)
        return True

    def _whole(self, said: str) -> Iterator[Match]:
        start, end = len(said) - len(said.lstrip()), len(said.rstrip())
        if self.regex is None:
            if (said[start:end],) == self.literals:
                yield Match(start, end)
        elif (hit := self.regex.fullmatch(said, start, end)) is not None:
            yield self._match(hit)

    def _match(self, hit: re.Match[str]) -> Match:
        values = {key: hit[f"p{i}"] for i, key in enumerate(self.keys)}
        return Match(hit.start(), hit.end(), values, tuple(hit.span(f"p{i}") for i in range(len(self.keys))))


def pattern(text: str, style: Style = "plain", tokens: Sequence[str] = ()) -> Pattern | None:
    """How to find `text` filled in; `None` when that cannot be told: a template with logic, or without words.
    `tokens` are what the program replaces in plain text."""
    pieces = read(text, style, tokens)
    if pieces is None:
        return None
    pieces = _stripped(pieces)
    literals = [literal for literal, _ in pieces if literal]
    letters = sum(sum(map(str.isalnum, literal)) for literal in literals)
    if not letters:
        return None
    if all(key is None for _, key in pieces):
        return Pattern(("".join(literals),), None, (), letters < ALONE)
    expression, keys = _expression(pieces)
    return Pattern(tuple(literals), re.compile(expression, re.DOTALL), keys, letters < ALONE)


def filled(text: str, style: Style, values: Mapping[str, str], tokens: Sequence[str] = ()) -> str | None:
    """`text` with its placeholders filled, `None` when a value is not known."""
    pieces = read(text, style, tokens)
    if pieces is None:
        return None
    by_name = {_name(key): value for key, value in values.items()}
    said = []
    for literal, key in pieces:
        said.append(literal)
        if key is not None:
            value = values.get(key, by_name.get(_name(key)))
            if value is None:
                return None
            said.append(value)
    return "".join(said)


def read(text: str, style: Style, tokens: Sequence[str] = ()) -> Sequence[Piece] | None:
    """The text in pieces; `None` for a template with logic in it or a broken one. What may be filled in, without
    anybody knowing how, is looked for as it stands."""
    try:
        pieces = placeholders.parts(text, "plain" if style == "unknown" else style, tokens)
    except placeholders.BrokenTemplateError:
        return None
    if any(piece.written and piece.name is None for piece in pieces):
        return None
    return [(piece.literal, piece.name) for piece in pieces]


def _stripped(pieces: Sequence[Piece]) -> list[Piece]:
    trimmed = list(pieces)
    if not trimmed:
        return trimmed
    if not trimmed[-1][0] and trimmed[-1][1] is None and len(trimmed) > 1:
        trimmed.pop()
    trimmed[0] = (trimmed[0][0].lstrip(), trimmed[0][1])
    if trimmed[-1][1] is None:
        trimmed[-1] = (trimmed[-1][0].rstrip(), None)
    return trimmed


def _expression(pieces: Sequence[Piece]) -> tuple[str, tuple[str, ...]]:
    keys: list[str] = []
    made = []
    for i, (literal, key) in enumerate(pieces):
        made.append(re.escape(literal))
        if key is None:
            continue
        if key in keys:
            made.append(f"(?P=p{keys.index(key)})")
            continue
        last = i == len(pieces) - 1 or (i == len(pieces) - 2 and pieces[-1] == ("", None))
        made.append(f"(?P<p{len(keys)}>.*{'' if last else '?'})")
        keys.append(key)
    return "".join(made), tuple(keys)


def _name(key: str) -> str:
    """The placeholder's name without conversion and format."""
    return re.split(r"[!:]", key, maxsplit=1)[0]
