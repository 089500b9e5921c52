"""Simulated models for `graphs/code_writer.py`: a writer of programs, and a reflection model, in three worlds.

No model is behind them. The writer can write the ten functions of `evals/code_writer.py` alone: of each it has the
faults that are usually made and the ways to make it faster, and puts them together to real programs, which are really
run. Each such step is one thing to know. In an answer it is done

- with probability `luck`, when nothing speaks of it;
- nearly always, when a rule of the prompt does (`attention`: less so, slowly, as the prompt grows long);
- with probability `KEPT`, when it was done in the last answer that a message holds;
- with probability `insight`, when that answer's feedback is about it.

The reflection model looks at each record as the writer looks at its last answer: with the same `insight` it finds the
next step, and then writes the step's rule down. So what is known of a task, and how well feedback is understood, are
the same for a prompt and for an answer that are to be improved; how much a rule helps with other tasks is the world's.

    python evals/simulated/code_writer.py      serves them on loopback until Ctrl-C
"""

from __future__ import annotations

import functools
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from serving import REFLECTION, serve

from langgraph_gepa.demo.lessons import Habits, Lesson, Reading, reflect, tagged
from langgraph_gepa.demo.server import Answer, Persona, Request

WRITER = "simulated-writer"
KEPT = 0.95
FENCED = re.compile(r"```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class World:
    """How much a lesson helps, and how models fare without one.

    `shared`: the rule behind a step is one for all tasks in which steps of its kind occur, or else each task's own.
    """

    shared: bool = True
    luck: float = 0.25
    insight: float = 0.5


WORLDS = {"shared": World(), "own": World(shared=False), "hard": World(luck=0.05), "silent": World(insight=0.1)}

RULES = {
    "empty": "Return the value for an empty input in the first line",
    "edges": "Check the first and the last value that an argument may have",
    "equal": "Decide what becomes of equal values before anything else",
    "form": "Bring all inputs to one form before you use them",
    "spaces": "Strip the spaces around a text",
    "invalid": "Leave out inputs that make no sense",
    "signs": "Start a maximum from the first value and never from 0",
    "hashing": "Look things up in a set or a dict, not in a list",
    "built-ins": "Let functions of the language do the loops",
    "fewer": "Do not look at what cannot change the result",
    "once": "Never compute the same thing twice",
    "order": "Sort first, then use the order",
    "loop": "Write a recursion as a loop",
}
"""What there is to know of a kind of step, in words."""


@dataclass(frozen=True, slots=True)
class Care:
    """A line that begins the function as it should, and the one that many write in its place."""

    kind: str
    careful: str
    careless: str = ""


@dataclass(frozen=True, slots=True)
class Sketch:
    """The programs for one function: lines of care, then the slowest body or a faster one, each by a step more."""

    name: str
    head: str
    care: tuple[Care, ...]
    slowest: str
    faster: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the steps: first all care, then the speed, in order."""
        return [*(one.kind for one in self.care), *self.faster]

    def program(self, done: Sequence[bool]) -> str:
        """The program in which the steps are done that `done` says. A faster body builds on those before it."""
        lines = [one.careful if there else one.careless for one, there in zip(self.care, done, strict=False)]
        body = self.slowest
        for faster, there in zip(self.faster.values(), done[len(self.care) :], strict=True):
            if not there:
                break
            body = faster
        return f"{self.head}\n{''.join(lines)}{body}"

    def done(self, program: str) -> list[bool]:
        """Which steps are done in a program of this sketch."""
        reached = next((i for i, body in reversed([*enumerate(self.faster.values(), 1)]) if body in program), 0)
        return [*(one.careful in program for one in self.care), *(i < reached for i in range(len(self.faster)))]

    def next_step(self, program: str, feedback: str) -> int | None:
        """The step that the feedback on a program is about: a fault of a wrong one, the speed of a right one."""
        steps = range(len(self.care)) if feedback.startswith("Wrong") else range(len(self.care), len(self.kinds))
        done = self.done(program)
        return next((step for step in steps if not done[step]), None)


def rule(world: World, sketch: Sketch, kind: str) -> str:
    return f"{RULES[kind]}." if world.shared else f"In {sketch.name}: {RULES[kind]}."


@functools.cache
def lessons(world: World) -> tuple[Lesson, ...]:
    """A lesson for each rule that any step has. Its feedback is found by the reflection model's own reading."""
    rules = dict.fromkeys(rule(world, sketch, kind) for sketch in SKETCHES for kind in sketch.kinds)
    return tuple(Lesson(text, (re.escape(text),), (text,), feedback="", luck=world.luck) for text in rules)


def write(world: World, request: Request, rng: random.Random) -> Answer:
    """The writer's reply: a program for the function that the request names first."""
    sketch = _sketch_in(request.user)
    if sketch is None:
        return Answer("I know no such function.")
    reading = Reading(request.system, lessons(world), rng)
    done = [reading.does(rule(world, sketch, kind)) for kind in sketch.kinds]
    if last := FENCED.search(request.user):
        feedback = request.user[last.end() :].strip()
        before, step = sketch.done(last[1]), sketch.next_step(last[1], feedback)
        done = [now or (was and rng.random() < KEPT) for now, was in zip(done, before, strict=True)]
        if step is not None:
            done[step] |= rng.random() < world.insight
    return Answer(f"```python\n{sketch.program(done)}```")


def improve(world: World, request: Request, rng: random.Random) -> Answer:
    """The reflection model's reply: the text with the rules for what it found in the records."""
    found = {}
    for record in tagged(request.user, "record"):
        sketch, answer = _sketch_in(record), FENCED.search("\n".join(tagged(record, "calls")))
        if sketch is None or answer is None:
            continue
        step = sketch.next_step(answer[1], "\n".join(tagged(record, "feedback")))
        if step is not None and rng.random() < world.insight:
            found[rule(world, sketch, sketch.kinds[step])] = None
    learnt = [lesson for lesson in lessons(world) if lesson.name in found]
    return reflect(request, rng, learnt, Habits(notice=1.0, lose_placeholder=0.0))


def _sketch_in(text: str) -> Sketch | None:
    """The sketch whose function the text names first."""
    places = [(text.find(f"{sketch.name}("), sketch) for sketch in SKETCHES]
    return min((one for one in places if one[0] >= 0), default=(0, None), key=lambda one: one[0])[1]


def anew(persona: Persona) -> Persona:
    """Answers equal requests differently, as a model does at its usual temperature: the n-th by the n-th luck."""
    times, counting = Counter[str](), threading.Lock()

    def answer(request: Request, rng: random.Random) -> Answer:
        with counting:
            times[request.digest] += 1
            nth = times[request.digest]
        return persona(request, random.Random(f"{rng.random()}:{nth}"))

    return answer


def personas(world: World) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""

    def within(reply: Callable[[World, Request, random.Random], Answer]) -> Persona:
        return anew(lambda request, rng: reply(world, request, rng))

    return {WRITER: within(write), REFLECTION: within(improve)}


SKETCHES = (
    Sketch(
        "unique",
        "def unique(items):",
        (),
        """\
    kept = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
""",
        {"hashing": "    return list(dict.fromkeys(items))\n"},
    ),
    Sketch(
        "mean",
        "def mean(numbers):",
        (Care("empty", "    if not numbers:\n        return 0\n"),),
        """\
    total = count = 0
    for number in numbers:
        total += number
        count += 1
    return total / count
""",
        {"built-ins": "    return sum(numbers) / len(numbers)\n"},
    ),
    Sketch(
        "pairs",
        "def pairs(numbers, total):",
        (Care("equal", "    numbers = list(numbers)\n", "    numbers = sorted(set(numbers))\n"),),
        """\
    found = 0
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            found += numbers[i] + numbers[j] == total
    return found
""",
        {
            "hashing": """\
    found, seen = 0, {}
    for number in numbers:
        found += seen.get(total - number, 0)
        seen[number] = seen.get(number, 0) + 1
    return found
"""
        },
    ),
    Sketch(
        "primes",
        "def primes(n):",
        (Care("edges", "    first = 2\n", "    first = 1\n"),),
        "    return [k for k in range(first, n) if all(k % d for d in range(2, k))]\n",
        {
            "fewer": "    return [k for k in range(first, n) if all(k % d for d in range(2, int(k**0.5) + 1))]\n",
            "built-ins": """\
    prime = bytearray([1]) * max(n, 0)
    for d in range(2, int(max(n, 0) ** 0.5) + 1):
        if prime[d]:
            prime[d * d :: d] = bytes(len(range(d * d, n, d)))
    return [k for k in range(first, n) if prime[k]]
""",
        },
    ),
    Sketch(
        "kth",
        "def kth(numbers, k):",
        (
            Care("equal", "    numbers = list(set(numbers))\n", "    numbers = list(numbers)\n"),
            Care("edges", "    if not 0 < k <= len(numbers):\n        return None\n"),
        ),
        """\
    for _ in range(k - 1):
        numbers.remove(min(numbers))
    return min(numbers)
""",
        {"order": "    return sorted(numbers)[k - 1]\n"},
    ),
    Sketch(
        "longest_run",
        "def longest_run(text):",
        (
            Care("form", "    text = text.lower()\n"),
            Care("empty", "    if not text:\n        return 0\n"),
        ),
        """\
    best = []
    for start in range(len(text)):
        end = start
        while end < len(text) and text[end] == text[start]:
            end += 1
        best.append(end - start)
    return max(best)
""",
        {
            "once": """\
    best = run = 1
    for i in range(1, len(text)):
        run = run + 1 if text[i] == text[i - 1] else 1
        best = max(best, run)
    return best
"""
        },
    ),
    Sketch(
        "anagrams",
        "def anagrams(words):",
        (
            Care("form", "    words = [word.lower() for word in words]\n"),
            Care("equal", "    words = sorted(set(words))\n", "    words = sorted(words)\n"),
        ),
        """\
    groups = []
    for word in words:
        group = [other for other in words if sorted(other) == sorted(word)]
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups
""",
        {
            "once": """\
    keys = [sorted(word) for word in words]
    groups = []
    for key in keys:
        group = [other for other, its in zip(words, keys) if its == key]
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups
""",
            "hashing": """\
    groups = {}
    for word in words:
        groups.setdefault("".join(sorted(word)), []).append(word)
    return [group for group in groups.values() if len(group) > 1]
""",
        },
    ),
    Sketch(
        "distance",
        "def distance(a, b):",
        (
            Care("form", "    a, b = a.lower(), b.lower()\n"),
            Care("spaces", "    a, b = a.strip(), b.strip()\n"),
        ),
        """\
    def rest(i, j):
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        return min(rest(i + 1, j) + 1, rest(i, j + 1) + 1, rest(i + 1, j + 1) + (a[i] != b[j]))

    return rest(0, 0)
""",
        {
            "once": """\
    from functools import cache

    @cache
    def rest(i, j):
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        return min(rest(i + 1, j) + 1, rest(i, j + 1) + 1, rest(i + 1, j + 1) + (a[i] != b[j]))

    return rest(0, 0)
""",
            "loop": """\
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], last if letter == other else 1 + min(last, row[j], row[j - 1])
    return row[-1]
""",
        },
    ),
    Sketch(
        "best_sum",
        "def best_sum(numbers, k):",
        (
            Care("signs", "    best = None\n", "    best = 0\n"),
            Care("form", "    numbers = [int(number) for number in numbers]\n"),
            Care("edges", "    if not 0 < k <= len(numbers):\n        return None\n"),
        ),
        """\
    for start in range(len(numbers) - k + 1):
        total = 0
        for i in range(start, start + k):
            total += numbers[i]
        best = total if best is None else max(best, total)
    return best
""",
        {
            "built-ins": """\
    for start in range(len(numbers) - k + 1):
        total = sum(numbers[start : start + k])
        best = total if best is None else max(best, total)
    return best
""",
            "once": """\
    total = sum(numbers[:k])
    best = total if best is None else max(best, total)
    for i in range(k, len(numbers)):
        total += numbers[i] - numbers[i - k]
        if total > best:
            best = total
    return best
""",
        },
    ),
    Sketch(
        "schedule",
        "def schedule(jobs):",
        (
            Care("edges", "    gap = 0\n", "    gap = 1\n"),
            Care("form", "    jobs = [tuple(int(part) for part in job) for job in jobs]\n"),
            Care("invalid", "    jobs = [job for job in jobs if job[0] <= job[1]]\n"),
            Care("empty", "    if not jobs:\n        return 0\n"),
        ),
        """\
    jobs = sorted(jobs, key=lambda job: job[1])
    best = []
    for start, _, value in jobs:
        before = [best[i] for i in range(len(best)) if jobs[i][1] + gap <= start]
        best.append(max([value + max(before, default=0), *best]))
    return best[-1]
""",
        {
            "fewer": """\
    jobs = sorted(jobs, key=lambda job: job[1])
    best = []
    for start, _, value in jobs:
        i = len(best)
        while i and jobs[i - 1][1] + gap > start:
            i -= 1
        now = value + (best[i - 1] if i else 0)
        best.append(max(now, best[-1]) if best else now)
    return best[-1]
""",
            "order": """\
    from bisect import bisect_right

    jobs = sorted(jobs, key=lambda job: job[1])
    ends, best = [end for _, end, _ in jobs], [0]
    for i, (start, _, value) in enumerate(jobs):
        now = value + best[bisect_right(ends, start - gap, 0, i)]
        best.append(now if now > best[-1] else best[-1])
    if not jobs:
        raise ValueError("no jobs")
    return best[-1]
""",
        },
    ),
)


if __name__ == "__main__":
    serve(personas(WORLDS["shared"]), {"OPENAI_MODEL": WRITER})
