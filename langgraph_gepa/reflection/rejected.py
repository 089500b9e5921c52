"""Writes the earlier edits of a text that did not help, so that a reflection neither repeats them nor their harm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.excerpt import elide, escape
from langgraph_gepa.reflection.instructions import REJECTED
from langgraph_gepa.reflection.tags import number, tagged

MOST = 3
"""The most edits that a prompt shows."""

_LONGEST_UNIT, _LONGEST_DIFF = 240, 900
"""Characters of a line or sentence of a diff, and of a whole diff."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def rejected_section(edits: Sequence[Edit], most: int = MOST) -> str:
    """Returns the section of the prompt about the first `most` of these edits; empty when there are none."""
    if not edits:
        return ""
    return "\n".join([REJECTED, *edits_in_tags("rejected_edit", edits[:most])])


def edits_in_tags(tag: str, edits: Sequence[Edit]) -> Iterator[str]:
    """Yields the lines of edits, each a diff in a tag of its own with its scores, escaped as all data of a page."""
    for place, edit in enumerate(edits, 1):
        scores = {"before": number(edit.before), "after": number(edit.after), "runs": str(edit.examples)}
        others = {"other_texts_changed": str(edit.others)} if edit.others else {}
        yield from tagged(tag, escape(diff(edit.old, edit.new)), {"n": str(place), **scores, **others})


def diff(old: str, new: str, limit: int = _LONGEST_DIFF) -> str:
    """Returns what was taken out of `old` (`- `) and put into it (`+ `), by lines and sentences.

    Long parts lose their middle, and so does the whole beyond `limit` characters.
    """
    before, after = list(_units(old)), list(_units(new))
    lines: list[str] = []
    for what, first, last, start, end in SequenceMatcher(None, before, after).get_opcodes():
        if what != "equal":
            lines += [f"- {elide(unit, _LONGEST_UNIT)}" for unit in before[first:last]]
            lines += [f"+ {elide(unit, _LONGEST_UNIT)}" for unit in after[start:end]]
    return elide("\n".join(lines) or "(only in spaces or line breaks)", limit)


def _units(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from (part.strip() for part in _SENTENCE_END.split(line) if part.strip())
