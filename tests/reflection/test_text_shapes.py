"""What the parser of replies recognises in texts: fences, repetitions, revisions, segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.reflection.fences import block_at, fenced
from langgraph_gepa.reflection.repetition import repeats_itself
from langgraph_gepa.reflection.revision import begins_like, ends_like, quotes
from langgraph_gepa.reflection.segments import Prose, Tagged, Thoughts, segments

CURRENT = "Answer the question in one sentence.\nName the source."


@given(st.text(st.sampled_from("a`~ \n#:"), max_size=60))
def test_what_is_fenced_is_read_back(text: str) -> None:
    """A fence is longer than any inside the text, so the block ends where it should."""
    lines = fenced(text).split("\n")
    block = block_at(lines, 0)
    assert block is not None
    assert (block.text, block.last, block.closed) == (text, len(lines) - 1, True)


@pytest.mark.parametrize(
    ("text", "stuck"),
    [
        ("Answer briefly and to the point. " * 8, True),
        ("Answer briefly and to the point. " * 3, False),
        ("-" * 400, False),
        (f"Good start. {'no, wait, ' * 30}", True),
    ],
)
def test_a_model_that_got_stuck_is_recognised(text: str, stuck: bool) -> None:
    """The same words five times in a row, unless they are a ruler."""
    assert repeats_itself(text) is stuck


@pytest.mark.parametrize(
    ("text", "begins", "ends", "part"),
    [
        (CURRENT, True, True, True),
        ("Answer the question\nin one sentence. Be brief.", True, False, False),
        ("Be brief.\nName the source.", False, True, False),
        ("Name the source.", False, True, True),
        ("Answers vary.", False, False, False),
    ],
)
def test_a_revision_is_recognised(text: str, begins: bool, ends: bool, part: bool) -> None:
    """By its first line, its last line, or as a part; line breaks do not matter."""
    assert (begins_like(text, CURRENT), ends_like(text, CURRENT), quotes(text, CURRENT)) == (begins, ends, part)


def test_a_reply_is_split_at_its_outermost_level() -> None:
    """Thoughts, prose and tagged text in order; a tag of the current text is ordinary text."""
    found = segments("<think>hm</think>\nHere:\n<prompt>\nBe brief.\n</prompt>", CURRENT)
    assert found == [Thoughts(), Prose("Here:"), Tagged("prompt", "Be brief.")]
    assert segments("<prompt>x</prompt>", "Fill <prompt>.") == [Prose("<prompt>x</prompt>")]


def test_thoughts_without_an_end_are_all_that_follows() -> None:
    """What a model cut off in its reasoning wrote is no text."""
    assert segments("<think>\nPerhaps\n```\nBe brief.\n```", CURRENT) == [Thoughts(closed=False)]
