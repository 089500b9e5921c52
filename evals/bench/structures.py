"""The structures of the half called `blind`: who needs what, how needs met become a score, and what feedback hides."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from blind_world import BlindWorld, Notes, climbed, mask
from worlds import Task, Texts, bits, read_rules, write_rules


class LateErrorWorld(BlindWorld):
    """A trajectory whose last module can spoil what the others did. An outage, nobody's fault, scores 0."""

    spoiled = 0.3
    outage = 0.06
    fading = 0.7

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:
        """One rule of the last module at least."""
        last = (self.family.modules - 1, rng.randrange(self.family.lessons))
        return super().draw_needs(training, rng) | {last}

    def chance(self, texts: Texts, task: Task) -> float:
        return (1 - self.outage) * self._quality(texts, task)

    def score(self, texts: Texts, task: Task, rng: Random) -> float:
        return 0.0 if rng.random() < self.outage else self.reward(self._quality(texts, task), task, rng)

    def notes(self, texts: Texts, task: Task, rng: Random) -> Notes:
        """The further from the end a fault is, the less likely it is to be named."""
        said = []
        for module, note in self._faults(texts, task):
            steps = self.family.modules - 1 - int(module[1:])
            if rng.random() < self.family.reveal * self.fading**steps:
                said.append((module, note))
        return [*said, self.misleading(rng)] if rng.random() < self.family.lure else said

    def _quality(self, texts: Texts, task: Task) -> float:
        last = self.family.modules - 1
        bare, conditional, _, _ = read_rules(texts[self.modules[last]], last)
        complete = not task.needs[last] & ~(bare | conditional)
        return super().chance(texts, task) * (1.0 if complete else self.spoiled)


class SlicedWorld(BlindWorld):
    """A majority that common rules are enough for, and slices whose own rules may hurt others until conditional."""

    def prepare(self, rng: Random) -> None:
        """The seed was written for the majority: it holds common rules only."""
        family = self.family
        self.seed_texts = {
            name: write_rules(f"L{place}.{rule}" for rule in range(family.common) if rng.random() < family.known)
            for place, name in enumerate(self.modules)
        }
        self._hurt = [tuple(self._quarrels(group, rng) for _ in self.modules) for group in range(len(family.shares))]
        self._groups: list[int] = []

    def draw(self, id: int, training: bool, rng: Random) -> Task:
        task = super().draw(id, training, rng)
        return replace(task, hurt_by=self._hurt[self._groups[id]])

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        """Common rules for the majority; for another slice one of these and rules of its own."""
        family, places = self.family, range(self.family.modules)
        (group,) = rng.choices(range(len(family.shares)), family.shares)
        self._groups.append(group)
        common = [(place, rule) for place in places for rule in range(family.common)]
        if not group:
            return set(rng.sample(common, rng.randint(*family.easy)))
        own = [(place, rule) for place in places for rule in self._own(group)]
        return {rng.choice(common), *rng.sample(own, rng.randint(*family.needs))}

    def notes(self, texts: Texts, task: Task, rng: Random) -> Notes:
        """As in every world, but feedback from a slice may say that a rule is for this slice."""
        return [
            (module, self._with_condition(note) if rng.random() < self.family.conditional else note)
            for module, note in super().notes(texts, task, rng)
        ]

    def _with_condition(self, note: str) -> str:
        what, rule = note.split()
        own = rule[0] == "L" and int(rule.partition(".")[2]) >= self.family.common
        return f"missing C{rule[1:]}" if what == "missing" and own else note

    def _own(self, group: int) -> range:
        """The rules of a slice, the same numbers in each module."""
        return range(self.family.common + group - 1, self.family.lessons, len(self.family.shares) - 1)

    def _quarrels(self, group: int, rng: Random) -> int:
        others = mask(self.family.lessons, self.family.conflict, rng)
        return others & ~sum(1 << rule for rule in (*range(self.family.common), *(self._own(group) if group else ())))


class ToolsWorld(BlindWorld):
    """An agent's prompt and tools that compete for a call by their descriptions; some are never wanted by anybody.

    The last rule of a description says when not to use the tool. An example wants one tool, confuses it
    with two others, and needs rules of the agent's prompt once the right tool is called.
    """

    wanted = 6
    confusing = 8
    base = 0.25
    temptation = 0.3

    def prepare(self, rng: Random) -> None:  # noqa: ARG002
        self._tools: list[tuple[int, tuple[int, ...]]] = []

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        (tool,) = rng.choices(range(1, self.wanted + 1), [1 / rank for rank in range(1, self.wanted + 1)])
        rivals = tuple(rng.sample([place for place in range(1, self.confusing + 1) if place != tool], 2))
        self._tools.append((tool, rivals))
        exclusion = self.family.lessons - 1
        described = rng.sample(range(exclusion), rng.randint(1, exclusion))
        asked = rng.sample(range(self.family.lessons), rng.randint(*self.family.needs))
        agent = {(0, rule) for rule in asked}
        return agent | {(tool, rule) for rule in described} | {(rival, exclusion) for rival in rivals}

    def chance(self, texts: Texts, task: Task) -> float:
        """The right tool's share of the pull of all that come into question, times what the agent makes of it."""
        tool, rivals = self._tools[task.id]
        pull = self.base + self.share(texts, task, tool)
        tempting = sum(self._temptation(texts, task, rival) for rival in rivals)
        return pull / (pull + tempting) * self.share(texts, task, 0)

    def _temptation(self, texts: Texts, task: Task, place: int) -> float:
        bare, conditional, harmful, _ = read_rules(texts[self.modules[place]], place)
        excluded = task.needs[place] & (bare | conditional)
        return self.temptation * ((not excluded) + (task.harmed_by[place] & harmful).bit_count())

    def _faults(self, texts: Texts, task: Task) -> Notes:
        """What is wrong with the call hides what is wrong after it."""
        found = super()._faults(texts, task)
        return [fault for fault in found if fault[0] != self.modules[0]] or found


class UnwelcomeWorld(BlindWorld):
    """Rules that some examples need hurt others with any condition, so that the best texts are a compromise."""

    def prepare(self, rng: Random) -> None:  # noqa: ARG002
        self._unwelcome: list[tuple[int, ...]] = []

    def chance(self, texts: Texts, task: Task) -> float:
        hurts = sum(len(bits(self._held_unwelcome(texts, task, place))) for place in range(self.family.modules))
        return super().chance(texts, task) * (1 - self.family.damage) ** hurts

    def best_texts(self) -> dict[str, str]:
        return climbed(self)

    def _held_unwelcome(self, texts: Texts, task: Task, place: int) -> int:
        bare, conditional, _, _ = read_rules(texts[self.modules[place]], place)
        return self._unwelcome[task.id][place] & (bare | conditional)

    def _faults(self, texts: Texts, task: Task) -> Notes:
        found = super()._faults(texts, task)
        for place, name in enumerate(self.modules):
            for rule in bits(self._held_unwelcome(texts, task, place)):
                found.append((name, f"hurts {_kind(texts[name], place, rule)}{place}.{rule}"))
        return found


class ReviewersWorld(UnwelcomeWorld):
    """Two reviewers: each wants two rules of every module that the other cannot stand, and both say everything.

    The first rules are the first reviewer's taste, the next the other's. Of the rules that were right a reviewer
    also calls some wrong.
    """

    first = 0.65
    tastes = 2
    strict = 0.2
    grumble = 0.15

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        own, other = range(self.tastes), range(self.tastes, 2 * self.tastes)
        if rng.random() >= self.first:
            own, other = other, own
        places = range(self.family.modules)
        self._unwelcome.append(tuple(sum(1 << rule for rule in other if rng.random() < self.strict) for _ in places))
        rules = [(place, rule) for place in places for rule in range(self.family.lessons) if rule not in other]
        return set(rng.sample(rules, rng.randint(*self.family.needs)))

    def notes(self, texts: Texts, task: Task, rng: Random) -> Notes:
        said = super().notes(texts, task, rng)
        for place, name in enumerate(self.modules):
            bare, conditional, _, _ = read_rules(texts[name], place)
            for rule in bits(task.needs[place] & (bare | conditional)):
                if rng.random() < self.grumble:
                    said.append((name, f"hurts {_kind(texts[name], place, rule)}{place}.{rule}"))
        return said


class ChangedWorld(UnwelcomeWorld):
    """A policy that changed: most training examples need each module's last rules, which are wrong today.

    Its first rules are new, and seldom needed by training examples.
    """

    old = 0.6
    withdrawn = 2
    new = 2
    rare = 0.2
    wrong = 0.4

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:
        family, places = self.family, range(self.family.modules)
        outdated = training and rng.random() < self.old
        rules = range(family.lessons) if outdated else range(family.lessons - self.withdrawn)
        chances = [self.rare if training and rule < self.new else 1.0 for rule in rules]
        last = range(family.lessons - self.withdrawn, family.lessons)
        self._unwelcome.append(
            tuple(sum(1 << rule for rule in last if not outdated and rng.random() < self.wrong) for _ in places)
        )
        count = rng.randint(*family.needs)
        return {(rng.choice(places), *rng.choices(rules, chances)) for _ in range(count)}


class CrowdedWorld(BlindWorld):
    """Rules of unequal use in one prompt, whose rules are all followed less once they are more than there is `room`."""

    room = 9

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        rules, count = range(self.family.lessons), rng.randint(*self.family.needs)
        return {(0, rule) for rule in rng.choices(rules, [1 / (rule + 2) for rule in rules], k=count)}

    def chance(self, texts: Texts, task: Task) -> float:
        rules = max(len(texts[name].splitlines()) - 1 for name in self.modules)
        return super().chance(texts, task) * min(1.0, self.room / max(1, rules))

    def best_texts(self) -> dict[str, str]:
        return climbed(self)


class DepthWorld(BlindWorld):
    """Plan, search, read, answer: the stages' shares multiply, and deeper questions need more of the first two."""

    hops = 3
    least = 0.2

    def draw_needs(self, training: bool, rng: Random) -> set[tuple[int, int]]:  # noqa: ARG002
        hops = rng.randint(1, self.hops)
        counts = (hops, hops, *(rng.randint(*self.family.needs) for _ in self.modules[2:]))
        rules = range(self.family.lessons)
        return {(place, rule) for place, count in enumerate(counts) for rule in rng.sample(rules, count)}

    def chance(self, texts: Texts, task: Task) -> float:
        product = 1.0
        for place in range(self.family.modules):
            product *= self.least + (1 - self.least) * self.share(texts, task, place)
        return product

    def _faults(self, texts: Texts, task: Task) -> Notes:
        """A stage that does less than half of its work hides those after it."""
        shares = [self.share(texts, task, place) for place in range(self.family.modules)]
        end = next((place for place, share in enumerate(shares) if share < 0.5), len(shares))
        return [fault for fault in super()._faults(texts, task) if int(fault[0][1:]) <= end]


def _kind(text: str, place: int, rule: int) -> str:
    """How a text holds a rule: `C` with its condition, `L` without."""
    _, conditional, _, _ = read_rules(text, place)
    return "C" if conditional >> rule & 1 else "L"
