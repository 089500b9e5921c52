"""Tells which values of files in messages are prompts, and which are data that a message holds serialised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from langgraph_gepa.adapter.dataflow import wording
from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME
from langgraph_gepa.adapter.observed.message_parts import SentMessage
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Off

Occurrence = tuple[SentMessage, matching.Match]
"""A message, and where in it a text stands."""

_LONG = 20
"""Words from which a value that instructs is a prompt even where a message holds its whole file."""


def serialized_files(files: Files, found: Mapping[Text, Sequence[Occurrence]]) -> set[tuple[str, SentMessage]]:
    """The files that a message holds serialised, with these messages."""
    pairs = {(one.file, message) for one, occurrences in found.items() if one.keys for message, _ in occurrences}
    return {(file, message) for file, message in pairs if holds_serialized(message.text, _values(files, file))}


def holds_serialized(message: str, texts: Iterable[Text]) -> bool:
    """Whether several values of a file stand in a message as JSON, YAML or Python writes them."""
    found: Counter[str] = Counter()
    for one in texts:
        if one.keys and one.text in message:
            starts = (match.start() for match in re.finditer(re.escape(one.text), message))
            found[one.file] += any(_is_serialized(one, message, start) for start in starts)
    return any(count > 1 for count in found.values())


def rows(message: str, texts: Iterable[Text]) -> list[str]:
    """The values of a file in a message that have the same shape as others there."""
    present = [one for one in texts if one.keys and one.text in message]
    shapes = Counter(one.shape for one in present)
    return [one.text for one in present if shapes[one.shape] > 1]


def off(
    one: Text, occurrences: Sequence[Occurrence], files: Files, serialized: Container[tuple[str, SentMessage]]
) -> Off | None:
    """Why a value of a file that stands in messages is off; `None` when it is on.

    It is data where all of the messages hold the file serialised, a row of a table where others of its shape stand in
    the same message, and a value where it fills a part of a message and does not instruct. A serialised file counts as
    a prompt if at least half of its values are long instructions. Then its values are on, except rows of a list or
    table.
    """
    if not one.keys:
        return None
    if all((one.file, message) in serialized for message, _ in occurrences):
        others = _values(files, one.file)
        row = sum(other.shape == one.shape for other in others) > 1
        steers = _is_long(one) and not row and 2 * sum(map(_is_long, others)) >= len(others)
        return None if steers else Off.DATA
    alike = [other.text for other in _values(files, one.file) if other.shape == one.shape and other != one]
    if not _is_long(one) and any(row in message.text for row in alike for message, _ in occurrences):
        return Off.TABLE
    whole = any(message.text.strip() == message.text[match.start : match.end].strip() for message, match in occurrences)
    steers = whole or wording.instructs(one.text) or PROMPT_NAME.search(one.keys[-1]) is not None
    return None if steers else Off.FILLING


def _values(files: Files, file: str) -> list[Text]:
    return [one for one in files.texts if one.file == file and one.keys]


def _is_long(one: Text) -> bool:
    return wording.length(one.text) >= _LONG and wording.instructs_by_itself(one.text)


def _is_serialized(one: Text, message: str, start: int) -> bool:
    """Whether a value is in quotes, or on a line of its own after its key or the dash of a list's item."""
    before, after = message[:start], message[start + len(one.text) :]
    if before[-1:] in ("'", '"'):
        return after[:1] == before[-1]
    line = before.rpartition("\n")[2]
    return line.strip(" -") in ("", f"{one.keys[-1]}:") and line.endswith(" ") and after[:1] in ("", "\n")
