"""Draws minibatches of the feedback set (Alg. 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random


def minibatch(ids: Sequence[str], size: int, index: int, seed: int) -> tuple[str, ...]:
    """Returns the `index`-th minibatch, from 0, of endless epochs over shuffled `ids`.

    Each epoch is shuffled anew; where `size` does not divide it, its last batch is filled
    with the ids used least in the epoch, the latest of them first. A pure function of its
    arguments: nothing is remembered from one batch to the next.
    """
    batches = -(-len(ids) // size)
    epoch, position = divmod(index, batches)
    shuffled = list(ids)
    Random(f"{seed}:epoch:{epoch}").shuffle(shuffled)
    used = Counter(shuffled)
    order = {id: place for place, id in enumerate(shuffled)}
    while len(shuffled) < batches * size:
        least = min(used, key=lambda id: (used[id], -order[id]))
        shuffled.append(least)
        used[least] += 1
    return tuple(shuffled[position * size : (position + 1) * size])
