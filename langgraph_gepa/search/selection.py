"""Selects the candidate to mutate next (Alg. 2), and its module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate
from operator import or_
from random import Random

from langgraph_gepa.search.pool import Pool


def survivors(frontier: Mapping[str, AbstractSet[int]], weakest_first: Iterable[int]) -> dict[int, int]:
    """Returns candidates that others do not dominate, with the number of examples each wins (see `uncovered`)."""
    wins: defaultdict[int, int] = defaultdict(int)
    for place, ids in enumerate(frontier.values()):
        for id in ids:
            wins[id] |= 1 << place
    return uncovered(wins, [id for id in weakest_first if id in wins])


def uncovered(wins: Mapping[int, int], weakest_first: Sequence[int]) -> dict[int, int]:
    """Returns which of these candidates are kept, with how many examples they win, given as bits (Alg. 2).

    A candidate is dropped when every example it wins is also won by a surviving one, the
    weakest tried first. Removals only ever take cover away, so who was kept once need not be
    tried again: one pass is enough. Whom a candidate has beside it is then those kept so far
    and all stronger ones; what they win together is the union of their bits.
    """
    stronger = [*accumulate((wins[id] for id in reversed(weakest_first)), or_, initial=0)]
    kept: list[int] = []
    covered = 0
    for id, rest in zip(weakest_first, reversed(stronger[:-1]), strict=True):
        if wins[id] & ~(covered | rest):
            kept.append(id)
            covered |= wins[id]
    return {id: wins[id].bit_count() for id in sorted(kept)}


def surviving(pool: Pool) -> dict[int, int]:
    """Returns the pool's survivors; equals are tried in the order of their ids."""
    worths = pool.worths
    wins = dict(enumerate(pool.wins))
    for place, ids in enumerate(leaders(pool).values(), len(pool.pareto_set)):
        for id in ids:
            wins[id] |= 1 << place
    return uncovered(wins, sorted((id for id in wins if wins[id]), key=lambda id: (worths[id], id)))


def leaders(pool: Pool) -> dict[str, list[int]]:
    """Returns by goal the candidates with the best mean; each goal is won like an example (gepa's hybrid frontier)."""
    if not pool.goals:
        return {}
    # Only searches with goals need numpy for this.
    from langgraph_gepa.search.tradeoffs import means_of

    means = [(id, values) for id, values in enumerate(means_of(pool, pool.goals)) if pool.eligible(id)]
    found: dict[str, list[int]] = {}
    for goal, way in pool.goals.items():
        known = {id: values[goal] for id, values in means if goal in values}
        best = (min if way == "min" else max)(known.values(), default=None)
        found[goal] = [id for id, value in known.items() if value == best]
    return found


def pick_parent(pool: Pool, rng: Random) -> int:
    """Draws a survivor, with probability proportional to how many examples and goals it wins (Alg. 2, last line)."""
    wins = surviving(pool)
    return rng.choices(list(wins), weights=list(wins.values()))[0]


def round_robin(pool: Pool, parent: int) -> tuple[str, ...]:
    """Returns the parent's next module (Alg. 1, SELECTMODULE)."""
    return (pool.modules[pool.pointers[parent] % len(pool.modules)],)
