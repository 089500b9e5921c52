import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.report.intervals import difference, estimate

scores = st.floats(0, 1, allow_nan=False, width=32)


@given(st.lists(scores, min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval_and_the_interval_among_the_scores(values: list[float]) -> None:
    """low <= mean <= high, and nothing outside 0 to 1 for scores from 0 to 1."""
    interval = estimate(values)
    assert interval is not None
    assert -1e-9 <= interval.low <= interval.mean <= interval.high <= 1 + 1e-9


def test_the_same_scores_give_the_same_interval() -> None:
    """A report does not change when it is written again."""
    values = [0.1, 0.7, 0.4, 0.9]
    assert estimate(values) == estimate(values)


def test_ten_successes_out_of_ten_are_no_certainty() -> None:
    """Wilson's interval for 10 of 10 begins at 0.722 (Agresti and Coull 1998, by its formula)."""
    interval = estimate([1.0] * 10)
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(0.7225, abs=1e-3), 1.0)


def test_pairing_takes_the_examples_difficulty_out() -> None:
    """When every example gains the same, the change is certain however different the examples are."""
    before = [0.0, 0.1, 0.5, 0.7, 0.75]
    change = difference(before, [score + 0.25 for score in before])
    assert change is not None
    assert (change.low, change.high) == (pytest.approx(0.25), pytest.approx(0.25))


def test_the_bootstrap_agrees_with_the_normal_interval_on_many_examples() -> None:
    """For 400 differences of -1 and +1 the interval is about the mean plus and minus 1.96 standard errors."""
    after = [1.0, 1.0, 1.0, 0.0] * 100
    before = [1.0 - score for score in after]
    change = difference(before, after)
    assert change is not None
    assert change.low == pytest.approx(0.5 - 1.96 * 0.866 / 20, abs=0.015)
    assert change.high == pytest.approx(0.5 + 1.96 * 0.866 / 20, abs=0.015)


def test_no_scores_have_no_interval() -> None:
    """Nothing is said about what was not run."""
    assert estimate([]) is None
    assert difference([], []) is None
