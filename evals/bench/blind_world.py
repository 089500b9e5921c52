"""What the worlds of the half called `blind` have in common; their structures are in `structures.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from worlds import Family, Seen, Task, Texts, World, read_rules, write_rules

_HARMFUL = 8  # harmful rules of a module, as in worlds.py

Notes = list[tuple[str, str]]
"""Pairs of a module and what feedback says about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindFamily(Family):
    """A family with a structure of its own, which its `world` draws and scores.

    There are `examples` to train on and `validation` to choose by; held-out examples are like the latter.
    A noisy score is the share of `grades` throws that succeed, or a continuous reward around the expected
    score where an example's `steadiness` is drawn from a range: the higher, the less it varies.

    `shares` are those of the slices of a `SlicedWorld`, the majority first. The first `common` rules of a
    module are for every slice, and the majority needs between `easy` of them. Feedback names a slice's own
    rule together with its condition with chance `conditional`.
    """

    world: type[BlindWorld]
    half: Literal["blind"] = "blind"
    validation: int = 60
    grades: int = 1
    steadiness: tuple[float, float] | None = None
    shares: tuple[float, ...] = ()
    common: int = 0
    easy: tuple[int, int] = (0, 0)
    conditional: float = 0.0


@dataclass
class BlindWorld(World):
    """One drawn world of a `BlindFamily`. Equal family and seed make equal worlds, as in `World`.

    What differs between structures is drawn in `prepare` and `draw_needs`, and scored in `chance`.
    """

    family: BlindFamily

    def __post_init__(self) -> None:
        super().__post_init__()
        family = self.family
        rng = Random(f"blind:{family.name}:{self.seed}")
        judged = family.examples + family.validation
        self.prepare(rng)
        tasks = [self.draw(id, id < family.examples, rng) for id in range(judged + family.held_out)]
        self.feedback = tasks[: family.examples]
        self.pareto = tasks[family.examples : judged]
        self.held_out = tasks[judged:]
        if family.steadiness:
            self._steadiness = [rng.uniform(*family.steadiness) for _ in tasks]

    def prepare(self, rng: Random) -> None:
        """Draws what holds for all examples."""

    def draw(self, id: int, training: bool, rng: Random) -> Task:
        """An example's hidden side. A harmful rule hurts only in modules that the example needs something of."""
        needed = self.draw_needs(training, rng)
        places = range(self.family.modules)
        needs = tuple(sum(1 << rule for of, rule in needed if of == place) for place in places)
        harmed = tuple(mask(_HARMFUL, self.family.harm, rng) if needs[place] else 0 for place in places)
        return Task(id, needs, (0,) * self.family.modules, harmed)

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        """The rules that an example needs, by place and number."""
        rules = [(place, rule) for place in range(self.family.modules) for rule in range(self.family.lessons)]
        return set(rng.sample(rules, rng.randint(*self.family.needs)))

    def run(self, texts: Texts, task: Task) -> Seen:
        """One rollout: a score, noisy where the family is, and feedback unless it is perfect."""
        what = f"{[texts[name] for name in self.modules]}:{task.id}"
        self._runs[what] += 1
        rng = Random(f"{self.seed}:{what}:{self._runs[what]}")
        score = self.score(texts, task, rng)
        notes = self.notes(texts, task, rng) if score < 1.0 else []
        return Seen(score, {name: tuple(note for module, note in notes if module == name) for name in self.modules})

    def score(self, texts: Texts, task: Task, rng: Random) -> float:
        """One draw of the score, whose mean is `chance`."""
        mean = self.chance(texts, task)
        if not self.family.noisy:
            return mean
        if self.family.steadiness:
            return self.reward(mean, task, rng)
        return sum(rng.random() < mean for _ in range(self.family.grades)) / self.family.grades

    def reward(self, mean: float, task: Task, rng: Random) -> float:
        """A continuous reward between 0 and 1, with exactly this mean and the example's own steadiness."""
        if not 0.0 < mean < 1.0:
            return mean
        steadiness = self._steadiness[task.id]
        return rng.betavariate(mean * steadiness, (1 - mean) * steadiness)

    def notes(self, texts: Texts, task: Task, rng: Random) -> Notes:
        """The feedback on a failure, as in every world."""
        family = self.family
        said = []
        for module, note in self._faults(texts, task):
            if rng.random() < family.reveal:
                said.append((rng.choice(self.modules) if rng.random() < family.astray else module, note))
        return [*said, self.misleading(rng)] if rng.random() < family.lure else said

    def misleading(self, rng: Random) -> tuple[str, str]:
        """Feedback that suggests a harmful rule."""
        module = rng.choice(self.modules)
        return module, f"missing H{module[1:]}.{rng.randrange(_HARMFUL)}"

    def best_texts(self) -> dict[str, str]:
        """The best texts known: every good rule with its condition, where nothing speaks against one."""
        return self.texts_of({name: set(range(self.family.lessons)) for name in self.modules})

    def texts_of(self, rules: Mapping[str, set[int]]) -> dict[str, str]:
        """Texts that hold these rules, each with its condition."""
        return {
            name: write_rules(f"C{place}.{rule}" for rule in rules[name]) for place, name in enumerate(self.modules)
        }

    def _climb(self) -> float:
        return self.worth(self.best_texts())

    def share(self, texts: Texts, task: Task, place: int) -> float:
        """The share of an example's needs that a module's text meets, less the damage of harmful rules."""
        bare, conditional, harmful, _ = read_rules(texts[self.modules[place]], place)
        need, hurts = task.needs[place], (task.harmed_by[place] & harmful).bit_count()
        met = (need & (bare | conditional)).bit_count() / need.bit_count() if need else 1.0
        return met * (1 - self.family.damage) ** hurts


def climbed(world: BlindWorld) -> dict[str, str]:
    """The better of the texts that adding and dropping single rules reaches from all good rules, and from none."""
    full = {name: set(range(world.family.lessons)) for name in world.modules}
    empty: dict[str, set[int]] = {name: set() for name in world.modules}
    return max((world.texts_of(_improved(world, rules)) for rules in (full, empty)), key=world.worth)


def _improved(world: BlindWorld, rules: dict[str, set[int]]) -> dict[str, set[int]]:
    best, before = world.worth(world.texts_of(rules)), -1.0
    while best > before:
        before = best
        for name in world.modules:
            for rule in range(world.family.lessons):
                rules[name] ^= {rule}
                if (worth := world.worth(world.texts_of(rules))) > best + 1e-9:
                    best = worth
                else:
                    rules[name] ^= {rule}
    return rules


def mask(count: int, chance: float, rng: Random) -> int:
    """Bits below `count`, each set with this chance."""
    return sum(1 << place for place in range(count) if rng.random() < chance)
