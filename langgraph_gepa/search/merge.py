"""Merges two candidates over a common ancestor (system-aware merge, Alg. 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from langgraph_gepa.core.candidate import ancestors, texts_key
from langgraph_gepa.core.module import Texts
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.selection import surviving

GATE = 5
"""Pareto examples that a merge is tried on before it is scored on all of them."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A proposal: `texts` made of `first` and `second` over their common `ancestor`; `first < second`."""

    first: int
    second: int
    ancestor: int
    texts: Texts


def propose_merge(pool: Pool, rng: Random) -> Merge | None:
    """Returns a merge of two survivors that was not tried before, or `None` when there is none (Alg. 3).

    Pairs are tried in random order. A common ancestor qualifies when it scores no higher than
    either, and exactly one side changed at least one of its modules; of several, one is drawn
    with probability proportional to its score above the lowest there is (any, when none is above that).
    """
    tried = {(*event.parents, event.ancestor) for event in pool.merges}
    made = {(*event.parents, texts_key(event.texts or {})) for event in pool.merges}
    worths, lowest = pool.worths, pool.scale.range[0]
    lineage = {id: ancestors(pool.candidates, id) for id in surviving(pool)}
    pairs = list(combinations(lineage, 2))
    rng.shuffle(pairs)
    for first, second in pairs:
        if first in lineage[second] or second in lineage[first]:
            continue
        common = [id for id in sorted(lineage[first] & lineage[second]) if (first, second, id) not in tried]
        common = [id for id in common if _qualifies(pool, worths, id, first, second)]
        while common:
            weights = [max(0.0, worths[id] - lowest) for id in common]
            ancestor = rng.choices(common, weights if any(weights) else None)[0]
            common.remove(ancestor)
            merge = Merge(first, second, ancestor, merged_texts(pool, ancestor, first, second, rng))
            if (first, second, texts_key(merge.texts)) not in made:
                return merge
    return None


def merged_texts(pool: Pool, ancestor: int, first: int, second: int, rng: Random) -> dict[str, str]:
    """Takes each module from the side that changed it; from the better candidate if both did, from either on a tie."""
    old, one, two = (pool.candidates[id].texts for id in (ancestor, first, second))
    worths = pool.worths
    score_one, score_two = worths[first], worths[second]
    texts: dict[str, str] = {}
    for name in pool.modules:
        if one[name] == two[name] or two[name] == old[name]:
            texts[name] = one[name]
        elif one[name] == old[name]:
            texts[name] = two[name]
        elif score_one == score_two:
            texts[name] = rng.choice((one[name], two[name]))
        else:
            texts[name] = one[name] if score_one > score_two else two[name]
    return texts


def gate_examples(
    first: Mapping[str, float], second: Mapping[str, float], rng: Random, size: int = GATE
) -> tuple[str, ...]:
    """Draws pareto examples to try a merge on: at most two the first wins, at most two the second wins, the rest ties.

    What the ties cannot fill is drawn from the examples not yet taken or, when those are too few,
    from all of them with repetition.
    """
    common = [example for example in first if example in second]
    wins_one = [example for example in common if first[example] > second[example]]
    wins_two = [example for example in common if second[example] > first[example]]
    ties = [example for example in common if first[example] == second[example]]
    each = max(1, -(-size // 3))
    chosen: list[str] = []
    for group, most in ((wins_one, each), (wins_two, each), (ties, size)):
        chosen += rng.sample(group, min(len(group), most, size - len(chosen)))
    rest = [example for example in common if example not in chosen]
    missing = size - len(chosen)
    if len(rest) >= missing:
        return (*chosen, *rng.sample(rest, missing))
    return (*chosen, *rng.choices(common, k=missing)) if common else ()


def _qualifies(pool: Pool, worths: Sequence[float], ancestor: int, first: int, second: int) -> bool:
    if worths[ancestor] > min(worths[first], worths[second]):
        return False
    old, one, two = (pool.candidates[id].texts for id in (ancestor, first, second))
    return any((one[name] == old[name]) != (two[name] == old[name]) for name in pool.modules)
