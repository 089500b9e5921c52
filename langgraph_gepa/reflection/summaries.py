"""Summaries of groups of records, where a reflection reads more of them than fit one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from langgraph_gepa.core.excerpt import elide, escape, water_level
from langgraph_gepa.reflection.instructions import SUMMARISED
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.reflection.tags import number

GROUP = 12
"""The most records of one prompt; more are read in groups, each in a prompt of its own."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a model says of a group of records, and their scores."""

    text: str
    scores: tuple[float, ...]


def groups(records: Sequence[T], size: int = GROUP) -> list[Sequence[T]]:
    """Deals records out into as few groups of at most `size` as hold them, of equal length and mixture.

    They come with failures first, so that every group gets failures and successes.
    """
    count = -(-len(records) // size)
    return [records[start::count] for start in range(count)]


def summary_in(reply: str) -> str:
    """Returns the summary in a reply: its one fenced block, or else all of it."""
    return parse_reply(reply, "").text or reply.strip()


def summaries_section(summaries: Sequence[Summary], room: int) -> str:
    """Writes summaries in at most `room` characters, unless that is too little for their tags."""
    texts = [escape(summary.text) for summary in summaries]
    frames = [_frame(place, summary) for place, summary in enumerate(summaries, 1)]
    room -= len("\n".join([SUMMARISED, *(f"{opening}\n\n</summary>" for opening in frames)]))
    longest = water_level([len(text) for text in texts], room)
    pages = (f"{opening}\n{elide(text, longest)}\n</summary>" for opening, text in zip(frames, texts, strict=True))
    return "\n".join([SUMMARISED, *pages])


def _frame(place: int, summary: Summary) -> str:
    return f'<summary n="{place}" records="{len(summary.scores)}" score="{number(fmean(summary.scores))}">'
