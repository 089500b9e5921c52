"""Reads the messages that models were sent, and finds what is known in them: modules' own words, and data."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.tracing.message_text import strings
from langgraph_gepa.core import matching, placeholders
from langgraph_gepa.core.matching import letters
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call

_WORD = re.compile(r"\w+")
_WORDS_IN_COMMON = 4
"""Words that follow each other in two texts by more than chance."""
_LETTERS = 12
"""Letters from which data of a rollout is recognised in a message."""

Nodes = tuple[str, ...]
Span = tuple[int, int]
"""Where a part of a message starts and ends."""


@dataclass(frozen=True, slots=True)
class Run:
    """A rollout to learn from: the example's inputs as plain data, and the calls with `modules` filled in."""

    inputs: Any
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that a model was sent and that no model or tool wrote, the first time it was sent.

    `run` is the position of its rollout. `data` are the texts that the rollout had received until then, from the
    example, models and tools.
    """

    run: int
    node: str
    role: str
    text: str
    data: Sequence[str] = field(default=(), compare=False)


def sent_messages(runs: Sequence[Run]) -> list[SentMessage]:
    """Every message of the runs that no model or tool wrote, once."""
    return list(dict.fromkeys(_messages(runs)))


def _messages(runs: Sequence[Run]) -> Iterator[SentMessage]:
    for number, run in enumerate(runs):
        data = _recognisable(run.inputs)
        for call in run.calls:
            for message in call.inputs if call.kind == "model" else ():
                if message.get("role") not in ("assistant", "tool"):
                    text = "\n".join(strings(message.get("content")))
                    if templates.has_words(text):
                        yield SentMessage(number, call.node, str(message.get("role")), text, data)
            arguments = _recognisable(call.inputs) if call.kind != "model" else []
            data = [*data, *_recognisable(call.output), *_recognisable(call.error), *arguments]


def _recognisable(value: Any) -> list[str]:
    """The strings in plain data that are long enough to be recognised."""
    return [text for text in strings(value) if letters(text) >= _LETTERS]


def comes_from(text: str, data: Sequence[str]) -> bool:
    """Whether a text comes from data: as it stands, or most of it in another form, such as JSON, a list of points, or
    with a heading over each part."""
    if any(text in one for one in data):
        return True
    inside = {one for one in data if one in text}
    apart = (one for one in inside if not any(one in other for other in inside - {one}))
    if sum(map(len, apart)) * 2 > len(text):
        return True
    sequences = _word_sequences(text)
    new = set(sequences)
    for one in data:
        new -= _word_sequences(one)
    return bool(sequences) and len(new) * 2 <= len(sequences)


@functools.lru_cache(maxsize=4096)
def _word_sequences(text: str) -> frozenset[tuple[str, ...]]:
    """Every few words that follow each other in a text, letters and digits alone."""
    words = [word.lower() for word in _WORD.findall(text)]
    return frozenset(zip(*(words[at:] for at in range(_WORDS_IN_COMMON)), strict=False))


def is_in_every_run(pattern: matching.Pattern | None, like: SentMessage, messages: Iterable[SentMessage]) -> bool:
    """Whether a text is in messages of every rollout that sends its node's model one in this role: a text in only some
    of them is a branch or a value."""
    if pattern is None:
        return False
    same = [message for message in messages if (message.node, message.role) == (like.node, like.role)]
    holding = {message.run for message in same if pattern.occurs_in(message.text)}
    return holding == {message.run for message in same}


class KnownTexts:
    """Finds the texts of modules in messages, to leave them out.

    The text of a module that is only `possible` is found where its lines stand by themselves: within a line it may be
    an example that another text gives.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._proven: list[matching.Pattern] = []
        self._possible: list[matching.Pattern] = []
        self._short: set[str] = set()
        self._short_templates: list[matching.Pattern] = []
        for module in modules:
            if module.kind == "prompt":
                self._add(module)

    def _add(self, module: Module) -> None:
        pattern = matching.pattern(module.text, module.style, module.placeholders)
        patterns = self._possible if module.evidence == "possible" else self._proven
        if pattern is not None:
            patterns.append(pattern)
            if pattern.whole and not pattern.keys:
                self._short |= {*pattern.literals}
            elif pattern.whole and sum(map(letters, pattern.literals)) >= _LETTERS:
                self._short_templates.append(pattern)
        literals = placeholders.literals(module.text, module.style, module.placeholders)
        plain = (matching.pattern(literal) for literal in literals if letters(literal) >= matching.ANYWHERE)
        patterns += [literal for literal in plain if literal is not None and literal != pattern]

    def spans(self, message: str) -> list[Span]:
        """Where the modules' own words stand in a message, from left to right."""
        proven = [span for match in _matches(self._proven, message) for span in match.literal_spans()]
        possible = list(_matches(self._possible, message))
        around = [*proven, *(span for match in possible for span in match.literal_spans())]
        starts, ends = {start for start, _ in around}, {end for _, end in around}
        apart = (match for match in possible if _stands_alone(match, message, starts, ends))
        spans = [*proven, *(span for match in apart for span in match.literal_spans())]
        return sorted(span for span in spans if span[0] < span[1])

    def filling(self, message: str, start: int, end: int) -> Span | None:
        """The smallest filling of a placeholder of these texts that holds this part of a message."""
        holes = (hole for match in _matches([*self._proven, *self._possible], message) for hole in match.holes)
        around = [(first, last) for first, last in holes if first <= start and end <= last]
        return min(around, key=lambda hole: hole[1] - hole[0], default=None)

    def rest(self, message: str) -> Iterator[str]:
        """What is left of a message, in pieces. A piece that is all of a short text is that text."""
        at = 0
        for start, end in [*self.spans(message), (len(message), len(message))]:
            if start > at and message[at:start].strip() not in self._short:
                yield message[at:start]
            at = max(at, end)

    def is_filled(self, text: str) -> bool:
        """Whether a text is all of one of these templates that are too short to be found anywhere, filled in."""
        return any(pattern.occurs_in(text) for pattern in self._short_templates)


def _matches(patterns: Iterable[matching.Pattern], message: str) -> Iterator[matching.Match]:
    return (match for pattern in patterns for match in pattern.matches(message))


def _stands_alone(match: matching.Match, message: str, starts: set[int], ends: set[int]) -> bool:
    """Whether a text takes whole lines of a message, or all between the words of other texts."""
    first, last = match.start, match.end
    while first > 0 and first not in ends and message[first - 1] != "\n" and not message[first - 1].isalnum():
        first -= 1
    while last < len(message) and last not in starts and message[last] != "\n" and not message[last].isalnum():
        last += 1
    begins = first == 0 or first in ends - {match.end} or message[first - 1] == "\n"
    return begins and (last == len(message) or last in starts - {match.start} or message[last] == "\n")


def is_unknown(message: SentMessage, match: matching.Match, known: KnownTexts) -> bool:
    """Whether what was found in a message is neither a module's own words nor data of the rollout."""
    spans = known.spans(message.text)
    if any(start <= match.start and match.end <= end for start, end in spans):
        return False
    words = [span for span in match.literal_spans() if message.text[slice(*span)].strip()]
    if all(_is_same_template(span, match, spans) for span in words):
        return False
    text = message.text[match.start : match.end]
    return not any(text in one for one in message.data)


def _is_same_template(words: Span, match: matching.Match, spans: Iterable[Span]) -> bool:
    """Whether words of a template are a module's with the same placeholders beside them, not what filled them."""
    around = [(start, end) for start, end in spans if start <= words[0] and words[1] <= end]
    return any(all(last <= start or end <= first for first, last in match.holes) for start, end in around)
