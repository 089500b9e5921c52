"""Which candidate to work on next (Alg. 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import accumulate
from operator import or_
from random import Random

from langgraph_gepa.search.pool import Pool


def survivors(frontier: Mapping[str, AbstractSet[int]], weakest_first: Iterable[int]) -> dict[int, int]:
    """Candidates no others make superfluous, with the number of examples each wins.

    A candidate is dropped when every example it wins is also won by a surviving one, the
    weakest tried first. Removals only ever take cover away, so who was kept once need not be
    tried again: one pass is enough. Whom a candidate has beside it is then those kept so far
    and all stronger ones; what they win together is a set of examples, here the bits of an integer.
    """
    wins: defaultdict[int, int] = defaultdict(int)
    for place, ids in enumerate(frontier.values()):
        won = 1 << place
        for id in ids:
            wins[id] |= won
    order = [id for id in weakest_first if id in wins]
    stronger = [*accumulate((wins[id] for id in reversed(order)), or_, initial=0)]
    kept: list[int] = []
    covered = 0
    for id, rest in zip(order, reversed(stronger[:-1]), strict=True):
        if wins[id] & ~(covered | rest):
            kept.append(id)
            covered |= wins[id]
    return {id: wins[id].bit_count() for id in sorted(kept)}


def surviving(pool: Pool) -> dict[int, int]:
    """The pool's survivors; equal means are tried in the order of their ids."""
    means = {candidate.id: pool.mean(candidate) for candidate in pool.candidates}
    return survivors(pool.frontier, sorted(means, key=lambda id: (means[id], id)))


def pick_parent(pool: Pool, rng: Random) -> int:
    """A survivor, with probability proportional to the number of examples it wins (Alg. 2, last line)."""
    wins = surviving(pool)
    return rng.choices(list(wins), weights=list(wins.values()))[0]


def round_robin(pool: Pool, parent: int) -> tuple[str, ...]:
    """The parent's next module (Alg. 1, SELECTMODULE)."""
    return (pool.modules[pool.pointers[parent]],)
