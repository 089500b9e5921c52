"""The one number that is shown for a candidate."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import CandidateAdmitted, Event, IterationStarted, RolloutFinished, RunStarted
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import Score, scale_of, score_of

SCORES = st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=1, max_size=20)


def raced(*rows: Sequence[float], of: int) -> Pool:
    """A race in which each child was run on the first examples of the pareto set only."""
    pareto = tuple(f"p{place}" for place in range(of))
    events: list[Event] = [RunStarted({"m": "0"}, (), pareto, judged_by="posterior")]
    for id, scores in enumerate(rows):
        child = Candidate(id, {"m": str(id)}, (0,) if id else ())
        events += [IterationStarted(id, (0,), ())] if id else []
        events += [
            RolloutFinished(id, child.key, pareto[place], "pareto", score, Usage(), 0.1, f"{id} {place}")
            for place, score in enumerate(scores)
        ]
        events.append(CandidateAdmitted(id, child))
    return Pool.replay(events)


@given(SCORES, SCORES)
def test_a_candidate_that_was_run_on_all_has_its_mean(seed: list[float], child: list[float]) -> None:
    """Whatever the posterior thinks of it; and what is estimated is possible after the scores that are known."""
    pool = raced(seed, child, of=len(seed)) if len(child) <= len(seed) else raced(child, seed, of=len(child))
    for candidate in pool.candidates:
        score, known = score_of(pool, candidate.id), list(pool.scores(candidate).values())
        assert (score.n, score.of) == (len(known), len(pool.pareto_set))
        if score.n == score.of:
            assert score.value == pytest.approx(pool.mean(candidate))
        assert sum(known) - 1e-9 <= score.value * score.of <= sum(known) + score.of - score.n + 1e-9


def test_a_candidate_that_scored_nothing_is_not_shown_with_something() -> None:
    """A prior of 0.4 is no reason to show 0.09 where every score is 0."""
    assert score_of(raced([0.0] * 4, of=4), 0) == Score(0.0, 4, 4)
    assert score_of(raced([0.0] * 24, of=60), 0).value < 0.02


def test_missing_examples_are_estimated_by_their_difficulty() -> None:
    """A child run on the hard half alone is expected to do better on the easy half, as the seed did."""
    pool = raced([0.0] * 10 + [0.8] * 10, [0.2] * 10, of=20)
    assert 0.4 < score_of(pool, 1).value < 0.65
    assert score_of(pool, 1).estimated


def test_a_scale_reaches_from_zero_to_perfect_and_to_what_was_seen() -> None:
    """Scores of other scales stretch it."""
    assert scale_of([0.2, 0.4]) == (0.0, 1.0)
    assert scale_of([3.0, 4.0], perfect=5.0) == (0.0, 5.0)
    assert scale_of([-2.0, 7.0], perfect=5.0) == (-2.0, 7.0)
