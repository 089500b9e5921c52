"""How simulated models read prompts and write them: lessons that a prompt can teach.

A simulated task model does right what its prompt covers, and mostly wrong what it is silent on.
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

    A statement of a prompt covers the lesson when all of `patterns` (regular expressions, any case)
    are found in it. `phrasings` are ways to write the rule, `overreach` is one that goes too far.
    `feedback` is found in feedback that teaches the lesson. `luck` is how often a task model does
    right what its prompt is silent on.
    """

    name: str
    patterns: tuple[str, ...]
    phrasings: tuple[str, ...]
    feedback: str
    overreach: str = ""
    luck: float = 0.1


def statements(text: str) -> list[str]:
    """The sentences and list items of a prompt."""
    pieces = (piece.strip(" \t-*•") for piece in re.split(r"\n+|(?<=[.!?])\s+", text))
    return [piece for piece in pieces if piece]


def covered(text: str, lessons: Iterable[Lesson]) -> frozenset[str]:
    """The names of the lessons that some statement of `text` covers."""
    return frozenset(
        lesson.name
        for lesson in lessons
        if any(all(re.search(p, each, re.IGNORECASE) for p in lesson.patterns) for each in statements(text))
    )


def overdone(text: str, lessons: Iterable[Lesson]) -> frozenset[str]:
    """The names of the lessons that `text` carries too far."""
    return frozenset(lesson.name for lesson in lessons if lesson.overreach in statements(text))


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
    leave: float = 0.5  # the text as it is, when the feedback teaches nothing
    lose_placeholder: float = 0.04
    prose: float = 0.4  # around the new text


VAGUE = (
    "Be helpful, clear and precise.",
    "Think step by step before you answer.",
    "Double-check your work.",
    "Stay professional at all times.",
    "Read the input carefully and consider all of it.",
    "Aim for the highest quality.",
)
"""Rules that help nobody."""

HEADING = "\n\nRules:\n"
PROSE = "The failures come from rules that the instruction never stated.\n\n{}\n\nI kept it general."
PLACEHOLDER = re.compile(r"\{\{?\s*[A-Za-z_][\w.]*\s*\}?\}")


def reflect(request: Request, rng: random.Random, lessons: Sequence[Lesson], habits: Habits | None = None) -> Answer:
    """A simulated reflection model's reply to a reflection prompt: a new text in a fence.

    It only ever adds lessons that the feedback of the records speaks of, or vague rules. It forgets,
    overreaches, and loses placeholders as `habits` has it; if its last text was `<broken>`, it takes
    care. The answer to feedback that teaches nothing is often `NO CHANGE`.
    """
    habits = habits or Habits()
    prompt = request.user
    learnt = _noticed(tagged(prompt, "feedback"), lessons, rng, habits)
    if not learnt and rng.random() < habits.leave:
        return Answer("NO CHANGE")
    text = _rewritten("\n".join(tagged(prompt, "current_text")[:1]), learnt, lessons, rng, habits)
    if not tagged(prompt, "broken") and rng.random() < habits.lose_placeholder:
        text = PLACEHOLDER.sub("", text, count=1)
    fenced = f"```\n{text}\n```"
    return Answer(PROSE.format(fenced) if rng.random() < habits.prose else fenced)


def tagged(text: str, tag: str) -> list[str]:
    """The contents of every `<tag ...>...</tag>` in `text`."""
    found = re.findall(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}>", text, re.DOTALL)
    return [content.strip("\n") for content in found]


def _noticed(feedback: Sequence[str], lessons: Sequence[Lesson], rng: random.Random, habits: Habits) -> list[Lesson]:
    times = Counter(
        lesson.name for lesson in lessons for words in feedback if re.search(lesson.feedback, words, re.IGNORECASE)
    )
    seen = [x for x in lessons if rng.random() < 1 - (1 - habits.notice) ** times[x.name]]
    rng.shuffle(seen)
    return sorted(seen, key=lambda x: -times[x.name])[: habits.at_most]


def _rewritten(
    text: str, learnt: Sequence[Lesson], lessons: Sequence[Lesson], rng: random.Random, habits: Habits
) -> str:
    """`text` with a rule for each lesson learnt, which mostly replaces what was there on it, or with a vague rule."""
    head, _, listed = text.strip().partition(HEADING)
    old = [line.removeprefix("- ") for line in listed.splitlines() if line]
    rules = [kept for rule in old for kept in _copied(rule, lessons, rng, habits)]
    for lesson in learnt:
        if rng.random() < 0.8:
            rules = [rule for rule in rules if PLACEHOLDER.search(rule) or not _is_about(rule, lesson)]
        rules.append(_phrased(lesson, rng, habits))
    rules = rules if learnt else [*rules, rng.choice(VAGUE)]
    return head + HEADING + "\n".join(f"- {rule}" for rule in dict.fromkeys(rules))


def _copied(rule: str, lessons: Sequence[Lesson], rng: random.Random, habits: Habits) -> Iterator[str]:
    """The rule as a careless writer copies it: mostly as it is, sometimes in other words or not at all."""
    draw = rng.random()
    if draw >= habits.forget + habits.reword or PLACEHOLDER.search(rule):
        yield rule
    elif draw >= habits.forget:
        about = [lesson for lesson in lessons if covered(rule, [lesson])]
        yield rng.choice(about[0].phrasings) if len(about) == 1 else rule


def _is_about(rule: str, lesson: Lesson) -> bool:
    return rule == lesson.overreach or bool(covered(rule, [lesson]))


def _phrased(lesson: Lesson, rng: random.Random, habits: Habits) -> str:
    draw = rng.random()
    if draw < habits.overreach and lesson.overreach:
        return lesson.overreach
    return rng.choice(VAGUE if draw > 1 - habits.vague else lesson.phrasings)
