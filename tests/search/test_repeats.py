"""The rule of `repeats="auto"`: who is run again, on what, and when that ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from langgraph_gepa.core.events import ExamplesDrawn, IterationFinished, IterationStarted
from langgraph_gepa.search import repeats
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.repeats import MOST, PAIRS, START, run_again
from langgraph_gepa.search.turn import Turn

LETTERS = "abcdefghijklmnopqrst"


def crowd(tables: Any, *, examples: int = 8, last: float = 0.5, spent: int = 20) -> Pool:
    """A seed and its children, each of which passes half of the examples; the last child scores `last` on all.

    So many rollouts for each pareto example were spent on them and on training examples.
    """
    passes = [float(place % 2) for place in range(examples)]
    rows = [tables.Row((0,) if id else (), LETTERS[id], passes) for id in range(4)]
    pool: Pool = tables.pool(*rows, tables.Row((0,), LETTERS[4], [last] * examples))
    assert pool.started is not None
    pool.apply(replace(pool.started, judged_by="posterior"))
    for number in range(5, 5 + examples * (spent - 5)):
        pool.apply(tables.rollout("a", f"f{number}", 0.0, number, "feedback"))
        pool.apply(IterationStarted(number, (0,), ()))
        pool.apply(IterationFinished(number, "rejected"))
    return pool


def repeat_all(tables: Any, pool: Pool, score: Any, number: int = 99) -> Counter[tuple[int, str]]:
    """Carries out what the rule wants for the last candidate until it wants nothing, and counts rollouts by pair."""
    ran: Counter[tuple[int, str]] = Counter()
    child = pool.candidates[-1]
    while stage := run_again(Turn(pool, number, 0), child):
        for example in stage.examples:
            known = pool.known("pareto", stage.candidate.key)[example]
            assert len(known) == stage.repeat
            ran[stage.candidate.id, example] += 1
            pool.apply(tables.rollout(LETTERS[stage.candidate.id], example, score(known), number))
    return ran


def test_an_open_race_between_validated_candidates_is_run_again(tables: Any) -> None:
    """Six pairs at a time of whoever ran less, and no pair twice before all of them ran again."""
    pool = crowd(tables)
    child = pool.candidates[-1]
    first = run_again(Turn(pool, 9, 0), child)
    assert first is not None
    assert (first.candidate, first.repeat, len(set(first.examples))) == (child, 1, PAIRS)
    for place, example in enumerate(first.examples):
        pool.apply(tables.rollout(LETTERS[child.id], example, float(place % 2), 9))
    second = run_again(Turn(pool, 9, 0), child)
    assert second is not None
    assert second.candidate.id == pool.posterior.rival(child.id)


@pytest.mark.parametrize("salt", range(5))
def test_pairs_run_four_times_at_most(tables: Any, salt: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However open the race still is; and none of a candidate before all of its others ran one time less."""
    monkeypatch.setattr(repeats, "SHARE", 0.0)
    pool, rng = crowd(tables), Random(salt)
    assert repeat_all(tables, pool, lambda _: rng.choice((0.0, 1.0)))
    for by_example in pool.board.pareto.values():
        times = [len(known) for known in by_example.values()]
        assert max(times) <= min(MOST, min(times) + 1)


def test_a_search_that_has_just_begun_repeats_nothing(tables: Any) -> None:
    """Fifteen rollouts for each pareto example go to new prompts first."""
    early, late = crowd(tables, spent=START - 1), crowd(tables, spent=START)
    assert run_again(Turn(early, 9, 0), early.candidates[-1]) is None
    assert run_again(Turn(late, 9, 0), late.candidates[-1]) is not None


def test_nothing_is_repeated_while_other_iterations_gain_more(tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a sure choice gains about twice as much for its rollouts as another iteration is expected to."""
    pool = crowd(tables)
    for share, pays in ((1.5, True), (3.0, False)):
        monkeypatch.setattr(repeats, "SHARE", share)
        assert (run_again(Turn(pool, 9, 0), pool.candidates[-1]) is not None) is pays


def test_scores_that_repeat_themselves_are_not_repeated(tables: Any) -> None:
    """Six pairs that score as before are enough to know that graph and metric are deterministic."""
    pool = crowd(tables)
    assert repeat_all(tables, pool, lambda known: known[0]).total() == PAIRS
    assert pool.noise.none


def test_a_single_difference_goes_on(tables: Any) -> None:
    """Noise that is seen once is noise."""
    pool, scores = crowd(tables), iter([0.0])
    assert repeat_all(tables, pool, lambda known: next(scores, known[0])).total() > PAIRS


def test_a_decided_race_is_not_run_again(tables: Any) -> None:
    """A child that has won, and one that has lost."""
    for score in (0.0, 1.0):
        pool = crowd(tables, examples=40, last=score)
        assert run_again(Turn(pool, 9, 0), pool.candidates[-1]) is None


def test_a_race_of_somebody_not_validated_is_not_run_again(tables: Any) -> None:
    """First the examples that were not run, then those that were."""
    pool = crowd(tables)
    child = pool.candidates[-1]
    del pool.board.pareto[child.key]["p3"]
    assert run_again(Turn(pool, 9, 0), child) is None


def test_one_iteration_finds_out_whether_scores_are_noisy(tables: Any) -> None:
    """While repeated pairs of one are under way, the others wait for what they show."""
    pool = crowd(tables)
    pool.apply(IterationStarted(7, (0,), ()))
    pool.apply(ExamplesDrawn(7, pool.candidates[0].key, "pareto", ("p0",), 1))
    assert run_again(Turn(pool, 9, 0), pool.candidates[-1]) is None
    assert run_again(Turn(pool, 7, 0), pool.candidates[-1]) is not None


def test_what_another_iteration_is_repeating_is_left_to_it(tables: Any) -> None:
    """The same pair is not run for the second time twice."""
    pool, child = crowd(tables), crowd(tables).candidates[-1]
    for place in range(PAIRS):
        pool.apply(tables.rollout("a", f"p{place}", 0.5, 9))
    pool.apply(IterationStarted(7, (0,), ()))
    pool.apply(ExamplesDrawn(7, child.key, "pareto", ("p0", "p1", "p2", "p3"), 1))
    stage = run_again(Turn(pool, 9, 0), child)
    assert stage is not None
    assert stage.candidate == child
    assert set(stage.examples) == {"p4", "p5", "p6", "p7"}


def test_fewer_examples_than_a_stage_are_enough_to_know(tables: Any) -> None:
    """With four validation examples one candidate's repeats tell whether scores are noisy."""
    pool = crowd(tables, examples=4)
    assert repeat_all(tables, pool, lambda known: known[0]).total() == 4
