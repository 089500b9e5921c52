"""Decides from a text's words whether it instructs or only frames data, in any human language.

A line frames data if there are only labels around its placeholders: words up to a colon, a heading, a tag, or a word or
two. A sentence, or a line with more words, instructs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from langgraph_gepa.adapter.templates import word_count
from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Style

LONG = 8
"""Words from which a text is more than a value, a heading or a fallback."""
ALONE = 5
"""Words from which a text that is all of a message except labels is more than a value."""
_LABEL = 12
"""Most words of a label before a colon, or of a heading."""
_SHORT = 6
"""Most words of a short label."""
_FEW = 3
"""Most words of a label without a colon."""

_HOLE = "\0"
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ENDS = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]*_`\s]*$")
_BETWEEN = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
"""Between two sentences of a line."""
_COLON = re.compile(r"[:\uff1a][\"'*_`\s]*$")
_ADDRESS = re.compile(r"\b[a-z]+://[!-~]+")
_HEADING = re.compile(
    r"\s*(#+\s|[-=*_#<>\[\]|]{1,3}[^.!?]*[-=*_#<>\[\]|]{1,3}\s*$|[(\uff08\u3010][^.!?\u3002]*[)\uff09\u3011]\s*$)"
)


def frames(text: str, style: Style = "plain", tokens: Iterable[str] = ()) -> bool:
    """Whether a text only frames data, so that no line of it instructs.

    Many words on lines without a placeholder frame nothing, unless there is only a short label before each placeholder.
    """
    lines = list(_lines(text, style, tokens))
    stretches = _filled(text, style, tokens).split(_HOLE)
    many = not any(_HOLE in line for line in lines) and sum(map(word_count, lines)) > _LABEL
    listing = many and max(map(_width, stretches)) > _SHORT
    return not (listing or any(map(_instructs, lines)))


def _width(text: str) -> float:
    """The number of words, with two characters a word in scripts that write no spaces."""
    return word_count(text) - len(_SIGN.findall(text)) / 2


def is_value(text: str) -> bool:
    """Whether a few words are a value, rather than a label or heading."""
    return not (_COLON.search(text) or _HEADING.match(text))


def instructs(
    text: str, style: Style = "plain", tokens: Iterable[str] = (), *, least: int = 2, long: int = LONG
) -> bool:
    """Whether a text that is put into another instructs: it has a sentence of `least` words, or has `long` words."""
    lines = list(_lines(text, style, tokens))
    sentence = any(_ENDS.search(line) and word_count(line) >= least for line in lines)
    return sentence or (length(text, style, tokens) >= long and not frames(text, style, tokens))


def instructs_by_itself(text: str, style: Style = "plain", tokens: Iterable[str] = ()) -> bool:
    """Whether a line without any placeholder instructs, so that the text does more than present data."""
    return any(
        _HOLE not in line and word_count(line) > _FEW and _instructs(line) for line in _lines(text, style, tokens)
    )


def length(text: str, style: Style = "plain", tokens: Iterable[str] = ()) -> int:
    """The number of words besides the placeholders."""
    return sum(map(word_count, _lines(text, style, tokens)))


def _lines(text: str, style: Style, tokens: Iterable[str]) -> Iterator[str]:
    lines = _filled(text, style, tokens).splitlines()
    yield from (piece for line in lines for piece in _BETWEEN.split(line) if word_count(piece))


def _filled(text: str, style: Style, tokens: Iterable[str]) -> str:
    """The text with `_HOLE` for each placeholder, and without addresses."""
    try:
        parts = placeholders.parts(text, style, tokens)
    except placeholders.BrokenTemplateError:
        parts = [placeholders.Part(text)]
    return _ADDRESS.sub("", "".join(part.literal + (_HOLE if part.written else "") for part in parts))


def _instructs(line: str) -> bool:
    if _ENDS.search(line):
        return word_count(line) > 1
    if _HEADING.match(line):
        return word_count(line) > _LABEL
    return not all(map(_label, line.split(_HOLE)))


def _label(piece: str) -> bool:
    return word_count(piece) <= (_LABEL if _COLON.search(piece) else _FEW)
