"""What the pool keeps of the children that were tried, and which of their edits are nearest to a text."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    IterationFinished,
    IterationStarted,
    RunStarted,
)
from langgraph_gepa.search.attempts import Attempt, earlier_edits
from langgraph_gepa.search.pool import Pool


@pytest.fixture
def pool(tables: Any) -> Pool:
    """A seed with texts a and a that scores one half on feedback examples f0 to f2 and pareto examples p0 and p1."""
    pool = Pool()
    pool.apply(RunStarted(tables.texts_of("aa"), ("f0", "f1", "f2"), ("p0", "p1")))
    for event in tables.journal([tables.Row((), "aa", [0.5, 0.5])])[1:]:
        pool.apply(event)
    for example in pool.feedback_set:
        pool.apply(tables.rollout("aa", example, 0.5, 1, "feedback"))
    pool.open.pop(1)
    return pool


def begun(pool: Pool, number: int, *children: dict[str, str]) -> None:
    pool.apply(IterationStarted(number, (0,), ()))
    pool.apply(ChildrenProposed(number, children))


def test_a_rejected_child_is_kept_with_the_scores_of_its_screen(tables: Any, pool: Pool) -> None:
    """Of both on the records that both were run on; a child that was never run is not kept."""
    begun(pool, 1, {"m0": "b"}, {"m1": "c"})
    for example, score in (("f1", 0.0), ("f2", 0.5)):
        pool.apply(tables.rollout("ba", example, score, 1, "feedback"))
    assert pool.attempts == []
    pool.apply(IterationFinished(1, "rejected", cause="no_better"))
    key = texts_key(tables.texts_of("ba"))
    assert pool.attempts == [Attempt(key, tables.texts_of("aa"), {"m0": "b"}, 0.5, 0.25, 2)]


def test_an_accepted_child_is_kept_with_the_scores_of_its_race(tables: Any, pool: Pool) -> None:
    """What it did on the pareto set says more than the screen that it passed."""
    begun(pool, 1, {"m0": "b"})
    pool.apply(tables.rollout("ba", "f0", 1.0, 1, "feedback"))
    pool.apply(CandidateAdmitted(1, Candidate(1, tables.texts_of("ba"), (0,))))
    pool.apply(tables.rollout("ba", "p1", 0.25, 1))
    pool.apply(IterationFinished(1, "accepted", cause="stopped"))
    (attempt,) = pool.attempts
    assert attempt.edit("m0") == Edit("a", "b", 0.5, 0.25, 1)
    assert not attempt.edit("m0").helped


def test_an_iteration_knows_what_had_ended_when_it_started(tables: Any, pool: Pool) -> None:
    """Others that end meanwhile change nothing for it, so that it asks the same when it is resumed."""
    begun(pool, 1, {"m0": "b"})
    pool.apply(IterationStarted(2, (0,), ()))
    pool.apply(tables.rollout("ba", "f0", 0.0, 1, "feedback"))
    pool.apply(IterationFinished(1, "rejected"))
    pool.apply(IterationStarted(3, (0,), ()))
    assert pool.known_attempts == {2: 0, 3: 1}


def attempt(old: str, new: str, others: int = 0, after: float = 0.0) -> Attempt:
    more = {f"m{place}": "x" for place in range(1, others + 1)}
    return Attempt(f"{old}{new}{others}", {"m0": old, **dict.fromkeys(more, "y")}, {"m0": new, **more}, 0.5, after, 3)


def test_edits_of_the_present_text_alone_and_of_late_come_first() -> None:
    """An edit of an earlier text says less, and so does one that changed other texts as well."""
    attempts = [attempt("a", "b"), attempt("z", "c"), attempt("a", "d", 2), attempt("a", "e")]
    assert [edit.new for edit in earlier_edits(attempts, "m0", "a")] == ["e", "b", "d", "c"]
    assert [edit.new for edit in earlier_edits(attempts, "m1", "y")] == ["x"]
    assert earlier_edits(attempts, "m9", "a") == []


def test_a_text_counts_once_and_the_present_one_is_no_edit() -> None:
    """The nearest attempt at a text stands for all; one that led to the present text cannot be repeated."""
    attempts = [attempt("z", "b"), attempt("a", "b", after=0.25), attempt("a", "b", 1), attempt("z", "a", after=1.0)]
    assert earlier_edits(attempts, "m0", "a") == [Edit("a", "b", 0.5, 0.25, 3)]
