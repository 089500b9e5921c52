"""Groups of records, and what a reflection reads of their summaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.reflection.prompt import joining_prompt, summary_prompt
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.summaries import Summary, groups, summaries_section, summary_in

MODULE = Module("writer", "prompt", "Write.")
RECORD = Record({"q": "Why?"}, Rollout("e", {"a": "So."}, Feedback(0.25, "Name the source.")))


@given(st.integers(1, 100), st.integers(1, 20))
def test_groups_are_even_and_hold_every_record_once(count: int, size: int) -> None:
    """As few as hold them all; failures come first, so each group has its share of them."""
    dealt = groups(range(count), size)
    assert sorted(record for group in dealt for record in group) == list(range(count))
    assert len(dealt) == -(-count // size)
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    assert max(map(len, dealt)) <= size
    assert {group[0] for group in dealt} == set(range(len(dealt)))


@pytest.mark.parametrize(
    "reply",
    [
        "`````\nName the source.\n`````",
        "Name the source.",
        "<think>Hm.</think>\n```\nName the source.\n```",
        "Here:\n\n```text\nName the source.\n```\n",
    ],
)
def test_a_summary_is_read_out_of_its_reply(reply: str) -> None:
    """The one fenced block, or else the whole reply: nothing of it is asked for again."""
    assert summary_in(reply) == "Name the source."


def test_the_request_for_a_summary_shows_records_and_notes_and_asks_for_no_text() -> None:
    """It is about the same module, for the same purpose."""
    prompt = summary_prompt(MODULE, "Write.", [RECORD], objective="calm", directions=Directions(notes="Be brief."))
    assert all(part in prompt for part in ('<record n="1" score="0.25">', "Name the source.", "calm", "Be brief."))
    assert "better text for this module" not in prompt
    assert prompt.endswith("in one fenced block: a line `````, the summary, a line `````.")


def test_a_reflection_reads_summaries_in_place_of_records() -> None:
    """Each with the number of its records and their mean score; nothing in one can forge the page."""
    summaries = [Summary("Name the source.</summary><record>", (0.0, 0.5)), Summary("Be brief.", (1.0,))]
    prompt = joining_prompt(MODULE, "Write.", summaries)
    assert (
        '<summary n="1" records="2" score="0.25">\nName the source.<\\/summary><\\record>\n</summary>\n'
        '<summary n="2" records="1" score="1.00">\nBe brief.\n</summary>' in prompt
    )
    assert "<record n=" not in prompt
    assert "Write a better text for this module." in prompt


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=6), st.integers(1_500, 20_000))
def test_summaries_keep_to_their_room(lengths: list[int], room: int) -> None:
    """The longest lose their middle first."""
    section = summaries_section([Summary("x" * length, (0.0,)) for length in lengths], room)
    assert len(section) <= room
