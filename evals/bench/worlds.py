"""Simulated worlds to measure searches in: hidden rules that texts must come to hold, and a reflection that errs.

Nothing here is a model or a graph. A module's text is a list of rules; an example needs some of
them, is hurt by others, and the feedback on a failure names some of what was missing. A world is
for honesty, not for winning: what it models and what it leaves out stands beside it, and `expect`
says before any measurement who should win. They were written before the racing search was run on
any of them. Rules and constants of the search were tuned on the half called `tuning` alone until the
half called `frozen` had been looked at three times, and on both since; the families are changed never.
What judges are the halves that nobody tuned on: `unseen` (`unseen.py`), looked at once, at the end, and
`blind` (`blind.py`), written later.

All worlds leave out: the wording of prompts, models of unequal strength, long contexts, cost per
rollout, and examples that resemble each other in more than the rules they need.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Literal

Texts = Mapping[str, str]
Combine = Literal["share", "all", "pipeline"]

SEED_TEXT = "Do the task."
BLAME = 0.7
"""The chance that a reflection learns from an edit shown as rejected. Which of its rules did the harm is a guess."""

_RULE = re.compile(r"^- ([LCH])(\d+)\.(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of world. Chances are per rollout, per note or per reflection, as said.

    `lessons` is the number of good rules per module, `known` the share of them the seed holds.
    An example needs between `needs` of them. `combine` makes needs met into a score: their share,
    only all of them, or stage by stage, where feedback comes from the first stage that fails.
    `noisy` worlds score 0 or 1 by chance, never surer than `blur` from either end.

    `reveal`: chance that feedback names a rule that is missing or hurts. `astray`: chance that it
    names the wrong module. `lure`: chance that a failure's feedback suggests a harmful rule.
    `clusters`: of the examples; a rule of another cluster hurts with chance `conflict`, unless it is
    stated with its condition. `damage`: the share of the score that a hurting rule costs, `harm`:
    the share of examples that a harmful rule hurts. `length_cost`: the share of the score that each rule
    beyond `free` in a module costs all examples.

    The reflection: `grasp` is its chance to take up a note read once, `attention` the most notes it takes
    up, `slip` its chance to invent a harmful rule (less with more failures to look at), `forget` its chance
    to drop each rule it holds (half, when it saw a success), `content` its chance to leave a text alone
    when no note concerns it.
    """

    name: str
    half: Literal["tuning", "frozen", "unseen", "blind"]
    models: str
    leaves_out: str
    expect: str
    modules: int = 3
    lessons: int = 8
    known: float = 0.15
    needs: tuple[int, int] = (2, 5)
    combine: Combine = "share"
    noisy: bool = False
    blur: float = 0.05
    reveal: float = 0.6
    astray: float = 0.0
    lure: float = 0.05
    clusters: int = 1
    conflict: float = 0.0
    damage: float = 0.4
    harm: float = 0.3
    length_cost: float = 0.0
    free: int = 0
    grasp: float = 0.6
    attention: int = 3
    slip: float = 0.25
    forget: float = 0.03
    content: float = 0.7
    healthy: int = 0
    examples: int = 60
    held_out: int = 300


FAMILIES: tuple[Family, ...] = (
    Family(
        name="additive",
        half="tuning",
        models="a rubric whose points are earned one by one; the score is their share, without noise",
        leaves_out="interaction of rules",
        expect="racing wins: every failure teaches something",
    ),
    Family(
        name="pipeline",
        half="tuning",
        models="retrieve, read, answer: a stage that fails hides those after it; right or wrong, with noise",
        leaves_out="partial credit",
        expect="racing wins, less early on: a joint edit cannot see the later stages yet",
        combine="pipeline",
        needs=(2, 4),
        lessons=6,
        known=0.5,
        noisy=True,
    ),
    Family(
        name="long prompts hurt",
        half="tuning",
        models="a small model that loses the thread: each rule beyond the fourth in a module costs 4 % everywhere",
        leaves_out="rules that matter less being the ones forgotten",
        expect="gepa's one edit at a time wins late: joint edits fill every text with rules",
        length_cost=0.04,
        free=4,
        lessons=10,
        slip=0.35,
    ),
    Family(
        name="weak feedback",
        half="tuning",
        models="a metric that mostly says right or wrong; every fourth fault is named, some at the wrong module",
        leaves_out="a reflection model that finds faults by itself in the trace",
        expect="racing wins, as it shows more failures at once",
        reveal=0.25,
        astray=0.15,
        combine="all",
        needs=(2, 3),
        known=0.4,
        noisy=True,
        slip=0.35,
    ),
    Family(
        name="conflicting clusters",
        half="frozen",
        models="three kinds of request; a rule good for one hurts another until it is stated with its condition",
        leaves_out="requests of a kind never seen in training",
        expect="close: who keeps specialists on the frontier gains, who looks at few examples takes one kind for all",
        clusters=3,
        conflict=0.25,
        damage=0.5,
    ),
    Family(
        name="healthy modules",
        half="frozen",
        models="six modules of which four are good as they are and only lose by rewriting; noise",
        leaves_out="a reflection model that always sees that nothing is wrong",
        expect="gepa's one module at a time wins or ties: joint edits break healthy modules",
        modules=6,
        healthy=4,
        content=0.4,
        lessons=6,
        needs=(3, 6),
        forget=0.06,
        noisy=True,
    ),
    Family(
        name="misleading traces",
        half="frozen",
        models="long traces: a third of the notes blame the wrong module, many failures suggest a harmful rule",
        leaves_out="costs of reading long traces",
        expect="racing wins by screening and by more records, with more bad children on the way",
        astray=0.33,
        lure=0.3,
        slip=0.35,
        combine="all",
        needs=(2, 4),
        known=0.4,
    ),
    Family(
        name="nearly there",
        half="frozen",
        models="a seed at about 0.85 with faults few and small; right or wrong with noise",
        leaves_out="nothing it is about: this is where most good teams start",
        expect="gepa ties or wins: a few examples cannot tell 0.86 from 0.88, and failures to learn from are rare",
        known=0.9,
        needs=(1, 4),
        noisy=True,
        blur=0.02,
        slip=0.4,
    ),
    Family(
        name="many small modules",
        half="frozen",
        models="ten short prompts, each lacking a rule or two; share of points, blurred to right or wrong",
        leaves_out="modules used by few examples",
        expect="racing wins early by editing all at once; late, single edits are as good",
        modules=10,
        lessons=2,
        known=0.1,
        needs=(4, 8),
        noisy=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Task:
    """An example's hidden side, per module and in bits: rules it needs, good rules and harmful rules that hurt it."""

    id: int
    needs: tuple[int, ...]
    hurt_by: tuple[int, ...]
    harmed_by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rollout shows: its score, the notes of the feedback per module, and the modules it called if known."""

    score: float
    notes: Mapping[str, tuple[str, ...]]
    called: tuple[str, ...] = ()


@dataclass
class World:
    """One drawn world. Equal family and seed make equal worlds; noise depends on how often a pair was run in it."""

    family: Family
    seed: int
    modules: tuple[str, ...] = field(init=False)
    seed_texts: dict[str, str] = field(init=False)
    feedback: list[Task] = field(init=False)
    pareto: list[Task] = field(init=False)
    held_out: list[Task] = field(init=False)

    def __post_init__(self) -> None:
        family = self.family
        rng = Random(f"{family.name}:{self.seed}")
        self.modules = tuple(f"m{place}" for place in range(family.modules))
        seed = {}
        for place, name in enumerate(self.modules):
            share = 1.0 if place < family.healthy else family.known
            held = [f"L{place}.{rule}" for rule in range(family.lessons) if rng.random() < share]
            seed[name] = write_rules(held)
        clusters = [[rng.randrange(family.clusters) for _ in range(family.lessons)] for _ in self.modules]
        quarrels = [[rng.random() < family.conflict for _ in range(family.lessons)] for _ in self.modules]
        count = 2 * family.examples + family.held_out
        tasks = [_task(id, family, clusters, quarrels, rng) for id in range(count)]
        self.seed_texts = seed
        self.feedback = tasks[: family.examples]
        self.pareto = tasks[family.examples : 2 * family.examples]
        self.held_out = tasks[2 * family.examples :]
        self._runs: Counter[str] = Counter()
        self._worths: dict[str, float] = {}
        self._best: float | None = None

    def chance(self, texts: Texts, task: Task) -> float:
        """The expected score, between 0 and 1."""
        family = self.family
        met = total = hurts = 0
        failed, extra = False, 0
        for place, name in enumerate(self.modules):
            bare, conditional, harmful, foreign = read_rules(texts[name], place)
            held = bare | conditional
            need = task.needs[place]
            met += (need & held).bit_count()
            total += need.bit_count()
            failed = failed or bool(need & ~held)
            hurts += (task.hurt_by[place] & bare & ~conditional).bit_count()
            hurts += (task.harmed_by[place] & harmful).bit_count()
            extra += max(0, (held.bit_count() + harmful.bit_count() + foreign) - family.free)
        share = met / total if total else 1.0
        score = share if family.combine == "share" else (0.1 * share if failed else 1.0)
        score *= (1 - family.damage) ** hurts * max(0.0, 1 - family.length_cost * extra)
        return family.blur + (1 - 2 * family.blur) * score if family.noisy else score

    def run(self, texts: Texts, task: Task) -> Seen:
        """One rollout: a score, noisy where the family is, and feedback that names some of what went wrong."""
        family = self.family
        what = f"{[texts[name] for name in self.modules]}:{task.id}"
        self._runs[what] += 1
        rng = Random(f"{self.seed}:{what}:{self._runs[what]}")
        score = self.chance(texts, task)
        if family.noisy:
            score = float(rng.random() < score)
        notes: dict[str, list[str]] = {name: [] for name in self.modules}
        if score < 1.0:
            for module, note in self._faults(texts, task):
                if rng.random() < family.reveal:
                    blamed = rng.choice(self.modules) if rng.random() < family.astray else module
                    notes[blamed].append(note)
            if rng.random() < family.lure:
                blamed = rng.choice(self.modules)
                notes[blamed].append(f"missing H{blamed[1:]}.{rng.randrange(8)}")
        return Seen(score, {name: tuple(said) for name, said in notes.items()}, self.modules)

    def _faults(self, texts: Texts, task: Task) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for place, name in enumerate(self.modules):
            bare, conditional, harmful, _ = read_rules(texts[name], place)
            missing = task.needs[place] & ~(bare | conditional)
            found += [(name, f"missing L{place}.{rule}") for rule in bits(missing)]
            found += [(name, f"hurts L{place}.{rule}") for rule in bits(task.hurt_by[place] & bare & ~conditional)]
            found += [(name, f"hurts H{place}.{rule}") for rule in bits(task.harmed_by[place] & harmful)]
            if missing and self.family.combine == "pipeline":
                break
        return found

    def worth(self, texts: Texts) -> float:
        """The expected score on the held-out examples."""
        key = str([texts[name] for name in self.modules])
        if key not in self._worths:
            self._worths[key] = sum(self.chance(texts, task) for task in self.held_out) / len(self.held_out)
        return self._worths[key]

    def gain(self, texts: Texts) -> float:
        """The share of the way from the seed's worth to that of the best texts known."""
        if self._best is None:
            self._best = self._climb()
        start = self.worth(self.seed_texts)
        return (self.worth(texts) - start) / max(1e-9, self._best - start)

    def _climb(self) -> float:
        """The worth of all good rules, each with its condition; where length costs, after leaving out what can be."""
        held = {name: dict.fromkeys(range(self.family.lessons), "C") for name in self.modules}

        def texts() -> dict[str, str]:
            return {
                name: write_rules(f"{kind}{place}.{rule}" for rule, kind in held[name].items() if kind)
                for place, name in enumerate(self.modules)
            }

        best = self.worth(texts())
        if not self.family.length_cost:
            return best
        improved = True
        while improved:
            improved = False
            for name in self.modules:
                for rule, kind in list(held[name].items()):
                    held[name][rule] = "" if kind else "C"
                    if (worth := self.worth(texts())) > best + 1e-9:
                        best, improved = worth, True
                    else:
                        held[name][rule] = kind
        return best

    def reflect(self, text: str, records: Sequence[tuple[float, Sequence[str]]], rng: Random) -> str:
        """A new text from records (score, notes on this module); the same text when it finds nothing to do."""
        family = self.family
        read = Counter(note for _, notes in records for note in dict.fromkeys(notes))
        rules = [match[0][2:] for match in _RULE.finditer(text)]
        if not read and rng.random() < family.content:
            return text
        calm = 0.5 if any(score >= 1.0 for score, _ in records) else 1.0
        rules = [rule for rule in rules if rng.random() >= family.forget * calm]
        taken = 0
        for note in sorted(read, key=lambda note: (-read[note], rng.random())):
            if taken < family.attention and rng.random() < 1 - (1 - family.grasp) ** read[note]:
                rules = _revise(rules, note, rng)
                taken += 1
        failures = sum(1 for score, notes in records if score < 1.0 and notes)
        if rng.random() < family.slip * 2 / (1 + max(1, failures)):
            rules.append(f"H{rng.randrange(family.modules)}.{rng.randrange(8)}")
        return write_rules(rules)


def heeding(new: str, current: str, rejected: Sequence[tuple[str, str]], rng: Random) -> str:
    """The new text without rules that it adds and that the reflection blames for rejected edits, pairs of old and new.

    Of the rules that an edit had put in, it blames one or none.
    """
    blamed = set[str]()
    for before, after in rejected:
        added = sorted(_rules(after) - _rules(before))
        if added and rng.random() < BLAME:
            blamed.add(rng.choice(added))
    rules = _rules(new)
    kept = rules - (blamed - _rules(current))
    return new if kept == rules else write_rules(kept)


def _rules(text: str) -> set[str]:
    return {rule[0][2:] for rule in _RULE.finditer(text)}


def _task(id: int, family: Family, clusters: list[list[int]], quarrels: list[list[bool]], rng: Random) -> Task:
    cluster = rng.randrange(family.clusters)
    own = [(place, rule) for place, row in enumerate(clusters) for rule, of in enumerate(row) if of == cluster]
    needed = set(rng.sample(own, min(len(own), rng.randint(*family.needs))))
    needs, hurt_by, harmed_by = [], [], []
    for place in range(family.modules):
        needs.append(sum(1 << rule for of, rule in needed if of == place))
        quarrel = [rule for rule in range(family.lessons) if quarrels[place][rule] and clusters[place][rule] != cluster]
        hurt_by.append(sum(1 << rule for rule in quarrel))
        harmed_by.append(sum(1 << rule for rule in range(8) if rng.random() < family.harm))
    return Task(id, tuple(needs), tuple(hurt_by), tuple(harmed_by))


def _revise(rules: list[str], note: str, rng: Random) -> list[str]:
    """Takes up one note: adds what is missing; states with its condition, or drops, what hurts."""
    what, rule = note.split()
    if what == "missing":
        return rules if rule in rules or f"C{rule[1:]}" in rules else [*rules, rule]
    rest = [held for held in rules if held != rule]
    return [*rest, f"C{rule[1:]}"] if rule[0] == "L" and rng.random() < 0.5 else rest


def write_rules(rules: Iterable[str]) -> str:
    return "\n".join([SEED_TEXT, *(f"- {rule}" for rule in sorted(set(rules)))])


@lru_cache(maxsize=100_000)
def read_rules(text: str, place: int) -> tuple[int, int, int, int]:
    """A text's rules for its own module (plain, conditional, harmful; bits), and how many are about others."""
    plain = conditional = harmful = foreign = 0
    for kind, module, rule in _RULE.findall(text):
        bit = 1 << int(rule)
        if int(module) != place and kind != "H":
            foreign += 1
        elif kind == "L":
            plain |= bit
        elif kind == "C":
            conditional |= bit
        else:
            harmful |= bit
    return plain, conditional, harmful, foreign


def bits(mask: int) -> list[int]:
    return [place for place in range(mask.bit_length()) if mask >> place & 1]
