"""The choices an iteration makes, each a pure function: a preset of the search is a value of `Rules`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from langgraph_gepa.search.acceptance import improves, keeps_up
from langgraph_gepa.search.merge import GATE
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.selection import pick_parent, round_robin

Bar = Callable[[Sequence[float], Sequence[float]], bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """`search="gepa"`: the paper's Algorithms 1 to 4 as its published code runs them.

    `minibatch` is in examples. An iteration whose parent scores `perfect` throughout its
    minibatch is skipped. At most `merges` merges are accepted in a run.
    """

    minibatch: int = 3
    perfect: float = 1.0
    merges: int = 5
    pick_parent: Callable[[Pool, Random], int] = pick_parent
    pick_modules: Callable[[Pool, int], tuple[str, ...]] = round_robin
    mutation_bar: Bar = improves
    merge_bar: Bar = keeps_up

    def most_rollouts(self, pareto: int) -> int:
        """What an iteration can cost over `pareto` examples; reserved when it starts."""
        return max(2 * self.minibatch, GATE) + pareto


GEPA = Rules()
