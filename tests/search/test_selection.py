"""Alg. 2: who survives on the frontier, and how often each is picked."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.selection import pick_parent, round_robin, surviving, survivors

seeds = st.integers(0, 2**32)


def random_frontier(rng: Random) -> tuple[dict[str, set[int]], dict[int, float]]:
    """Winners per example, and every candidate's aggregate score with many ties."""
    size = rng.randint(1, 12)
    frontier = {
        f"p{place}": set(rng.sample(range(size), rng.randint(1, min(size, 4)))) for place in range(rng.randint(1, 15))
    }
    return frontier, {id: rng.choice((-1.0, 0.0, 0.25, 0.5, rng.random())) for id in range(size)}


def test_the_single_pass_equals_the_plain_transcription(plain_survivors: Any) -> None:
    """One pass with cover counts keeps whom the scan that restarts after every removal keeps."""
    rng = Random(2507)
    for _ in range(1000):
        frontier, scores = random_frontier(rng)
        kept = survivors(frontier, sorted(scores, key=lambda id: (scores[id], id)))
        assert set(kept) == plain_survivors(frontier, scores)


def test_survivors_are_those_of_the_published_code() -> None:
    """Given its order among equals, gepa 0.1.4 keeps the same candidates with the same numbers of wins."""
    gepa_utils = pytest.importorskip("gepa.gepa_utils")
    rng = Random(19457)
    for _ in range(1000):
        frontier, scores = random_frontier(rng)
        met = list(dict.fromkeys(id for winners in frontier.values() for id in winners))
        theirs = gepa_utils.remove_dominated_programs(frontier, scores)
        wins = Counter(id for winners in theirs.values() for id in winners)
        assert survivors(frontier, sorted(met, key=lambda id: scores[id])) == wins


@given(seeds)
def test_every_example_keeps_a_winner_and_no_survivor_is_superfluous(seed: int) -> None:
    """The survivors cover the frontier, and would not without any one of them."""
    frontier, scores = random_frontier(Random(seed))
    kept = set(survivors(frontier, sorted(scores, key=lambda id: scores[id])))
    assert all(winners & kept for winners in frontier.values())
    assert all(any(winners & kept == {one} for winners in frontier.values()) for one in kept)


def test_of_two_equal_winners_the_weaker_goes() -> None:
    """Who wins the same examples with a smaller aggregate is dropped, whatever its id."""
    assert survivors({"p0": {0, 1}, "p1": {0, 1}}, [0, 1]) == {1: 2}
    assert survivors({"p0": {0, 1}, "p1": {0, 1}}, [1, 0]) == {0: 2}


def test_a_candidate_covered_only_by_several_others_goes_too() -> None:
    """It is a cover test, not textbook dominance: nobody alone beats 2, together 0 and 1 do."""
    assert survivors({"p0": {0}, "p1": {0, 2}, "p2": {1, 2}, "p3": {1}}, [2, 1, 0]) == {0: 2, 1: 2}


def test_a_candidate_that_wins_nothing_is_no_survivor(tables: Any) -> None:
    """Being second everywhere is not enough, however good the mean."""
    row = tables.Row
    pool = tables.pool(row((), "a", [0, 0.9, 0.9]), row((0,), "b", [1, 0, 1]), row((0,), "c", [0, 1, 0]))
    assert surviving(pool) == {1: 2, 2: 1}


@given(seeds)
def test_pools_keep_a_winner_per_example(tables: Any, plain_survivors: Any, seed: int) -> None:
    """On any pool, with negative scores, ties and equal texts, the survivors are the plain prune's."""
    pool = tables.pool(*tables.random_rows(Random(seed)))
    means = {candidate.id: pool.mean(candidate) for candidate in pool.candidates}
    assert set(surviving(pool)) == plain_survivors({e: set(ids) for e, ids in pool.frontier.items()}, means)


def test_parents_are_drawn_by_the_number_of_examples_they_win(tables: Any) -> None:
    """Over many draws the shares are the shares of wins, also when every score is negative."""
    row = tables.Row
    pool = tables.pool(row((), "a", [-9] * 4), row((0,), "b", [-1, -1, -1, -5]), row((0,), "c", [-5, -5, -5, -2]))
    drawn = Counter(pick_parent(pool, Random(seed)) for seed in range(4000))
    assert drawn.keys() == {1, 2}
    assert drawn[1] / 4000 == pytest.approx(3 / 4, abs=0.03)


def test_round_robin_is_the_parents_own_turn(tables: Any) -> None:
    """Each candidate has its own next module."""
    row = tables.Row
    pool = tables.pool(row((), "aaa", [0]), row((0,), "aba", [1]))
    assert (round_robin(pool, 0), round_robin(pool, 1)) == (("m2",), ("m2",))
    lone = tables.pool(row((), "a", [0]), row((0,), "b", [1]))
    assert (round_robin(lone, 0), round_robin(lone, 1)) == (("m0",), ("m0",))
