"""The scale of a metric's scores, as far as it is given or was seen."""

from __future__ import annotations

from math import inf

import pytest

from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.core.scale import MetricScale


def scale(*scores: float | None, perfect: float | None = None, failure: float | None = None) -> MetricScale:
    """The scale after these scores; `None` is a rollout that failed."""
    seen = MetricScale(perfect, failure)
    for score in scores:
        seen = seen.after(score or 0.0, failed=score is None)
    return seen


@pytest.mark.parametrize(
    ("seen", "full", "range"),
    [
        (scale(), 1.0, (0.0, 1.0)),
        (scale(0.2, 0.4), 1.0, (0.0, 1.0)),
        (scale(1 + 1e-12, -1e-12), 1.0, (-1e-12, 1 + 1e-12)),
        (scale(1.0, 3.0, 5.0), 5.0, (1.0, 5.0)),
        (scale(-7.0, -3.0), -3.0, (-7.0, -3.0)),
        (scale(-0.5, 0.7), 0.7, (-0.5, 0.7)),
        (scale(3.0, 3.0), inf, (3.0, 3.0)),
        (scale(6.0, 9.0, perfect=10.0), 10.0, (6.0, 10.0)),
        (scale(6.0, None, perfect=10.0), 10.0, (0.0, 10.0)),
        (scale(6.0, 11.0, perfect=10.0), 10.0, (6.0, 11.0)),
        (scale(-7.0, -3.0, perfect=0.0), 0.0, (-7.0, 0.0)),
        (scale(-7.0, -3.0, perfect=0.0, failure=-20.0), 0.0, (-20.0, 0.0)),
        (scale(0.5, failure=-1.0), 1.0, (-1.0, 1.0)),
        (scale(perfect=-2.0), -2.0, (-2.0, 0.0)),
    ],
)
def test_what_is_not_given_follows_from_the_scores(seen: MetricScale, full: float, range: tuple[float, float]) -> None:
    """0 to 1 as long as scores are there, otherwise what was seen; where all are equal none is known to be perfect."""
    assert (seen.full, seen.range) == (full, range)


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        (scale(None, 0.3), 0.0),
        (scale(4.0, None), 0.0),
        (scale(None, -3.0, -7.0), -7.0),
        (scale(-7.0, None, failure=-20.0), -20.0),
        (scale(0.3, None, failure=0.1), 0.1),
    ],
)
def test_a_failure_never_scores_more_than_an_answer(seen: MetricScale, score: float) -> None:
    """It scores 0, or the lowest score seen, unless the user says what it scores."""
    assert seen.failure_score == score
    failed = Rollout("a", None, Feedback(0.0, "It raised."), error="It raised.")
    assert seen.settled(failed).score == score
    assert seen.settled(failed).feedback.comment == "It raised."
    answered = Rollout("a", {}, Feedback(0.3))
    assert seen.settled(answered) is answered


@pytest.mark.parametrize(
    ("seen", "bounded"),
    [(scale(0.2), True), (scale(3.0, 4.0), False), (scale(3.0, perfect=5.0), True), (scale(-1.0, perfect=0.0), True)],
)
def test_what_is_perfect_is_known_from_the_user_or_from_scores_between_0_and_1(
    seen: MetricScale, bounded: bool
) -> None:
    """No search ends as perfect on a guess."""
    assert seen.bounded is bounded
