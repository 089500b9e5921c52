"""The pool is a fold of events: everything it knows follows from them, whatever order the world took."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.candidate import Candidate, ancestors
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
    RunFinished,
)
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.pool import Pool

seeds = st.integers(0, 2**32)


def brute_force(pool: Pool) -> dict[str, frozenset[int]]:
    """The frontier computed afresh from every score known."""
    frontier = {}
    for example in pool.pareto_set:
        scores = {
            c.id: mean(known) for c in pool.candidates if (known := pool.board.pareto.get(c.key, {}).get(example))
        }
        if scores:
            frontier[example] = frozenset(id for id, score in scores.items() if score == max(scores.values()))
    return frontier


@given(seeds)
def test_the_frontier_equals_a_brute_force_computation_after_every_event(tables: Any, seed: int) -> None:
    """Kept up incrementally, the frontier is what the scores say, also when examples are run again."""
    rng = Random(seed)
    rows = tables.random_rows(rng)
    again = [tables.rollout(rng.choice(rows).texts, "p0", rng.choice((0.1, 0.5, 1.0)), len(rows)) for _ in range(6)]
    pool = Pool()
    for event in [*tables.journal(rows), *again]:
        pool.apply(event)
        assert pool.frontier == brute_force(pool)


@given(seeds)
def test_the_order_in_which_rollouts_end_changes_nothing(tables: Any, seed: int) -> None:
    """Rollouts of one iteration may end in any order: scores, frontier, best and pointers are the same."""
    rng = Random(seed)
    told = tables.journal(tables.random_rows(rng))
    shuffled = [e for e in told if not isinstance(e, RolloutFinished)]
    for event in sorted((e for e in told if isinstance(e, RolloutFinished)), key=lambda _: rng.random()):
        admission = next(
            place
            for place, other in enumerate(shuffled)
            if isinstance(other, CandidateAdmitted) and other.iteration == event.iteration
        )
        shuffled.insert(admission, event)
    one, two = Pool.replay(told), Pool.replay(shuffled)
    assert (one.frontier, one.best, one.pointers) == (two.frontier, two.best, two.pointers)
    assert [one.scores(c) for c in one.candidates] == [two.scores(c) for c in two.candidates]


@given(seeds, st.data())
def test_a_replay_interrupted_anywhere_goes_on_to_the_same_pool(tables: Any, seed: int, data: st.DataObject) -> None:
    """Replaying a part, asking it anything, and applying the rest is replaying the whole."""
    told = tables.journal(tables.random_rows(Random(seed)))
    cut = data.draw(st.integers(0, len(told)))
    pool = Pool.replay(told[:cut])
    _ = pool.frontier, [pool.mean(candidate) for candidate in pool.candidates]
    for event in told[cut:]:
        pool.apply(event)
    whole = Pool.replay(told)
    assert pool == whole
    assert [pool.mean(candidate) for candidate in pool.candidates] == [whole.mean(c) for c in whole.candidates]


@given(st.floats(-10, 10), st.integers(2, 9))
def test_equal_scores_tie_however_often_they_were_measured(tables: Any, score: float, times: int) -> None:
    """A candidate run several times with one result ties with one run once: rounding breaks no tie."""
    pool = tables.pool(tables.Row((), "a", [score]), tables.Row((0,), "b", [score]))
    for _ in range(times):
        pool.apply(tables.rollout("b", "p0", score))
    assert pool.frontier == {"p0": frozenset({0, 1})}
    assert pool.best.id == 0


def test_a_child_starts_at_the_furthest_of_its_parents_pointers(tables: Any) -> None:
    """A mutation inherits its parent's pointer as moved by its own reflection; a merge the further of two."""
    row = tables.Row
    pool = tables.pool(row((), "aaa", [0]), row((0,), "baa", [1]), row((1,), "bba", [1]), row((0, 2), "bba", [1], 0))
    assert pool.pointers == [1, 2, 2, 2]


def test_the_pointer_goes_round(tables: Any) -> None:
    """After the last module comes the first."""
    pool = tables.pool(tables.Row((), "aa", [0]))
    turns = []
    for number in range(1, 5):
        turns.append(pool.modules[pool.pointers[0]])
        pool.apply(IterationStarted(number, (0,), ("f0",)))
        pool.apply(ModulesChosen(number, 0, (turns[-1],)))
        pool.apply(IterationFinished(number, "rejected"))
    assert turns == ["m0", "m1", "m0", "m1"]


def test_choosing_several_modules_at_once_moves_no_pointer(tables: Any) -> None:
    """Editing all modules jointly is nobody's turn."""
    pool = tables.pool(tables.Row((), "aa", [0]))
    pool.apply(ModulesChosen(1, 0, ("m0", "m1")))
    assert pool.pointers == [0]


def test_gate_feedback_and_test_scores_are_no_pareto_scores(tables: Any) -> None:
    """Only a rollout run as a pareto score counts as one; all but tests count against the search."""
    pool = tables.pool(tables.Row((), "a", [0, 0]))
    pool.apply(tables.rollout("a", "p0", 1.0, 1, "gate"))
    pool.apply(tables.rollout("a", "p0", 1.0, 1, "feedback"))
    pool.apply(tables.rollout("a", "p0", 1.0, 1, "test"))
    assert pool.scores(pool.candidates[0]) == {"p0": 0, "p1": 0}
    assert (pool.spent.rollouts, pool.spent.tests) == (4, 1)


def test_everything_paid_is_spent(tables: Any) -> None:
    """Usage of the graph and of the reflection model add up apart and together."""
    pool = tables.pool(tables.Row((), "a", [0, 0]))
    pool.apply(ReflectionFinished(1, "m0", Usage(5, 7, 0.5), 1.0, "key"))
    assert pool.spent.reflections == 1
    assert pool.spent.graph.tokens == 4
    assert pool.spent.usage.tokens == 16
    assert pool.spent.usage.dollars == pytest.approx(0.52)


def test_a_merge_is_due_from_an_accepted_mutation_to_the_next_start(tables: Any) -> None:
    """Seeds, merges and rejections make none due; starting anything uses it up."""
    row = tables.Row
    rows = [row((), "aa", [0, 0]), row((0,), "ba", [1, 0]), row((0,), "ab", [0, 1]), row((1, 2), "bb", [1, 1], 0)]
    told = tables.journal(rows)
    due = {}
    pool = Pool()
    for event in told:
        pool.apply(event)
        if isinstance(event, IterationStarted | IterationFinished):
            due[type(event), event.iteration] = pool.merge_due
    assert due == {
        (IterationFinished, 0): False,
        (IterationStarted, 1): False,
        (IterationFinished, 1): True,
        (IterationStarted, 2): False,
        (IterationFinished, 2): True,
        (IterationStarted, 3): False,
        (IterationFinished, 3): False,
    }
    assert pool.accepted_merges == 1


def test_what_is_under_way_is_open_until_it_finishes(tables: Any) -> None:
    """An iteration cut off in the middle is found again with what it has done; tests are of no iteration."""
    pool = tables.pool(tables.Row((), "a", [0]))
    started, done = IterationStarted(1, (0,), ("f0",)), tables.rollout("a", "f0", 0.0, 1, "feedback")
    pool.apply(started)
    pool.apply(done)
    pool.apply(tables.rollout("a", "t0", 0.0, 0, "test"))
    assert pool.open == {1: [started, done]}
    pool.apply(IterationFinished(1, "skipped"))
    assert pool.open == {}
    assert pool.spent.iterations == 1


def test_a_run_with_a_larger_budget_is_no_longer_finished(tables: Any) -> None:
    """Starting another iteration reopens a finished run."""
    pool = tables.pool(tables.Row((), "a", [0]))
    pool.apply(RunFinished("10 of 10 rollouts spent"))
    assert pool.finished is not None
    pool.apply(IterationStarted(1, (0,), ("f0",)))
    assert pool.finished is None


def test_the_earliest_of_equals_is_best(tables: Any) -> None:
    """A tie on the mean goes to the candidate found first."""
    row = tables.Row
    assert tables.pool(row((), "a", [0, 0]), row((0,), "b", [1, 0]), row((0,), "c", [0, 1])).best.id == 1


def test_ancestors_are_all_that_lead_to_a_candidate(tables: Any) -> None:
    """Both parents' lines, each once, the candidate itself left out."""
    row = tables.Row
    rows = [row((), "aa", [0]), row((0,), "ba", [0]), row((0,), "ab", [0]), row((1, 2), "bb", [0], 0)]
    pool = tables.pool(*rows, row((3,), "cb", [0]))
    assert [ancestors(pool.candidates, id) for id in range(5)] == [set(), {0}, {0}, {0, 1, 2}, {0, 1, 2, 3}]


def test_candidates_are_admitted_in_order(tables: Any) -> None:
    """A journal with a hole is no journal."""
    with pytest.raises(ValueError, match="candidate 2 admitted where 1 is next"):
        tables.pool(tables.Row((), "a", [0])).apply(CandidateAdmitted(1, Candidate(2, {"m0": "b"}, (0,))))


@given(seeds)
def test_a_failure_scores_the_same_whenever_it_happened(tables: Any, seed: int) -> None:
    """It has the lowest score seen at the end, wherever it stands among the others, and derived values follow."""
    rng = Random(seed)
    told = tables.journal(tables.random_rows(rng))
    failing = [replace(e, error="boom") if isinstance(e, RolloutFinished) and rng.random() < 0.3 else e for e in told]
    pool = Pool.replay(failing)
    score = pool.scale.failure_score
    settled = [replace(e, score=score) if isinstance(e, RolloutFinished) and e.error else e for e in failing]
    other = Pool.replay(settled)
    assert (pool.board.pareto, pool.frontier, pool.best) == (other.board.pareto, other.frontier, other.best)
    assert all(np.allclose(ours, theirs) for ours, theirs in zip(pool.tables(), other.tables(), strict=True))
    assert min([score, *(s for known in pool.board.pareto.values() for some in known.values() for s in some)]) == score
