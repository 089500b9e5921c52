"""What a critic says of a proposed text before anything runs with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Flaw = Literal["contradicts", "repeats", "bloats"]
"""The new text contradicts itself or what it keeps, says again what it says already, or grows without need."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The critic's opinion of one module's new text: the probability that it helps, and its flaws."""

    chance: float
    flaws: tuple[Flaw, ...] = ()


def chances(opinions: Mapping[str, Opinion], modules: Iterable[str]) -> tuple[float, ...]:
    """Returns the critic's chances of these modules' new texts, without those that it has no opinion of."""
    return tuple(opinions[name].chance for name in modules if name in opinions)
