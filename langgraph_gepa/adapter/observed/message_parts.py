"""The messages that models were told, and what in them is known: modules' own words, and what a rollout came by."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.tracing import attribution
from langgraph_gepa.adapter.tracing.message_text import letters, strings
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call

_WORD = re.compile(r"\w+")
_FEW = 4
"""Words that follow each other in two texts by more than chance."""
_SAID = 12
"""Letters of what a rollout came by itself, from which it is recognised."""

Nodes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A rollout to learn from: the example's inputs as plain data, and the calls with `modules` filled in."""

    inputs: Any
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a model was told, by something other than a model or a tool, when it was first told.
    `brought` is what the rollout had come by until then."""

    run: int
    node: str
    role: str
    text: str
    brought: Sequence[str] = field(default=(), compare=False)


def heard(runs: Sequence[Run]) -> list[Told]:
    """Every message of the runs that no model or tool wrote, once."""
    return list(dict.fromkeys(_told(runs)))


def _told(runs: Sequence[Run]) -> Iterator[Told]:
    for number, run in enumerate(runs):
        brought = _worth(run.inputs)
        for call in run.calls:
            for message in call.inputs if call.kind == "model" else ():
                if message.get("role") not in ("assistant", "tool"):
                    text = "\n".join(strings(message.get("content")))
                    if templates.has_words(text):
                        yield Told(number, call.node, str(message.get("role")), text, brought)
            arguments = _worth(call.inputs) if call.kind != "model" else []
            brought = [*brought, *_worth(call.output), *_worth(call.error), *arguments]


def _worth(value: Any) -> list[str]:
    """The strings in plain data that are long enough to be known again."""
    return [text for text in strings(value) if letters(text) >= _SAID]


def came_by(text: str, data: Sequence[str]) -> bool:
    """Whether the rollout came by a text through its example, its tools or its models: as it stands, or most of it
    in other clothes, such as JSON, a list of points, or with a heading over each part."""
    if any(text in one for one in data):
        return True
    inside = {one for one in data if one in text}
    apart = (one for one in inside if not any(one in other for other in inside - {one}))
    if sum(map(len, apart)) * 2 > len(text):
        return True
    runs = _runs_of_words(text)
    new = set(runs)
    for one in data:
        new -= _runs_of_words(one)
    return bool(runs) and len(new) * 2 <= len(runs)


@functools.lru_cache(maxsize=4096)
def _runs_of_words(text: str) -> frozenset[tuple[str, ...]]:
    """Every few words that follow each other in a text, letters and digits alone."""
    words = [word.lower() for word in _WORD.findall(text)]
    return frozenset(zip(*(words[at:] for at in range(_FEW)), strict=False))


def in_every_run(pattern: matching.Pattern | None, like: Told, told: Iterable[Told]) -> bool:
    """Whether a text stands in messages of every rollout that came to the node with a message in this role: one in
    some of them is a branch or a value."""
    if pattern is None:
        return False
    same = [message for message in told if (message.node, message.role) == (like.node, like.role)]
    holding = {message.run for message in same if any(True for _ in pattern.matches(message.text))}
    return holding == {message.run for message in same}


class Known:
    """The texts that are modules already, to leave them out of messages.

    One that is only `possible` is found where its lines stand by themselves: within a line it may be an example that
    another text gives.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._patterns: list[matching.Pattern] = []
        self._possible: list[matching.Pattern] = []
        self._short: set[str] = set()
        self._filled: list[matching.Pattern] = []
        for module in modules:
            if module.kind != "prompt":
                continue
            pattern = matching.pattern(module.text, module.style, module.placeholders)
            found = self._possible if module.evidence == "possible" else self._patterns
            if pattern is not None:
                found.append(pattern)
                if pattern.whole and not pattern.keys:
                    self._short |= {*pattern.literals}
                elif pattern.whole and sum(map(letters, pattern.literals)) >= _SAID:
                    self._filled.append(pattern)
            parts = attribution.literals(module.text, module.style, module.placeholders)
            plain = (matching.pattern(part) for part in parts if letters(part) >= matching.ALONE)
            found += [part for part in plain if part is not None and part != pattern]

    def spans(self, said: str) -> list[tuple[int, int]]:
        proven = [span for pattern in self._patterns for match in pattern.matches(said) for span in match.said()]
        possible = [match for pattern in self._possible for match in pattern.matches(said)]
        around = [*proven, *(span for match in possible for span in match.said())]
        starts, ends = {start for start, _ in around}, {end for _, end in around}
        by_themselves = (match for match in possible if _by_itself(match, said, starts, ends))
        spans = [*proven, *(span for match in by_themselves for span in match.said())]
        return sorted(span for span in spans if span[0] < span[1])

    def filling(self, said: str, start: int, end: int) -> tuple[int, int] | None:
        """The smallest filling of a placeholder of these texts that holds this part of a message."""
        patterns = (*self._patterns, *self._possible)
        holes = (hole for pattern in patterns for match in pattern.matches(said) for hole in match.holes)
        around = [(first, last) for first, last in holes if first <= start and end <= last]
        return min(around, key=lambda hole: hole[1] - hole[0], default=None)

    def rest(self, said: str) -> Iterator[str]:
        """What is left of a message, in pieces. One that is all of a short text is that text."""
        at = 0
        for start, end in [*self.spans(said), (len(said), len(said))]:
            if start > at and said[at:start].strip() not in self._short:
                yield said[at:start]
            at = max(at, end)

    def is_filling(self, text: str) -> bool:
        """Whether all of a text is what one of these texts, too short to be found anywhere, says around some data."""
        return any(True for pattern in self._filled for _ in pattern.matches(text))


def _by_itself(match: matching.Match, said: str, starts: set[int], ends: set[int]) -> bool:
    """Whether a text takes whole lines of a message, or all between what other texts say."""
    first, last = match.start, match.end
    while first > 0 and first not in ends and said[first - 1] != "\n" and not said[first - 1].isalnum():
        first -= 1
    while last < len(said) and last not in starts and said[last] != "\n" and not said[last].isalnum():
        last += 1
    begins = first == 0 or first in ends - {match.end} or said[first - 1] == "\n"
    return begins and (last == len(said) or last in starts - {match.start} or said[last] == "\n")


def itself(message: Told, match: matching.Match, known: Known) -> bool:
    """Whether what was found is no module's own words and nothing the rollout came by."""
    spans = known.spans(message.text)
    whole = any(start <= match.start and match.end <= end for start, end in spans)
    if whole or all(_within(words, match, spans) for words in match.said() if message.text[slice(*words)].strip()):
        return False
    said = message.text[match.start : match.end]
    return not any(said in text for text in message.brought)


def _within(words: tuple[int, int], match: matching.Match, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether words of a template are a module's that has the same placeholders beside them, not what filled them."""
    around = [(start, end) for start, end in spans if start <= words[0] and words[1] <= end]
    return any(all(last <= start or end <= first for first, last in match.holes) for start, end in around)
