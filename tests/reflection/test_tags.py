"""The tags of the prompts' pages."""

from __future__ import annotations

import pytest

from langgraph_gepa.reflection.tags import number, tagged


def test_an_attribute_stays_inside_its_quotes() -> None:
    """Whatever a module is called: it may be named by a user, with quotes and line breaks."""
    assert tagged("module", "text", {"name": 'a "b"\n<c>'}) == [
        '<module name="a &quot;b&quot; &lt;c&gt;">',
        "text",
        "</module>",
    ]


@pytest.mark.parametrize(
    ("score", "written"), [(0.0, "0.00"), (0.5, "0.50"), (-12.345, "-12.35"), (0.00123, "0.0012"), (-2e-7, "-2e-07")]
)
def test_small_scores_are_told_apart(score: float, written: str) -> None:
    """Two decimals, unless these would show next to nothing."""
    assert number(score) == written
