"""The events of a run."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.events import RunStarted, Subset

STARTED = RunStarted({"m": "text"}, ("a", "b"), ("a", "b"), ("a", "b"))


@pytest.mark.parametrize("subset", ["feedback", "pareto", "test"])
def test_an_example_is_left_out_of_one_set_alone(subset: Subset) -> None:
    """Ids are unique within a set, so that the other sets may have an example of the same name."""
    left = STARTED.without(subset, "a")
    others: set[Subset] = {"feedback", "pareto", "test"} - {subset}
    assert left.examples(subset) == ("b",)
    assert {left.examples(other) for other in others} == {("a", "b")}
    assert left.without(subset, "a") == left


def test_a_gate_is_drawn_from_the_pareto_set() -> None:
    """It has no examples of its own."""
    assert STARTED.without("pareto", "a").examples("gate") == ("b",)
