"""Laws of the critic's calibration: how far its opinions are believed, given what became of the edits."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.search.attempts import Attempt
from langgraph_gepa.search.calibration import LEAST, Critique, calibrated

UNKNOWN = calibrated([], [])


def attempt(better: bool, *chances: float) -> Attempt:
    return Attempt("key", {}, {}, 0.5, 0.6 if better else 0.5, 6, chances)


def judged(right: float, edits: int, seed: int, offset: float = 0.0) -> Critique:
    """A critic that is right so often, after edits of which a third is good and few of these look better when tried."""
    rng = Random(f"{right}:{seed}")
    given_, tried = [], []
    for _ in range(edits):
        good = rng.random() < 1 / 3
        likes = good if rng.random() < right else not good
        chance = (0.7 if likes else 0.3) + offset
        given_.append(chance)
        tried.append(attempt(rng.random() < (0.6 if good else 0.15), chance))
    return calibrated(given_, tried)


@pytest.mark.parametrize("edits", [0, 12, 50, 200, 1000])
def test_a_critic_no_better_than_chance_is_ignored(edits: int) -> None:
    """At any time it is trusted by bad luck alone; ignored, its opinions change no decision and no prior."""
    critiques = [judged(0.5, edits, seed) for seed in range(60)]
    ignored = [critique for critique in critiques if not critique.trusted]
    assert len(ignored) >= 0.85 * len(critiques)
    assert {critique.shift([0.9]) for critique in ignored} == {0.0}
    assert not any(critique.doubted({"a": Opinion(0.0)}) for critique in ignored)


def test_a_critic_that_is_always_wrong_is_ignored() -> None:
    """It is not read the other way round: a weight is never negative."""
    assert judged(0.1, 300, 0).weight == 0.0


@pytest.mark.parametrize("right", [0.75, 0.9])
def test_a_critic_that_knows_is_believed(right: float) -> None:
    """It comes to be trusted, and what it says is then near what became of such edits."""
    critiques = [judged(right, 800, seed) for seed in range(10)]
    assert all(critique.trusted for critique in critiques)
    liked = right / 3 / (right / 3 + (1 - right) * 2 / 3)
    truth = liked * 0.6 + (1 - liked) * 0.15
    assert fmean(critique.chance([0.7]) for critique in critiques) == pytest.approx(truth, abs=0.07)


def test_a_critic_that_praises_everything_is_read_by_what_it_praises_more() -> None:
    """Opinions are compared to its average, so that all of them may be too high or too low."""
    fair, kind = judged(0.9, 200, 3), judged(0.9, 200, 3, offset=0.25)
    assert kind.weight == pytest.approx(fair.weight, rel=0.05)
    assert kind.doubted({"a": Opinion(0.55), "b": Opinion(0.95)}) == {"a"}


def test_one_that_nothing_is_known_of_is_not_believed() -> None:
    """Before any edit was tried, a critic may as well be a coin: nothing is left out, no prior shifts."""
    assert UNKNOWN.weight < LEAST
    assert UNKNOWN.doubted({"a": Opinion(0.2), "b": Opinion(0.5)}) == frozenset()
    assert UNKNOWN.shift([0.2]) == UNKNOWN.shift([0.8]) == 0


@given(st.lists(st.floats(0, 1)), st.lists(st.tuples(st.booleans(), st.lists(st.floats(0, 1), max_size=3))))
def test_it_is_finite_whatever_was_said(given_: list[float], outcomes: list[tuple[bool, list[float]]]) -> None:
    """Probabilities stay between 0 and 1, edits without an opinion change nothing, and none has no shift."""
    tried = [attempt(better, *chances) for better, chances in outcomes]
    critique = calibrated(given_, tried)
    assert critique == calibrated(given_, [one for one in tried if one.chances])
    assert 0 < critique.chance([1.0]) < 1
    assert 0 < critique.chance([0.0]) < 1
    assert critique.shift([]) == 0.0
    assert critique.shift([0.0]) <= critique.shift([1.0])
