"""How simulated models read prompts and write them: lessons a prompt can teach, found and phrased by pattern.

A simulated task model does right what its prompt covers and mostly wrong what it is silent on.
A simulated reflection model finds the lessons that feedback speaks of and writes them into the text,
as imperfectly as real ones do.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from langgraph_gepa.demo.wire import Answer, Request


@dataclass(frozen=True, slots=True)
class Lesson:
    """A rule that a good prompt states.

    A statement of a prompt covers the lesson when every one of `patterns` is found in it, and
    overdoes it when every one of `excess` is (regular expressions, any case). `phrasings` are ways
    to write it, each covering it; `overreach` ways that go too far; `vague` ways that help nobody.
    `feedback` is found in feedback that teaches the lesson. `luck` is how often a model gets it
    right unasked.
    """

    name: str
    patterns: tuple[str, ...]
    phrasings: tuple[str, ...]
    feedback: str
    overreach: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()
    luck: float = 0.1


def statements(text: str) -> list[str]:
    """The sentences and list items of a prompt."""
    pieces = re.split(r"\n+|(?<=[.!?])\s+", text)
    return [piece.strip(" \t-*•") for piece in pieces if piece.strip(" \t-*•")]


def covered(text: str, lessons: Iterable[Lesson]) -> frozenset[str]:
    """The names of the lessons that some statement of `text` covers."""
    said = statements(text)
    return frozenset(lesson.name for lesson in lessons if _any_matches(said, lesson.patterns))


def overdone(text: str, lessons: Iterable[Lesson]) -> frozenset[str]:
    """The names of the lessons that some statement of `text` carries too far."""
    said = statements(text)
    return frozenset(lesson.name for lesson in lessons if lesson.excess and _any_matches(said, lesson.excess))


def _any_matches(said: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(all(re.search(p, statement, re.IGNORECASE) for p in patterns) for statement in said)


class Reading:
    """What a simulated model takes from a prompt, and its dice."""

    def __init__(self, prompt: str, lessons: Sequence[Lesson], rng: random.Random) -> None:
        self.covered = covered(prompt, lessons)
        self.overdone = overdone(prompt, lessons)
        self.attention = attention(prompt)
        self._luck = {lesson.name: lesson.luck for lesson in lessons}
        self._rng = rng

    def does(self, lesson: str) -> bool:
        """Whether the model acts by the lesson this time. Each call rolls the dice once."""
        return self._rng.random() < (self.attention if lesson in self.covered else self._luck[lesson])

    def overdoes(self, lesson: str) -> bool:
        """Whether the model carries the lesson too far this time."""
        return lesson in self.overdone and self._rng.random() < self.attention


def attention(prompt: str) -> float:
    """How reliably a simulated model follows any one rule of a prompt: less so, slowly, as it grows long."""
    return 0.97 - 0.004 * min(40, max(0, len(statements(prompt)) - 14))


@dataclass(frozen=True, slots=True)
class Habits:
    """A simulated reflection model's chances, per occasion, of each thing it does well or badly."""

    notice: float = 0.85  # a lesson that the feedback of one record speaks of; more records, more chances
    at_most: int = 3  # lessons taken up at a time
    overreach: float = 0.1
    vague: float = 0.1
    forget: float = 0.05  # a rule of the current text
    reword: float = 0.1  # a rule of the current text
    filler: float = 0.25
    leave: float = 0.5  # the text as it is, when the feedback teaches nothing
    lose_placeholder: float = 0.04
    prose: float = 0.4


FILLER = (
    "Be helpful, clear and precise.",
    "Think step by step before you answer.",
    "Double-check your work.",
    "Stay professional at all times.",
    "Read the input carefully and consider all of it.",
    "Aim for the highest quality.",
)
HEADINGS = ("Rules:", "Guidelines:", "Follow these rules:", "Keep in mind:", "What experience has taught:")
OPENINGS = (
    "The feedback shows a few recurring problems, so I made the instruction explicit about them.",
    "Here is the improved instruction.",
    "Looking at the records, the failures come from rules the instruction never stated.",
)
CLOSINGS = (
    "This keeps the original purpose and adds what the feedback asked for.",
    "I kept it general so that it also holds for other inputs.",
)
PLACEHOLDER = re.compile(r"\{\{?\s*[A-Za-z_][\w.]*\s*\}?\}")


def reflect(request: Request, rng: random.Random, lessons: Sequence[Lesson], habits: Habits | None = None) -> Answer:
    """A simulated reflection model's reply to a reflection prompt: a new text in a fence.

    It only ever adds lessons that the feedback of the records speaks of (and filler). It forgets,
    overreaches, is vague and loses placeholders as `habits` has it; told that its last text was
    `<broken>`, it takes care. The answer to feedback that teaches nothing is often `NO CHANGE`.
    """
    habits = habits or Habits()
    prompt = request.user
    taken = _noticed(tagged(prompt, "feedback"), lessons, rng, habits)
    if not taken and rng.random() < habits.leave:
        return Answer("NO CHANGE")
    careful = bool(tagged(prompt, "broken"))
    rules = _Rules.of("\n".join(tagged(prompt, "current_text")[:1])).remembered(lessons, rng, habits)
    for lesson in taken:
        rules = rules.without(lesson, rng).plus(_phrased(lesson, rng, habits))
    if rng.random() < habits.filler:
        rules = rules.plus(rng.choice(FILLER))
    new = rules.text(rng)
    if not careful and rng.random() < habits.lose_placeholder:
        new = PLACEHOLDER.sub("", new, count=1)
    return Answer(_reply(new, rng, habits))


def tagged(text: str, tag: str) -> list[str]:
    """The contents of every `<tag ...>...</tag>` in `text`."""
    found = re.findall(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}>", text, re.DOTALL)
    return [content.strip("\n") for content in found]


def _noticed(feedback: Sequence[str], lessons: Sequence[Lesson], rng: random.Random, habits: Habits) -> list[Lesson]:
    times = Counter(
        lesson.name for lesson in lessons for said in feedback if re.search(lesson.feedback, said, re.IGNORECASE)
    )
    seen = [x for x in lessons if times[x.name] and rng.random() < 1 - (1 - habits.notice) ** times[x.name]]
    rng.shuffle(seen)
    return sorted(seen, key=lambda x: -times[x.name])[: habits.at_most]


def _phrased(lesson: Lesson, rng: random.Random, habits: Habits) -> str:
    draw = rng.random()
    if draw < habits.overreach and lesson.overreach:
        return rng.choice(lesson.overreach)
    if draw > 1 - habits.vague and lesson.vague:
        return rng.choice(lesson.vague)
    return rng.choice(lesson.phrasings)


@dataclass(frozen=True, slots=True)
class _Rules:
    """A prompt taken apart: what it opens with, a heading, its list of rules, and what comes after."""

    head: str
    heading: str
    rules: tuple[str, ...]
    tail: str

    @classmethod
    def of(cls, text: str) -> _Rules:
        lines = text.strip().splitlines()
        listed = [n for n, line in enumerate(lines) if re.match(r"\s*[-*•] ", line)]
        if not listed:
            return cls(text.strip(), "", (), "")
        first, last = listed[0], listed[-1]
        heading = first - 1 if first and lines[first - 1].rstrip().endswith(":") else first
        rules = tuple(line.strip(" \t-*•") for line in lines[first : last + 1] if line.strip())
        return cls(
            "\n".join(lines[:heading]).strip(),
            "\n".join(lines[heading:first]).strip(),
            rules,
            "\n".join(lines[last + 1 :]).strip(),
        )

    def plus(self, rule: str) -> _Rules:
        rules = self.rules if rule in self.rules else (*self.rules, rule)
        return _Rules(self.head, self.heading, rules, self.tail)

    def without(self, lesson: Lesson, rng: random.Random) -> _Rules:
        """A new phrasing mostly replaces what the list had on the same lesson."""
        old = [r for r in self.rules if _any_matches([r], lesson.patterns) or r in (*lesson.overreach, *lesson.vague)]
        if not old or PLACEHOLDER.search(" ".join(old)) or rng.random() < 0.2:
            return self
        return _Rules(self.head, self.heading, tuple(r for r in self.rules if r not in old), self.tail)

    def remembered(self, lessons: Sequence[Lesson], rng: random.Random, habits: Habits) -> _Rules:
        """The same prompt as a careless writer copies it."""
        return _Rules(self.head, self.heading, tuple(self._copied(lessons, rng, habits)), self.tail)

    def _copied(self, lessons: Sequence[Lesson], rng: random.Random, habits: Habits) -> Iterator[str]:
        for rule in self.rules:
            draw = rng.random()
            if PLACEHOLDER.search(rule) or draw >= habits.forget + habits.reword:
                yield rule
            elif draw >= habits.forget:
                about = [lesson for lesson in lessons if _any_matches([rule], lesson.patterns)]
                yield rng.choice(about[0].phrasings) if len(about) == 1 else rule

    def text(self, rng: random.Random) -> str:
        listed = "\n".join(f"- {rule}" for rule in self.rules)
        heading = self.heading or (rng.choice(HEADINGS) if self.rules else "")
        middle = "\n".join(part for part in (heading, listed) if part)
        return "\n\n".join(part for part in (self.head, middle, self.tail) if part)


def _reply(text: str, rng: random.Random, habits: Habits) -> str:
    fenced = f"```{rng.choice(('', '', 'text'))}\n{text}\n```"
    if rng.random() >= habits.prose:
        return fenced
    opening, closing = rng.choice(OPENINGS), rng.choice(("", *CLOSINGS))
    return "\n\n".join(part for part in (opening, fenced, closing) if part)
