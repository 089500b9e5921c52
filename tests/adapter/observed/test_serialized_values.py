"""Values of files in messages: prompts, rows of tables, and files that are written out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.observed import serialized_values
from langgraph_gepa.adapter.observed.message_parts import SentMessage
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Off

ROOMS = {"rooms": [{"about": f"The {colour} room shows old maps of the town"} for colour in ("red", "green", "blue")]}
GUIDE = "Answer every question of the visitors in one friendly sentence."


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "rooms.json").write_text(json.dumps(ROOMS))
    (tmp_path / "prompts.json").write_text(json.dumps({"guide": GUIDE, "title": "House of old maps and rare books"}))
    return Files([str(tmp_path)])


def off(files: Files, text: str, *messages: str) -> Off | None:
    """Why a value is off that stands in these messages."""
    sent = [SentMessage(run, "a", "system", message) for run, message in enumerate(messages)]
    found: dict[Text, list[serialized_values.Occurrence]] = {}
    for one in files.texts:
        pattern = matching.pattern(one.text)
        assert pattern is not None
        found[one] = [(message, match) for message in sent for match in pattern.matches(message.text)]
    serialized = serialized_values.serialized_files(files, found)
    (one,) = (one for one in files.texts if one.text == text)
    return serialized_values.off(one, found[one], files, serialized)


def test_an_instruction_is_on_wherever_it_stands(files: Files) -> None:
    """A value that instructs, or is all of a message, is a prompt; another one fills a part of a message."""
    title = "House of old maps and rare books"
    assert off(files, GUIDE, f"Hello. {GUIDE}") is None
    assert off(files, title, title) is None
    assert off(files, title, f"You are the {title}.") is Off.FILLING


def test_a_row_beside_others_is_off(files: Files) -> None:
    """Values of one shape in one message are a table."""
    rows = [room["about"] for room in ROOMS["rooms"]]
    assert off(files, rows[0], " ".join(rows)) is Off.TABLE
    assert serialized_values.rows(" ".join(rows[:2]), files.texts) == rows[:2]
    assert serialized_values.rows(rows[0], files.texts) == []


@pytest.mark.parametrize("write", [json.dumps, str, lambda data: "\n".join(f"- {r['about']}" for r in data["rooms"])])
def test_a_file_that_is_written_out_is_data(files: Files, write: object) -> None:
    """JSON, Python's own way and YAML's lists are recognised."""
    assert callable(write)
    message = f"These are our rooms:\n{write(ROOMS)}"
    assert serialized_values.holds_serialized(message, files.texts)
    assert off(files, ROOMS["rooms"][0]["about"], message) is Off.DATA


def test_values_within_sentences_are_not_written_out(files: Files) -> None:
    """Values that stand between other words are no serialised file."""
    rows = [room["about"] for room in ROOMS["rooms"]]
    assert not serialized_values.holds_serialized(f"We say: {rows[0]}, and {rows[1]}, and so on", files.texts)
