"""What is known of a rollout by name beside its score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from langgraph_gepa.core.objectives import direction_of, in_words, objectives_of, pursuing
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage

CALL = Call("model", "writer", "m", [], usage=Usage(8, 2, 0.5))
ROLLOUT = Rollout("a", {}, Feedback(0.5, objectives={"style": 0.7}), (CALL, CALL), Usage(30, 5, 3.0), 1.5)


def test_the_cost_is_that_of_the_graph_without_the_metrics_judge() -> None:
    """The rollout's usage holds both."""
    assert objectives_of(ROLLOUT) == {"style": 0.7, "tokens": 20.0, "dollars": 1.0, "seconds": 1.5}
    unseen = replace(ROLLOUT, calls=())
    assert objectives_of(unseen)["tokens"] == 35.0


def test_a_price_that_is_not_known_is_no_price_of_zero() -> None:
    """It is left out."""
    unpriced = replace(ROLLOUT, calls=(replace(CALL, usage=Usage(8, 2, None)),))
    assert "dollars" not in objectives_of(unpriced)


def test_names_of_what_is_measured_are_not_the_metrics() -> None:
    """A metric that calls a score `tokens` does not change what the tokens are."""
    named = replace(ROLLOUT, feedback=Feedback(0.5, objectives={"tokens": 1.0}))
    assert objectives_of(named)["tokens"] == 20.0
    assert [direction_of(name) for name in ("score", "style", "dollars", "prompt_length")] == [
        "max",
        "max",
        "min",
        "min",
    ]


def test_weights_give_the_score_and_goals_leave_it() -> None:
    """The weighted sum over the sum of the positive weights: scores from 0 to 1 stay there, costs are taken off."""
    texts = {"writer": "1234"}
    named = pursuing(ROLLOUT, texts, {"score": 1, "style": 1})
    assert named.score == pytest.approx(0.6)
    assert named.objectives == {"style": 0.7, "score": 0.5}
    assert pursuing(ROLLOUT, texts, {"score": 1, "tokens": -0.01}).score == pytest.approx(0.3)
    assert pursuing(ROLLOUT, texts, {"dollars": -1}).score == -1.0
    goals = pursuing(ROLLOUT, texts, {"dollars": "min", "prompt_length": "min"})
    assert (goals.score, goals.objectives) == (0.5, {"style": 0.7, "dollars": 1.0, "prompt_length": 4.0})


def test_an_objective_that_is_not_known_is_named_with_those_that_are() -> None:
    """A misspelt one must not be taken for zero."""
    with pytest.raises(LookupError) as missing:
        pursuing(ROLLOUT, {}, {"stile": 1})
    name, known = missing.value.args
    assert name == "stile"
    assert {"style", "score", "tokens", "dollars", "seconds", "prompt_length"} == set(known)


def test_the_reflection_model_reads_which_way_is_better() -> None:
    """In words, beside the numbers of each record."""
    assert in_words({"prompt_length": "min", "style": "max"}) == (
        "Of texts that score alike the one with lower prompt length and higher style is better."
    )
    assert in_words({}) == ""
