"""What is known of a rollout by name beside its score."""

from __future__ import annotations

from dataclasses import replace

from langgraph_gepa.core.objectives import direction_of, objectives_of
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
