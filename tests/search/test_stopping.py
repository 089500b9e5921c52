"""Why a search ends although its budget is not spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.endings import Ended
from langgraph_gepa.core.events import ChildrenProposed, IterationFinished, IterationStarted, ScaleGiven
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.stopping import UNREAD, chance_of, enough, expected_gain


def pool_of(tables: Any, best: Sequence[float], judge: str = "posterior", of: int = 12) -> Pool:
    """A seed that scores one half on all pareto examples, and a child with these scores on the first of them."""
    events = tables.journal([tables.Row((), "a", [0.5] * of), tables.Row((0,), "b", [0.0] * of)])
    events[0] = replace(events[0], judged_by=judge)
    kept = [e for e in events if getattr(e, "texts", None) != tables.rollout("b", "p0", 0).texts]
    scored = [tables.rollout("b", f"p{place}", score, 1) for place, score in enumerate(best)]
    return Pool.replay([*kept[:-2], *scored, *kept[-2:]])


def learn(tables: Any, pool: Pool, scores: Sequence[float]) -> Pool:
    """Runs the child on feedback examples."""
    for place, score in enumerate(scores):
        pool.apply(tables.rollout("b", f"f{place}", score, 1, "feedback"))
    pool.open.clear()
    return pool


def scaled(pool: Pool, perfect: float) -> Pool:
    """Says what a perfect answer scores."""
    pool.apply(ScaleGiven(perfect))
    return pool


def idle(pool: Pool, iterations: int) -> Pool:
    """Adds iterations that found nothing."""
    for number in range(2, 2 + iterations):
        pool.apply(IterationStarted(number, (0,), ()))
        pool.apply(IterationFinished(number, "rejected"))
    return pool


def test_the_default_ends_with_a_candidate_that_nothing_can_improve(tables: Any) -> None:
    """Perfect on the whole validation set and on as many training examples as there are; `gain=0` goes on."""
    pool = learn(tables, pool_of(tables, [1.0] * 12), [1.0] * 3)
    assert enough(pool, Budget()) == "perfect"
    assert enough(pool, Budget(gain=0)) is None


@pytest.mark.parametrize(
    ("validation", "training"),
    [([1.0] * 11, [1.0] * 3), ([*[1.0] * 11, 0.9], [1.0] * 3), ([1.0] * 12, [1.0, 0.0, 1.0])],
)
def test_luck_and_a_part_of_the_set_do_not_end_it(tables: Any, validation: list[float], training: list[float]) -> None:
    """A posterior may still find a better one; after 20 iterations in which it did not, a perfect one is enough."""
    pool = learn(tables, pool_of(tables, validation), training)
    assert enough(pool, Budget()) is None
    whole = len(validation) == 12 and min(validation) == 1.0
    assert enough(idle(pool, 20), Budget()) == ("perfect" if whole else None)


def test_a_mean_that_is_perfect_cannot_be_beaten(tables: Any) -> None:
    """Where means judge, as in the paper, nothing else has to be seen."""
    assert enough(pool_of(tables, [1.0] * 12, "mean"), Budget()) == "perfect"
    assert enough(scaled(pool_of(tables, [1.0] * 12, "mean"), 2.0), Budget()) is None


@pytest.mark.parametrize(
    ("scores", "target", "ended"),
    [
        ([1.0] * 6 + [0.8] * 6, 0.9, "target"),
        ([1.0] * 6 + [0.8] * 6, 0.91, None),
        ([0.5] * 12, 0.5, "target"),
        ([1.0] * 8, 0.75, "target"),
        ([1.0] * 8, 0.99, None),
    ],
)
def test_a_target_is_reached_by_what_is_measured_and_predicted(
    tables: Any, scores: list[float], target: float, ended: Ended | None
) -> None:
    """Measured on all, the mean decides; measured on a part, the rest has to be likely enough."""
    pool = pool_of(tables, scores)
    assert enough(pool, Budget(target=target, gain=0)) == ended
    assert 0 <= chance_of(pool, 1, target) <= 1


def test_a_part_of_the_set_is_no_mean_in_the_paper(tables: Any) -> None:
    """With means the whole validation set has to be run."""
    assert chance_of(pool_of(tables, [1.0] * 8, "mean"), 1, 0.5) == 0


def test_patience_counts_the_iterations_since_the_best(tables: Any) -> None:
    """The best of today, whatever was the best in between."""
    pool = pool_of(tables, [0.9] * 12)
    assert enough(idle(pool, 4), Budget(patience=6)) is None
    assert enough(idle(pool, 5), Budget(patience=6)) == "patience"


def test_the_expected_gain_ends_no_young_search_and_knows_the_room_that_is_left(tables: Any) -> None:
    """Less is expected the nearer the best is to a perfect score, and the fewer iterations made a child."""
    good, better = pool_of(tables, [0.6] * 12), pool_of(tables, [0.999] * 12)
    assert expected_gain(good) > expected_gain(better) > 0
    assert enough(better, Budget(gain=100)) is None
    before = expected_gain(good)
    assert enough(idle(better, 10), Budget(gain=100)) == "gain"
    assert expected_gain(idle(good, 30)) < before


def test_a_search_ends_when_no_reply_could_ever_be_used(tables: Any) -> None:
    """From the start on: once a reply was read the model can answer; `gain=0` goes on."""
    pool = pool_of(tables, [0.5] * 12)
    for number in range(2, 2 + UNREAD):
        assert enough(pool, Budget()) is None
        pool.apply(ChildrenProposed(number, (), {"m0": "unmarked"}))
    assert enough(pool, Budget()) == "unread"
    assert enough(pool, Budget(gain=0)) is None
    for event in (ChildrenProposed(90, (), {"m0": "unchanged"}), *[ChildrenProposed(91, (), {"m0": "empty"})] * UNREAD):
        pool.apply(event)
        assert enough(pool, Budget()) is None
