"""The half called `unseen`: six simulated worlds written by somebody who did not know the search they judge.

They were written from what teams with graphs meet, without reading or running any search, after the
half called `frozen` had been looked at. They add to `worlds.py`: examples that visit some modules
only, rules that count in pairs, judges whose noise differs by example, feedback that only names the
module, examples nobody can get right, and training examples unlike those the texts are judged by.
As there, `expect` was said before any measurement; a single edit rewrites one module, a joint edit many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Literal

from worlds import Family, Seen, Task, Texts, World

_HARMFUL = 8  # harmful rules of a module, as in worlds.py


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenFamily(Family):
    """A family with knobs for how examples differ. Pairs of numbers are ranges, drawn for each example.

    There are `examples` to train on and `validation` to choose by; held-out examples are like the latter.
    Training examples need between `train_needs` rules where these are given, and they alone need the last
    `stale` rules of a module. A need falls on a module by its share of `weights`. In a `routed` world an
    example visits the first module and one other, the k-th of these with weight 1/k. The first `pairs`
    rules of modules 0 and 1, 2 and 3 ... count only where both hold the rule of that number.

    An example's expected score rises from its `floors` to its `ceilings` with what the texts are worth for
    it, and a noisy score is the share of its `grades` throws that succeed. `impossible`: share of the
    examples that always score 0, whose feedback only misleads. No clusters are drawn.
    `vague`: chance that feedback names the module and not the rule; reflection then guesses a rule.
    """

    half: Literal["unseen"] = "unseen"
    blur: float = 0.0
    validation: int = 60
    train_needs: tuple[int, int] | None = None
    stale: int = 0
    weights: tuple[float, ...] = ()
    routed: bool = False
    pairs: int = 0
    floors: tuple[float, float] = (0.0, 0.0)
    ceilings: tuple[float, float] = (1.0, 1.0)
    grades: tuple[int, int] = (1, 1)
    impossible: float = 0.0
    vague: float = 0.0


UNSEEN: tuple[UnseenFamily, ...] = (
    UnseenFamily(
        name="moody judge",
        models="one long agent prompt, graded by a judge that is coarse and unfair on some examples and often vague",
        leaves_out="tool descriptions, a judge that drifts or likes long answers",
        expect="a tie: with one module every edit is single; who measures more before believing a gain wins",
        modules=1,
        lessons=14,
        known=0.25,
        needs=(3, 6),
        noisy=True,
        grades=(1, 5),
        floors=(0.0, 0.3),
        ceilings=(0.75, 1.0),
        vague=0.5,
    ),
    UnseenFamily(
        name="router and specialists",
        models="a router and seven specialists, the last of them rare; a wrong route hides the specialist's faults",
        leaves_out="examples that visit the wrong specialist, and routes with loops",
        expect="joint edits win: specialists share no examples, and a single edit to a rare one moves few scores",
        modules=8,
        lessons=5,
        known=0.65,
        needs=(2, 4),
        combine="pipeline",
        noisy=True,
        routed=True,
        examples=100,
        validation=80,
        ceilings=(0.9, 1.0),
    ),
    UnseenFamily(
        name="matching pairs",
        models="a writer and its reader, twice: most rules, as of a shared format, help only once both hold them",
        leaves_out="half a pair doing harm, and noise",
        expect="joint edits win clearly: half a pair gains nothing, so that single edits see no reason to stay",
        modules=4,
        lessons=7,
        pairs=5,
        known=0.6,
        needs=(2, 4),
        reveal=0.7,
        validation=40,
    ),
    UnseenFamily(
        name="fragile graph",
        models="a small model rewrites five prompts: the first matters for most examples, all break easily",
        leaves_out="replies that cannot be parsed, a small model's taste for long texts",
        expect="single edits win: each text rewritten is another throw of bad dice, for little in four of five",
        modules=5,
        lessons=8,
        known=0.65,
        needs=(3, 5),
        weights=(8.0, 1.0, 1.0, 1.0, 1.0),
        noisy=True,
        grades=(2, 4),
        ceilings=(0.9, 1.0),
        grasp=0.35,
        attention=2,
        slip=0.5,
        forget=0.1,
        content=0.3,
        damage=0.6,
    ),
    UnseenFamily(
        name="trained on old trouble",
        models="training examples from old complaints, harder than today's and partly about what nobody asks any more",
        leaves_out="needs of today that no training example shows",
        expect="single edits win narrowly: joint edits also take up what only old examples need, and length costs all",
        modules=4,
        lessons=8,
        stale=3,
        known=0.45,
        needs=(1, 3),
        train_needs=(4, 7),
        combine="all",
        noisy=True,
        ceilings=(0.95, 1.0),
        length_cost=0.015,
        free=5,
        validation=150,
    ),
    UnseenFamily(
        name="twenty labels",
        models="retrieve and answer, exact match, few labels of which a sixth are wrong; luck; strong reflection",
        leaves_out="wrong labels that some texts would please",
        expect="joint edits win early, as reflection seldom errs; late 20 labels tell neither which text is better",
        modules=2,
        lessons=9,
        known=0.35,
        needs=(1, 5),
        combine="all",
        noisy=True,
        floors=(0.0, 0.5),
        ceilings=(0.85, 1.0),
        impossible=0.16,
        grasp=0.9,
        attention=5,
        slip=0.08,
        forget=0.01,
        examples=30,
        validation=20,
    ),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an example is run: its range of scores, throws of its judge, chance of a lure, places it visits."""

    floor: float
    ceiling: float
    grades: int
    lure: float
    visits: tuple[int, ...]


@dataclass
class UnseenWorld(World):
    """One drawn world of an `UnseenFamily`. Equal family and seed make equal worlds, as in `World`."""

    family: UnseenFamily
    terms: list[Terms] = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        family = self.family
        rng = Random(f"unseen:{family.name}:{self.seed}")
        judged = family.examples + family.validation
        drawn = [_draw(id, family, id < family.examples, rng) for id in range(judged + family.held_out)]
        tasks = [task for task, _ in drawn]
        self.terms = [terms for _, terms in drawn]
        self.feedback = tasks[: family.examples]
        self.pareto = tasks[family.examples : judged]
        self.held_out = tasks[judged:]
        self.seed_texts = self._acting(self.seed_texts)

    def chance(self, texts: Texts, task: Task) -> float:
        """The expected score, between the example's floor and its ceiling."""
        terms = self.terms[task.id]
        return terms.floor + (terms.ceiling - terms.floor) * super().chance(self._acting(texts), task)

    def run(self, texts: Texts, task: Task) -> Seen:
        """One rollout: a grade by the example's judge, and feedback that names some of what went wrong."""
        what = f"{[texts[name] for name in self.modules]}:{task.id}"
        self._runs[what] += 1
        rng = Random(f"{self.seed}:{what}:{self._runs[what]}")
        score = self.chance(texts, task)
        if self.family.noisy:
            grades = self.terms[task.id].grades
            score = sum(rng.random() < score for _ in range(grades)) / grades
        said = self._said(texts, task, rng) if score < 1.0 else []
        notes = {name: tuple(note for module, note in said if module == name) for name in self.modules}
        called = {self.modules[place]: None for place in self.terms[task.id].visits}
        return Seen(score, notes, tuple(called))

    def reflect(self, text: str, records: Sequence[tuple[float, Sequence[str]]], rng: Random) -> str:
        """As in every world, once each vague note is read as a guess."""
        guessed = [(score, [self._guess(note, rng) for note in notes]) for score, notes in records]
        return super().reflect(text, guessed, rng)

    def _said(self, texts: Texts, task: Task, rng: Random) -> list[tuple[str, str]]:
        family, terms = self.family, self.terms[task.id]
        visited = [self.modules[place] for place in terms.visits]
        said = []
        for module, note in self._faults(texts, task):
            if rng.random() < family.reveal:
                blamed = rng.choice(visited) if rng.random() < family.astray else module
                said.append((blamed, f"vague {blamed[1:]}" if rng.random() < family.vague else note))
        if rng.random() < terms.lure:
            blamed = rng.choice(visited)
            said.append((blamed, f"missing H{blamed[1:]}.{rng.randrange(_HARMFUL)}"))
        return said

    def _guess(self, note: str, rng: Random) -> str:
        """The note, or for a vague one that any rule is missing, good or harmful."""
        what, place = note.split()
        if what != "vague":
            return note
        good = [f"L{place}.{rule}" for rule in range(self.family.lessons)]
        harmful = [f"H{place}.{rule}" for rule in range(_HARMFUL)]
        return f"missing {rng.choice(good + harmful)}"

    def _acting(self, texts: Texts) -> dict[str, str]:
        """The texts without the halves of pairs, which do nothing."""
        if not self.family.pairs:
            return dict(texts)
        return {
            name: _matched(texts[name], place, texts[self.modules[place ^ 1]], self.family.pairs)
            for place, name in enumerate(self.modules)
        }


def world_of(family: Family, seed: int) -> World:
    """The world of a family of any half and a seed."""
    return UnseenWorld(family, seed) if isinstance(family, UnseenFamily) else World(family, seed)


def _draw(id: int, family: UnseenFamily, training: bool, rng: Random) -> tuple[Task, Terms]:
    """An example's hidden side and its terms; a hopeless one needs nothing, as nothing helps."""
    visits = _visits(family, rng)
    hopeless = rng.random() < family.impossible
    needed = set[tuple[int, int]]() if hopeless else _needs(family, visits, training, rng)
    needs = [sum(1 << rule for of, rule in needed if of == place) for place in range(family.modules)]
    harmed = [_mask(family.harm, rng) if place in visits and not hopeless else 0 for place in range(family.modules)]
    floor, ceiling = rng.uniform(*family.floors), rng.uniform(*family.ceilings)
    terms = Terms(
        floor=0.0 if hopeless else floor,
        ceiling=0.0 if hopeless else ceiling,
        grades=rng.randint(*family.grades),
        lure=family.reveal if hopeless else family.lure,
        visits=visits,
    )
    return Task(id, tuple(needs), (0,) * family.modules, tuple(harmed)), terms


def _visits(family: UnseenFamily, rng: Random) -> tuple[int, ...]:
    if not family.routed:
        return tuple(range(family.modules))
    others = range(1, family.modules)
    return 0, *rng.choices(others, [1 / place for place in others])


def _needs(family: UnseenFamily, visits: Sequence[int], training: bool, rng: Random) -> set[tuple[int, int]]:
    """The rules an example needs, by place and number; one drawn twice counts once, a pair comes whole."""
    wanted = family.train_needs if training and family.train_needs else family.needs
    weights = [family.weights[place] for place in visits] if family.weights else None
    rules = family.lessons if training else family.lessons - family.stale
    drawn = {(place, rng.randrange(rules)) for place in rng.choices(visits, weights, k=rng.randint(*wanted))}
    return drawn | {(place ^ 1, rule) for place, rule in drawn if rule < family.pairs}


def _mask(chance: float, rng: Random) -> int:
    return sum(1 << rule for rule in range(_HARMFUL) if rng.random() < chance)


@lru_cache(maxsize=100_000)
def _matched(text: str, place: int, partner: str, pairs: int) -> str:
    """A text without the rules that count in pairs and are missing in its partner's."""
    there = set(partner.splitlines())
    lonely = {
        f"- {kind}{place}.{rule}"
        for rule in range(pairs)
        for kind in "LC"
        if there.isdisjoint((f"- L{place ^ 1}.{rule}", f"- C{place ^ 1}.{rule}"))
    }
    return "\n".join(line for line in text.splitlines() if line not in lonely)
