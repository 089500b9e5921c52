"""Which candidate to work on next (Alg. 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from random import Random

from langgraph_gepa.search.pool import Pool


def survivors(frontier: Mapping[str, AbstractSet[int]], weakest_first: Iterable[int]) -> dict[int, int]:
    """Candidates no others make superfluous, with the number of examples each wins.

    A candidate is dropped when every example it wins is also won by a surviving one, the
    weakest tried first. Removals only ever take cover away, so who was kept once need not be
    tried again: one pass with a count of winners per example is enough, linear in the frontier.
    """
    wins: dict[int, list[str]] = {}
    for example, ids in frontier.items():
        for id in ids:
            wins.setdefault(id, []).append(example)
    cover = Counter({example: len(ids) for example, ids in frontier.items()})
    kept = dict.fromkeys(wins, 0)
    for id in weakest_first:
        if id in wins and all(cover[example] > 1 for example in wins[id]):
            cover.subtract(wins[id])
            del kept[id]
    return {id: len(wins[id]) for id in sorted(kept)}


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
