"""Sums over a run's events: what was spent, and the scores by candidate and example."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import TYPE_CHECKING

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.events import (
    Charged,
    Event,
    IterationFinished,
    ModelTried,
    OpinionFinished,
    ReflectionFinished,
    RolloutCarried,
    RolloutFinished,
)

if TYPE_CHECKING:
    from langgraph_gepa.search.algebra import Array


_ROUNDING = 1e-6
"""Repeated scores that differ by less than this share of their scale's width score alike."""


def average(scores: Sequence[float]) -> float:
    """Returns the mean score, exactly the score itself if there is one."""
    # `statistics.mean` rounds once: equal scores keep their value, and so their ties, however many they are.
    return scores[0] if len(scores) == 1 else mean(scores)


@dataclass(frozen=True, slots=True)
class Noise:
    """How much scores of the same texts on the same example differ.

    `variance` is that between them, estimated from `repeated` rollouts beside the first of each pair; `width` is that
    of the scale of scores.
    """

    repeated: int = 0
    variance: float = 0.0
    width: float = 1.0

    @property
    def none(self) -> bool:
        """Whether there were repeated rollouts and all of them scored alike, except for rounding."""
        return self.repeated > 0 and self.variance <= (_ROUNDING * self.width) ** 2


@dataclass(slots=True)
class Tally:
    """Sums and counts of scores by the key of the texts and the place in the pareto set.

    The tables are kept from one fit to the next, since few of their rows change.
    """

    sums: dict[str, array[float]] = field(default_factory=dict)
    counts: dict[str, array[float]] = field(default_factory=dict)
    _repeated: int = 0
    _squares: float = 0.0
    _tables: Array | None = field(default=None, repr=False, compare=False)
    _keys: list[str] = field(default_factory=list, repr=False, compare=False)
    _changed: set[str] = field(default_factory=set, repr=False, compare=False)

    def add(self, key: str, place: int, score: float, width: int) -> None:
        """Adds a score; `width` is the size of the pareto set."""
        if key not in self.sums:
            self.sums[key], self.counts[key] = array("d", bytes(8 * width)), array("d", bytes(8 * width))
        count, total = self.counts[key][place], self.sums[key][place]
        if count:
            self._repeated += 1
            self._squares += (score - total / count) ** 2 * count / (count + 1)
        self.sums[key][place] = total + score
        self.counts[key][place] = count + 1.0
        self._changed.add(key)

    def change(self, key: str, place: int, before: float, after: float) -> None:
        """Changes a score that was added."""
        count, total, by = self.counts[key][place], self.sums[key][place], after - before
        self._squares += by * (by * (1 - 1 / count) + 2 * (before - total / count))
        self.sums[key][place] = total + by
        self._changed.add(key)

    def noise(self, scale: tuple[float, float] = (0.0, 1.0)) -> Noise:
        """Returns the noise of the scores, which lie on this scale, from its lowest to its highest."""
        width = (scale[1] - scale[0]) or max(map(abs, scale)) or 1.0
        return Noise(self._repeated, self._squares / self._repeated, width) if self._repeated else Noise(width=width)

    def tables(self, keys: Sequence[str], width: int) -> tuple[Array, Array]:
        """Returns sums and counts, shape (keys, width). The next call overwrites them."""
        # Only searches that judge by a posterior need numpy.
        import numpy as np

        if self._tables is None or len(keys) > self._tables.shape[1]:
            self._tables, self._keys = np.zeros((2, 2 * len(keys), width)), []
        for row, key in enumerate(keys):
            if row < len(self._keys) and self._keys[row] == key and key not in self._changed:
                continue
            for table, known in zip(self._tables, (self.sums, self.counts), strict=True):
                table[row] = np.frombuffer(known[key]) if key in known else 0.0
        self._keys = list(keys)
        self._changed.clear()
        sums, counts = self._tables[:, : len(keys)]
        return sums, counts


def spent_after(spent: Spent, event: Event) -> Spent:
    """Returns what is spent after `event`."""
    match event:
        case RolloutFinished():
            test = event.subset == "test"
            return replace(
                spent,
                rollouts=spent.rollouts + (not test and not event.reused),
                tests=spent.tests + (test and not event.reused),
                graph=spent.graph + event.usage,
                largest_rollout=spent.largest_rollout.at_least(event.usage),
            )
        case ReflectionFinished():
            return replace(
                spent,
                reflections=spent.reflections + 1,
                reflection=spent.reflection + event.usage,
                largest_reflection=spent.largest_reflection.at_least(event.usage),
            )
        case RolloutCarried():
            return replace(spent, carried=spent.carried + 1)
        case OpinionFinished():
            return replace(
                spent,
                opinions=spent.opinions + 1,
                critic=spent.critic + event.usage,
                largest_reflection=spent.largest_reflection.at_least(event.usage),
            )
        case ModelTried() if event.critic:
            return replace(spent, critic=spent.critic + event.usage)
        case ModelTried():
            return replace(spent, reflection=spent.reflection + event.usage)
        case Charged():
            return replace(spent, lost=spent.lost + event.usage)
        case IterationFinished():
            return replace(spent, iterations=spent.iterations + (event.iteration > 0 and event.cause != "start"))
        case _:
            return spent
