"""Finds what stays the same in the messages of one node over rollouts, as a text or as a template for what varies."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.wording import LONG
from langgraph_gepa.adapter.observed.message_parts import KnownTexts, SentMessage, Span, comes_from
from langgraph_gepa.adapter.observed.volatile_text import moments
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Style

_WORDS = 3
"""Words from which a part of a message may be a part of a text."""
_COMPARED_WORDS = 2_000
"""Words of a message up to which it is compared with others word by word."""
_COMPARED_MESSAGES = 5
"""Other messages a message is compared with."""
_GROUP = 60
"""Messages of one node and role that are compared."""
_DATA = re.compile(r"\s*(?:<[^<>]*>\s*)*[\[({]+\s*(?:['\"\[{]|\w+\()")
"""The beginning of JSON, or of an object as Python shows it, in tags or not."""
_IDENTIFIER = re.compile(r"\w*[_\d]\w*")


class Constant(NamedTuple):
    """A text that stays the same, with its style and the first message that it was found in.

    `once` says that one example only sent such a message, so that it is not known what would stay the same in others.
    """

    text: str
    style: Style
    message: SentMessage
    once: bool = False


def constants(messages: Sequence[SentMessage], known: KnownTexts) -> Iterator[Constant]:
    """What stays the same in messages of one node and role over the rollouts, without `known` texts.

    Of a message that one rollout alone sent, only a system message is taken, as a whole.
    """
    groups: dict[tuple[str, str], list[tuple[SentMessage, str]]] = {}
    for message in messages:
        for rest in known.rest(message.text):
            if templates.word_count(rest) >= _WORDS and not _is_data(rest):
                groups.setdefault((message.node, message.role), []).append((message, rest.strip()))
    for group in groups.values():
        yield from _of_group(group[:_GROUP])


def _of_group(group: Sequence[tuple[SentMessage, str]]) -> Iterator[Constant]:
    found: set[tuple[str, Style]] = set()
    for message, rest in group:
        if any(_gives(text, style, rest) for text, style in found):
            continue
        others = [text for other, text in group if other.run != message.run]
        common = _common(rest, others, message.data) if others else None
        if common is not None:
            found.add(common)
            yield Constant(*common, message)
        elif not others and message.role == "system" and not comes_from(rest, message.data):
            found.add((rest, "plain"))
            yield Constant(rest, "plain", message, once=True)


def _gives(text: str, style: Style, message: str) -> bool:
    pattern = matching.pattern(text, style)
    return pattern is not None and pattern.occurs_in(message)


def _is_data(text: str) -> bool:
    """Whether a text is not language, but JSON, an object as Python shows it, or a list of identifiers."""
    return _DATA.match(text) is not None or templates.word_count(_IDENTIFIER.sub(" ", text)) < _WORDS


def _common(text: str, others: Sequence[str], data: Sequence[str]) -> tuple[str, Style] | None:
    """The text, or the template, of which `text` and the most similar of `others` are fillings."""
    if text in others:
        return None if comes_from(text, data) else _template(text, [(0, len(text))])
    words = _tokens(text)
    if len(words) > _COMPARED_WORDS:
        return None
    best: list[slice] = []
    for other in list(dict.fromkeys(others))[:_COMPARED_MESSAGES]:
        other_words = _tokens(other)
        if len(other_words) > _COMPARED_WORDS:
            continue
        compared = SequenceMatcher(str.isspace, words, other_words, autojunk=False)
        blocks = [slice(block.a, block.a + block.size) for block in compared.get_matching_blocks() if block.size]
        best = max(best, blocks, key=lambda found: _size(words, found))
    ends = [0, *itertools.accumulate(map(len, words))]
    return _template(text, [(ends[block.start], ends[block.stop]) for block in best], data)


def _template(text: str, same: Sequence[Span], data: Sequence[str] = ()) -> tuple[str, Style] | None:
    """The template of which a text is one filling. Its words are what stays the same, without moments and `data`;
    `None` when that is next to nothing."""
    varying = list(moments(text))
    long = [(start, end) for start, end in same if templates.word_count(text[start:end]) >= _WORDS]
    long = [(start, end) for start, end in long if not comes_from(text[start:end].strip(), data)]
    kept = [span for start, end in long for span in _outside(varying, start, end)]
    if kept == [(0, len(text))]:
        return text, "plain"
    if templates.word_count(" ".join(text[start:end] for start, end in kept)) < LONG:
        return None
    made, at, count = [], 0, 0
    for start, end in (*kept, (len(text), len(text))):
        if start > at:
            count += 1
            made.append(f"{{value_{count}}}")
        made.append(templates.escape(text[start:end]))
        at = end
    return "".join(made), "format"


def _outside(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    """The parts between `start` and `end` that lie outside of the spans."""
    for first, last in spans:
        if start < last and first < end:
            if first > start:
                yield start, first
            start = last
    if start < end:
        yield start, end


def _size(words: Sequence[str], blocks: Iterable[slice]) -> int:
    return sum(len("".join(words[block])) for block in blocks)


def _tokens(text: str) -> list[str]:
    """Words, and what stands between them."""
    return re.findall(r"\w+|\s+|[^\w\s]", text)
