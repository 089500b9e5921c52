"""Numbers as people read them."""

from __future__ import annotations

import pytest

from langgraph_gepa.report.words import money


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (None, "unknown price"), (0, "$0.00"), (1234.5, "$1,234.50"), (0.1, "$0.10"), (0.05, "$0.0500"),
        (0.00123, "$0.0012"), (0.00004, "$0.000040"), (1e-9, "$0.0000000010"),
    ],
)  # fmt: skip
def test_no_price_but_none_at_all_reads_as_nothing(dollars: float | None, text: str) -> None:
    """A tiny budget is two digits, however many zeros come first."""
    assert money(dollars) == text
