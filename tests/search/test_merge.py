"""Alg. 3 and 4: which two candidates merge, into what, and on which examples the child is tried."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.candidate import ancestors
from langgraph_gepa.core.events import IterationStarted
from langgraph_gepa.search.merge import Merge, gate_examples, merged_texts, propose_merge
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.selection import surviving

seeds = st.integers(0, 2**32)


def apart(tables: Any, scores: tuple[list[float], ...] = ([0, 0], [1, 0], [0, 1])) -> Pool:
    """A seed and two children that each changed a module of their own."""
    row = tables.Row
    return tables.pool(row((), "aa", scores[0]), row((0,), "ba", scores[1]), row((0,), "ab", scores[2]))


def test_disjoint_changes_are_both_taken(tables: Any) -> None:
    """What each side changed alone ends up in the child."""
    assert propose_merge(apart(tables), Random(0)) == Merge(1, 2, 0, {"m0": "b", "m1": "b"})


@pytest.mark.parametrize("low", [0.0, -3.0])
def test_an_ancestor_without_merit_is_still_an_ancestor(tables: Any, low: float) -> None:
    """An ancestor whose every score is 0, or below, can be merged over."""
    pool = apart(tables, ([low, low], [1 + low, low], [low, 1 + low]))
    assert propose_merge(pool, Random(0)) == Merge(1, 2, 0, {"m0": "b", "m1": "b"})


def test_all_negative_scores_merge(tables: Any) -> None:
    """Scores may all be negative, parents' included."""
    assert propose_merge(apart(tables, ([-9, -9], [-1, -9], [-9, -1])), Random(0)) is not None


@given(seeds)
def test_a_merge_invents_no_text(tables: Any, seed: int) -> None:
    """Each module's text is one parent's; a side that alone changed a module keeps its change."""
    rng = Random(seed)
    pool = tables.pool(*tables.random_rows(rng))
    first, second, ancestor = (rng.randrange(len(pool.candidates)) for _ in range(3))
    texts = merged_texts(pool, ancestor, first, second, rng)
    assert list(texts) == list(pool.modules)
    for name, text in texts.items():
        old, one, two = (pool.candidates[id].texts[name] for id in (ancestor, first, second))
        assert text in (one, two)
        if one == old or two == old:
            assert text == (two if one == old else one)


def test_a_module_both_changed_is_the_better_parents(tables: Any) -> None:
    """The higher mean decides, whichever side it is on."""
    row = tables.Row
    for scores, letter in (([1, 1, 0], [0, 0, 1]), "b"), (([1, 0, 0], [0, 1, 1]), "c"):
        pool = tables.pool(row((), "a", [0, 0, 0]), row((0,), "b", scores[0]), row((0,), "c", scores[1]))
        assert {merged_texts(pool, 0, 1, 2, Random(seed))["m0"] for seed in range(20)} == {letter}


def test_on_a_tie_either_parents_text_is_taken(tables: Any) -> None:
    """Equal means leave it to chance."""
    row = tables.Row
    pool = tables.pool(row((), "a", [0, 0]), row((0,), "b", [1, 0]), row((0,), "c", [0, 1]))
    assert {merged_texts(pool, 0, 1, 2, Random(seed))["m0"] for seed in range(30)} == {"b", "c"}


@given(seeds)
def test_a_proposal_is_one_the_paper_allows(tables: Any, seed: int) -> None:
    """Survivors, neither descending from the other, over a common ancestor no better than either, one side changed."""
    rng = Random(seed)
    pool = tables.pool(*tables.random_rows(rng))
    merge = propose_merge(pool, rng)
    if merge is None:
        return
    first, second, ancestor = (pool.candidates[id] for id in (merge.first, merge.second, merge.ancestor))
    assert first.id < second.id
    assert {first.id, second.id} <= surviving(pool).keys()
    assert first.id not in ancestors(pool.candidates, second.id)
    assert second.id not in ancestors(pool.candidates, first.id)
    assert ancestor.id in ancestors(pool.candidates, first.id) & ancestors(pool.candidates, second.id)
    assert pool.mean(ancestor) <= min(pool.mean(first), pool.mean(second))
    changed = [(first.texts[m] != text, second.texts[m] != text) for m, text in ancestor.texts.items()]
    assert {(True, False), (False, True)} & set(changed)
    assert (first.id, second.id, ancestor.id) not in {(*e.parents, e.ancestor) for e in pool.merges}


@given(seeds)
def test_a_merge_is_found_when_there_is_one(tables: Any, seed: int) -> None:
    """The search for a pair is exhaustive: a pool either has none for every draw, or one for every draw."""
    pool = tables.pool(*tables.random_rows(Random(seed)))
    assert len({propose_merge(pool, Random(draw)) is None for draw in range(5)}) == 1


def test_no_merge_is_tried_twice(tables: Any) -> None:
    """What was proposed once, accepted or not, is not proposed again."""
    pool = apart(tables)
    merge = propose_merge(pool, Random(0))
    assert merge is not None
    pool.apply(IterationStarted(3, (1, 2), ("p0",), merge.ancestor, merge.texts))
    assert propose_merge(pool, Random(1)) is None


def test_a_triple_is_tried_once_whatever_chance_would_make_of_it(tables: Any) -> None:
    """Where a tie would let the same two yield another text the second time, there is no second time."""
    row = tables.Row
    pool = tables.pool(row((), "aa", [0, 0]), row((0,), "ba", [1, 0]), row((0,), "cb", [0, 1]))
    assert len({str(propose_merge(pool, Random(seed))) for seed in range(30)}) == 2
    pool.apply(IterationStarted(3, (1, 2), ("p0",), 0, {"m0": "b", "m1": "b"}))
    assert {propose_merge(pool, Random(seed)) for seed in range(30)} == {None}


def test_parent_and_child_do_not_merge(tables: Any) -> None:
    """Along one line there is nothing to bring together."""
    row = tables.Row
    pool = tables.pool(row((), "aa", [0, 0]), row((0,), "ba", [1, 0]), row((1,), "bb", [0, 1]))
    assert propose_merge(pool, Random(0)) is None


def test_an_ancestor_better_than_a_parent_does_not_qualify(tables: Any) -> None:
    """A parent that lost ground since the ancestor is not merged over it."""
    pool = apart(tables, ([0.6, 0.6, 0], [1, 0, 0], [0, 1, 1]))
    assert propose_merge(pool, Random(0)) is None


def test_both_changing_all_the_same_modules_is_no_merge(tables: Any) -> None:
    """Without a module changed by exactly one side there is nothing complementary."""
    row = tables.Row
    pool = tables.pool(row((), "aa", [0, 0]), row((0,), "bb", [1, 0]), row((0,), "cc", [0, 1]))
    assert propose_merge(pool, Random(0)) is None


def test_the_better_ancestor_is_drawn_more_often(tables: Any) -> None:
    """Of several common ancestors one is drawn in proportion to its score; one that scores 0, never."""
    row = tables.Row
    pool = tables.pool(
        row((), "aaa", [0.1, 0.1, 0.1]),
        row((0,), "baa", [0.3, 0.3, 0.3]),
        row((1,), "bba", [1, 0.5, 0.5]),
        row((1,), "bab", [0.5, 1, 1]),
    )
    drawn = Counter(merge.ancestor for s in range(2000) if (merge := propose_merge(pool, Random(s))) is not None)
    assert drawn[1] / 2000 == pytest.approx(3 / 4, abs=0.04)


def ranks(wins_one: int, wins_two: int, ties: int) -> tuple[dict[str, float], dict[str, float]]:
    """Two candidates' scores by example, named after who wins it."""
    names = [
        *(f"one{n}" for n in range(wins_one)),
        *(f"two{n}" for n in range(wins_two)),
        *(f"tie{n}" for n in range(ties)),
    ]
    return {n: float(n.startswith("one")) for n in names}, {n: float(n.startswith("two")) for n in names}


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8), seeds)
def test_a_gate_has_two_wins_of_each_and_ties(one: int, two: int, ties: int, seed: int) -> None:
    """Five examples: two each wins, the rest ties; a shortage is filled from what is left, repeats come last."""
    first, second = ranks(one, two, ties)
    gate = gate_examples(first, second, Random(seed))
    if not first:
        assert gate == ()
        return
    assert len(gate) == 5
    assert set(gate) <= set(first)
    kinds = Counter(name[:3] for name in set(gate))
    assert kinds["one"] >= min(one, 2)
    assert kinds["two"] >= min(two, 2)
    if min(one, 2) + min(two, 2) + ties >= 5:
        assert kinds == Counter(one=min(one, 2), two=min(two, 2), tie=5 - min(one, 2) - min(two, 2))
    if len(first) >= 5:
        assert len(set(gate)) == 5
    elif len(first) < 5:
        assert len(set(gate)) >= min(one, 2) + min(two, 2) + min(ties, 1)


def test_a_gate_uses_examples_both_were_run_on() -> None:
    """An example only one side was scored on says nothing."""
    assert set(gate_examples({"a": 1.0, "b": 0.0}, {"b": 1.0, "c": 1.0}, Random(0))) == {"b"}
