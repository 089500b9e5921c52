import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.report.intervals import difference, estimate

scores = st.floats(0, 1, allow_nan=False, width=32)
TRIALS = 300


@given(st.lists(scores, min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval_and_the_interval_on_the_scale(values: list[float]) -> None:
    """low <= mean <= high with low < high, and nothing outside 0 to 1 for scores from 0 to 1."""
    interval = estimate(values)
    assert interval is not None
    assert 0 <= interval.low <= interval.mean + 1e-9
    assert interval.mean - 1e-9 <= interval.high <= 1
    assert interval.low < interval.high


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=30), st.sampled_from([1.0, 100.0]))
def test_a_change_lies_in_its_interval_and_the_interval_among_possible_changes(
    pairs: list[tuple[float, float]], most: float
) -> None:
    """Also on another scale: no change can be larger than from the lowest score to the highest."""
    before, after = [most * old for old, _ in pairs], [most * new for _, new in pairs]
    change = difference(before, after)
    assert change is not None
    widest = max(1.0, *before, *after)
    assert -widest <= change.low <= change.mean + 1e-9
    assert change.mean - 1e-9 <= change.high <= widest
    assert change.low < change.high


@pytest.mark.parametrize("n", [1, 2, 6, 12, 300])
@pytest.mark.parametrize(("old", "new"), [(0.0, 1.0), (0.5, 0.5), (0.2, 0.45)])
def test_pairs_that_all_agree_are_no_certainty(n: int, old: float, new: float) -> None:
    """The next pair may be another: the interval has a width, which shrinks as more pairs agree."""
    change, more = difference([old] * n, [new] * n), difference([old] * 2 * n, [new] * 2 * n)
    assert change is not None
    assert more is not None
    assert 0 < more.high - more.low < change.high - change.low


def pair_of_marks(rng: random.Random) -> tuple[float, float]:
    """Right or wrong: three in ten get better, one in ten gets worse."""
    return rng.choices([(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], (3, 1, 6))[0]


def pair_of_grades(rng: random.Random) -> tuple[float, float]:
    """Graded, and a little better in the mean."""
    old = rng.uniform(0.2, 0.6)
    return old, old + rng.gauss(0.1, 0.06)


def pair_with_a_tail(rng: random.Random) -> tuple[float, float]:
    """Small gains, and seldom a large one."""
    return 0.0, min(1.0, rng.expovariate(8))


@pytest.mark.parametrize(("pair", "mean"), [(pair_of_marks, 0.2), (pair_of_grades, 0.1), (pair_with_a_tail, 0.125)])
@pytest.mark.parametrize("n", [8, 12])
def test_95_percent_are_95_percent_with_a_dozen_pairs(
    pair: Callable[[random.Random], tuple[float, float]], mean: float, n: int
) -> None:
    """The percentile bootstrap holds the true change in 80 to 91 % of such samples."""
    rng, held = random.Random(f"{pair.__name__} {n}"), 0
    for _ in range(TRIALS):
        before, after = zip(*(pair(rng) for _ in range(n)), strict=True)
        change = difference(before, after)
        assert change is not None
        held += change.low <= mean <= change.high
    assert 0.925 <= held / TRIALS <= 0.99


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
    """When every example gains about the same, the change is sure however different the examples are."""
    before = [0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.75]
    change = difference(before, [score + 0.2 + score / 20 for score in before])
    assert change is not None
    assert 0 < change.low < change.mean < change.high < 0.5


def test_the_interval_agrees_with_the_normal_one_on_many_examples() -> None:
    """For 400 differences of -1 and +1 the interval is about the mean plus and minus 1.96 standard errors."""
    after = [1.0, 1.0, 1.0, 0.0] * 100
    before = [1.0 - score for score in after]
    change = difference(before, after)
    assert change is not None
    assert change.low == pytest.approx(0.5 - 1.96 * 0.866 / 20, abs=0.015)
    assert change.high == pytest.approx(0.5 + 1.96 * 0.866 / 20, abs=0.015)


def test_no_scores_have_no_interval() -> None:
    """There is no interval for what was not run."""
    assert estimate([]) is None
    assert difference([], []) is None


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0])
def test_a_clear_change_is_one_on_a_small_scale_too(unit: float) -> None:
    """What counts as none is a share of the scale."""
    change = difference([0.2 * unit] * 60, [0.8 * unit] * 60, (0.0, unit))
    assert change is not None
    assert change.side == 1


def test_machines_read_the_mean_the_ends_and_the_number() -> None:
    """`show --json` and `eval --json` list these, and docs/show-json.md does."""
    interval = estimate([0.25, 0.5])
    assert interval is not None
    assert interval.to_json() == {"mean": 0.375, "low": interval.low, "high": interval.high, "n": 2}


def test_the_order_of_the_scores_changes_nothing() -> None:
    """Rollouts end in another order each time, and a report that is written again has the same numbers."""
    scores = [0.1, 0.4, 0.35, 0.8, 0.65, 0.2, 0.9]
    assert estimate(scores) == estimate(scores[::-1])
