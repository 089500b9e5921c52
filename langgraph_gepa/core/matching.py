"""Finds the text of a template in a message, with the values that filled its placeholders.

`Pattern` finds a text exactly: its literals with values between them, and one value for a placeholder that is repeated.
`locate` and `carries` know a text by its literals alone, so that they also find a template with logic in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Style
from langgraph_gepa.core.placeholders import Part

ANYWHERE = 24
"""Letters from which a text is recognised anywhere in a message; a shorter one is recognised as a whole message."""
_LOCATED = 20
"""Characters from which a text is located by its literals inside a message."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a text stands in a message. `holes` are the spans that placeholders fill, from left to right."""

    start: int
    end: int
    values: Mapping[str, str] = field(default_factory=dict)
    holes: tuple[tuple[int, int], ...] = ()

    def literal_spans(self) -> Iterator[tuple[int, int]]:
        """The spans of the text's own words."""
        at = self.start
        for start, end in self.holes:
            yield at, start
            at = end
        yield at, self.end


@dataclass(frozen=True, slots=True)
class Pattern:
    """Finds one text in messages, without regard to space around the text.

    `keys` names the placeholders. Where `whole` is set, the text has to be all of a message.
    """

    literals: tuple[str, ...]
    regex: re.Pattern[str] | None
    keys: tuple[str, ...]
    whole: bool

    def matches(self, message: str) -> Iterator[Match]:
        """Where the text stands, from left to right, without overlaps."""
        if self.whole:
            yield from self._all_of(message)
        elif self.regex is None:
            (literal,) = self.literals
            at = message.find(literal)
            while at >= 0:
                yield Match(at, at + len(literal))
                at = message.find(literal, at + len(literal))
        else:
            at = 0
            # The literals are looked for first: an expression of many placeholders takes long to find nothing.
            while in_order(message, self.literals, at) is not None and (hit := self.regex.search(message, at)):
                yield self._match(hit := self._shortest(hit))
                at = hit.end()

    def occurs_in(self, message: str) -> bool:
        """Whether the text stands anywhere in the message."""
        return any(True for _ in self.matches(message))

    def covers(self, text: str) -> bool:
        """Whether a text, without space around it, is all this one with its placeholders filled."""
        text = text.strip()
        return any((match.start, match.end) == (0, len(text)) for match in self.matches(text))

    def _shortest(self, hit: re.Match[str]) -> re.Match[str]:
        """The hit that begins last with the same end: the text's first words may stand before it by chance."""
        first = self.literals[0]
        common = letters(first) < ANYWHERE
        while common and self.regex is not None and hit.string.startswith(first, hit.start()):
            again = hit.string.find(first, hit.start() + 1, hit.end(1))
            later = self.regex.match(hit.string, again, hit.end()) if again >= 0 else None
            if later is None or later.end() != hit.end():
                break
            hit = later
        return hit

    def _all_of(self, message: str) -> Iterator[Match]:
        start, end = len(message) - len(message.lstrip()), len(message.rstrip())
        if self.regex is None:
            if (message[start:end],) == self.literals:
                yield Match(start, end)
        elif (hit := self.regex.fullmatch(message, start, end)) is not None:
            yield self._match(hit)

    def _match(self, hit: re.Match[str]) -> Match:
        values = {key: hit[f"p{i}"] for i, key in enumerate(self.keys)}
        return Match(hit.start(), hit.end(), values, tuple(hit.span(f"p{i}") for i in range(len(self.keys))))


def pattern(text: str, style: Style = "plain", tokens: Sequence[str] = ()) -> Pattern | None:
    """The pattern that finds `text` filled in; `None` for a template with logic, or a text without words.

    `tokens` are what the program replaces in a plain text.
    """
    parts = split(text, style, tokens)
    if parts is None:
        return None
    parts = _stripped(parts)
    literals = tuple(part.literal for part in parts if part.literal)
    size = sum(map(letters, literals))
    if not size:
        return None
    if all(part.name is None for part in parts):
        return Pattern(("".join(literals),), None, (), size < ANYWHERE)
    expression, keys = _expression(parts)
    return Pattern(literals, re.compile(expression, re.DOTALL), keys, size < ANYWHERE)


def filled(text: str, style: Style, values: Mapping[str, str], tokens: Sequence[str] = ()) -> str | None:
    """`text` with its placeholders filled; `None` when a value is missing or the text has logic in it."""
    parts = split(text, style, tokens)
    if parts is None:
        return None
    by_name = {_bare(key): value for key, value in values.items()}
    made = []
    for part in parts:
        made.append(part.literal)
        if part.name is not None:
            value = values.get(part.name, by_name.get(_bare(part.name)))
            if value is None:
                return None
            made.append(value)
    return "".join(made)


def split(text: str, style: Style, tokens: Sequence[str] = ()) -> Sequence[Part] | None:
    """The text in parts; `None` for a broken template or one with logic in it.

    A text of unknown style is one part: it is searched for as it is.
    """
    try:
        parts = placeholders.parts(text, "plain" if style == "unknown" else style, tokens)
    except placeholders.BrokenTemplateError:
        return None
    return None if any(part.written and part.name is None for part in parts) else parts


def carries(message: str, literals: Sequence[str], style: Style = "plain") -> bool:
    """Whether the literals of a text stand in `message` in order, with anything between them.

    Of mustache and jinja2 texts, whose branches may be left out, half of the characters is enough.
    """
    if style in ("mustache", "jinja2"):
        there = sum(len(literal) for literal in literals if literal in message)
        return 0 < there >= sum(map(len, literals)) / 2
    return bool(literals) and in_order(message, literals) is not None


def locate(message: str, literals: Sequence[str]) -> Match | None:
    """Where a text with these literals stands first; the last literal is taken at the end of the message if it can be.

    A text of a few characters is located only where it is all of the message.
    """
    if sum(len(literal.strip()) for literal in literals) < _LOCATED:
        whole = len(literals) == 1 and literals[0] and message.strip() == literals[0]
        return Match(0, len(message)) if whole else None
    starts = in_order(message, literals)
    if starts is None:
        return None
    if len(literals) > 1 and message.endswith(literals[-1]):
        starts[-1] = len(message) - len(literals[-1])
    ends = [start + len(literal) for start, literal in zip(starts, literals, strict=True)]
    return Match(starts[0], ends[-1], holes=tuple(zip(ends[:-1], starts[1:], strict=True)))


def in_order(message: str, literals: Sequence[str], start: int = 0) -> list[int] | None:
    """The positions of literals that follow each other in a message; `None` where they do not."""
    starts = []
    for literal in literals:
        if (at := message.find(literal, start)) < 0:
            return None
        starts.append(at)
        start = at + len(literal)
    return starts


def letters(text: str) -> int:
    """How many letters and digits a text has."""
    return sum(map(str.isalnum, text))


def _stripped(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts of a text without the space around it."""
    trimmed = [parts[0]._replace(literal=parts[0].literal.lstrip()), *parts[1:]]
    trimmed[-1] = trimmed[-1]._replace(literal=trimmed[-1].literal.rstrip())
    return trimmed if trimmed[-1].literal or len(trimmed) == 1 else trimmed[:-1]


def _expression(parts: Sequence[Part]) -> tuple[str, tuple[str, ...]]:
    """A regular expression for a text that is filled in, and the names of its groups `p0`, `p1`, ..."""
    keys: list[str] = []
    made = []
    for part in parts:
        made.append(re.escape(part.literal))
        if part.name is not None and part.name in keys:
            made.append(f"(?P=p{keys.index(part.name)})")
        elif part.name is not None:
            made.append(f"(?P<p{len(keys)}>.*{'' if part is parts[-1] else '?'})")
            keys.append(part.name)
    return "".join(made), tuple(keys)


def _bare(key: str) -> str:
    """The placeholder's name without conversion and format."""
    return re.split(r"[!:]", key, maxsplit=1)[0]
