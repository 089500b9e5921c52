"""Moments in a text: what a clock said is found whatever way it is written, and numbers that are no moment are not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from langgraph_gepa.adapter.observed.volatile_text import moments

NOW = datetime(2026, 11, 24, 21, 7, 32, tzinfo=UTC)


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in moments(text, NOW)]


@pytest.mark.parametrize(
    "form",
    ["%a %b %d %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%y", "%I:%M %p", "%A, %B %d, %Y", "%B %Y", "%H:%M:%S", "%A"],
)
def test_a_clock_is_found_in_every_form(form: str) -> None:
    """A prompt with the time in it says another one at every run."""
    moment = NOW.strftime(form)
    assert found(f"You are a clerk, and now it is {moment}, so hurry.") == [moment]


@pytest.mark.parametrize(
    "text",
    ["Return 5 results in 10 seconds.", "See section 3.2.1 and 10:1 odds.", "Open since 1995.", "By March 3, 2015."],
)
def test_other_numbers_are_the_texts_own(text: str) -> None:
    """They stay the same from run to run, and a new text may change them."""
    assert found(text) == []
