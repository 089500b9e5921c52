"""The frontier: on each pareto example the candidates with the best score there, ties included (Alg. 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Frontier:
    """Updated with every score, so that the scores are never searched.

    `wins` holds by candidate the examples on which no other is better, as bits by their `places` in the pareto set.
    """

    places: Mapping[str, int] = field(default_factory=dict)
    wins: list[int] = field(default_factory=list)
    _best: dict[str, tuple[float, set[int]]] = field(default_factory=dict)

    @property
    def ids(self) -> dict[str, frozenset[int]]:
        """The best candidates by example."""
        return {example: frozenset(ids) for example, (_, ids) in self._best.items()}

    def enter(self, example: str, id: int, score: float) -> None:
        best = self._best.get(example)
        if best is not None and score < best[0]:
            return
        if best is None or score > best[0]:
            self._leave(example)
            self._best[example] = best = (score, set())
        best[1].add(id)
        self.wins[id] |= 1 << self.places[example]

    def refresh(self, example: str, scores: Iterable[tuple[int, float]]) -> None:
        """Computes the best on an example again after a score there changed."""
        self._leave(example)
        for id, score in scores:
            self.enter(example, id, score)

    def _leave(self, example: str) -> None:
        _, ids = self._best.pop(example, (0.0, set()))
        for id in ids:
            self.wins[id] &= ~(1 << self.places[example])
