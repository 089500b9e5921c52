"""Minibatches: endless epochs of shuffled ids, a pure function of their arguments."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.minibatch import minibatch

ids = st.integers(1, 30).map(lambda n: [f"f{place}" for place in range(n)])
sizes, epochs, seeds = st.integers(1, 40), st.integers(0, 5), st.integers(0, 1000)


@given(ids, sizes, epochs, seeds)
def test_an_epoch_holds_every_id_once_before_any_twice(ids: list[str], size: int, epoch: int, seed: int) -> None:
    """The first ids of an epoch are a shuffle of all; only its last batch is padded, with the least used."""
    batches = -(-len(ids) // size)
    told = [minibatch(ids, size, epoch * batches + place, seed) for place in range(batches)]
    flat = [id for batch in told for id in batch]
    assert all(len(batch) == size for batch in told)
    assert sorted(flat[: len(ids)]) == sorted(ids)
    used = Counter(flat[: len(ids)])
    for padding in flat[len(ids) :]:
        assert used[padding] == min(used.values())
        used[padding] += 1


@given(ids, sizes, st.integers(0, 50), seeds)
def test_a_minibatch_depends_on_its_arguments_alone(ids: list[str], size: int, index: int, seed: int) -> None:
    """Asked again, in any order, it is the same, and the ids given are left as they were."""
    before = list(ids)
    once = minibatch(ids, size, index, seed)
    minibatch(ids, size, index + 7, seed)
    assert minibatch(ids, size, index, seed) == once
    assert ids == before


def test_epochs_and_seeds_shuffle_differently() -> None:
    """A new epoch is a new order, and so is another seed."""
    many = [f"f{place}" for place in range(50)]
    orders = {minibatch(many, 50, epoch, seed) for epoch in range(4) for seed in range(4)}
    assert len(orders) == 16


@given(ids, sizes)
def test_padding_is_that_of_the_published_code(ids: list[str], size: int) -> None:
    """Given its shuffle, gepa 0.1.4 fills the last batch with the same ids in the same order."""
    sampling = pytest.importorskip("gepa.strategies.batch_sampler")
    batches = -(-len(ids) // size)
    ours = [minibatch(ids, size, index, 0) for index in range(batches)]
    order = [id for batch in ours for id in batch][: len(ids)]

    class Shuffle:
        def shuffle(self, known: list[str]) -> None:
            known[:] = order

    class Loader(list[str]):
        def all_ids(self) -> list[str]:
            return list(self)

    sampler = sampling.EpochShuffledBatchSampler(size, Shuffle())
    theirs = [sampler.next_minibatch_ids(Loader(ids), SimpleNamespace(i=index)) for index in range(batches)]
    assert [tuple(batch) for batch in theirs] == ours
