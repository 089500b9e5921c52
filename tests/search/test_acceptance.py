"""What a child must clear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.acceptance import improves, keeps_up, perfect

scores = st.lists(st.floats(-1, 1), min_size=1, max_size=6)


@given(scores, st.randoms())
def test_an_equal_sum_is_no_improvement_but_keeps_up(before: list[float], rng: object) -> None:
    """The same scores in another order never pass for progress, whatever the rounding."""
    after = list(before)
    rng.shuffle(after)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    assert not improves(before, after)
    assert keeps_up(before, after)


@given(scores, st.integers(0, 5), st.floats(0.001, 1))
def test_one_better_score_is_an_improvement(before: list[float], place: int, gain: float) -> None:
    """A strictly larger sum clears both bars; the way back clears neither."""
    after = list(before)
    after[place % len(after)] += gain
    assert improves(before, after)
    assert keeps_up(before, after)
    assert not improves(after, before)
    assert not keeps_up(after, before)


def test_perfect_means_every_score_is_full() -> None:
    """One score below full leaves something to learn."""
    assert perfect([1.0, 1.0], 1.0)
    assert perfect([3.0, 2.0], 2.0)
    assert not perfect([1.0, 0.999], 1.0)
    assert not perfect([-1.0, 0.0], 1.0)
