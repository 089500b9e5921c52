"""Scores by metadata: which fields are sliced by, and what is said of a slice that got worse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph_gepa.core.example import Example
from langgraph_gepa.report.slices import slices_of, warning, worst


def examples(values: Iterable[Any], field: str = "language") -> list[Example]:
    return [Example(f"e{n}", {}, metadata={field: value}) for n, value in enumerate(values)]


def scored(*changes: float) -> dict[str, tuple[float, float]]:
    return {f"e{n}": (0.5, 0.5 + change) for n, change in enumerate(changes)}


def test_examples_that_share_a_value_are_a_slice() -> None:
    """The means of seed and best, and the paired change, over exactly those examples."""
    de, en = slices_of(scored(-0.5, -0.3, 0.5, 0.1), examples(["de", "de", "en", "en"]), (0.0, 1.0))
    assert (de.field, de.value, de.examples) == ("language", "de", {"e0", "e1"})
    assert (de.before, round(de.after, 6), round(de.change.mean, 6)) == (0.5, 0.1, -0.4)
    assert (en.value, en.change.n) == ("en", 2)


def test_names_measurements_and_structures_are_no_slices() -> None:
    """Values that are nearly all different, only one value, fractions, lists: nothing to slice by."""
    for values in (["a", "b", "c", "d"], ["a"] * 4, [0.5, 0.5, 1.5, 1.5], [["a"], ["a"], ["b"], ["b"]], [None] * 4):
        assert slices_of(scored(0, 0, 0, 0), examples(values), (0.0, 1.0)) == ()


def test_truth_values_and_numbers_are_values() -> None:
    """As they are written in the file of examples."""
    values = [slice.value for slice in slices_of(scored(0, 0, 0, 0), examples([True, True, 2, 2]), (0.0, 1.0))]
    assert values == ["True", "2"]


def test_the_slice_that_surely_got_worse_is_named_before_a_larger_loss_of_a_few() -> None:
    """Ten examples that all lost a little say more than three that lost more."""
    found = slices_of(scored(*[-0.2] * 10, *[-0.5] * 3), examples(["en"] * 10 + ["de"] * 3), (0.0, 1.0))
    slice = worst(found)
    assert slice is not None
    assert slice.value == "en"
    assert warning(found).startswith("Where language is en, the score fell: −0.200 on 10 examples (95 % interval ")
    assert warning(found).endswith("the lowest of 2 slices.")


def test_a_small_slice_may_be_chance() -> None:
    """Three examples are named with that; fewer are not named at all."""
    few = slices_of(scored(*[0.2] * 10, *[-0.5] * 3), examples(["en"] * 10 + ["de"] * 3), (0.0, 1.0))
    assert warning(few).endswith("which may be chance: so few say little.")
    two = slices_of(scored(*[0.2] * 10, *[-0.5] * 2), examples(["en"] * 10 + ["de"] * 2), (0.0, 1.0))
    assert warning(two) == ""
    assert warning(()) == ""
