"""Examples that LangSmith's client gives as objects, and the warning about their attachments."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from langsmith import schemas

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.examples import examples_of, sets_of


def test_attachments_are_left_out_aloud() -> None:
    """A graph that looks for its picture in the inputs would fail without a word."""
    picture = {"presigned_url": "http://x", "reader": io.BytesIO(b"png"), "mime_type": "image/png"}
    example = {"inputs": {"question": "what is on it?"}}
    rows = [
        schemas.Example(id=uuid4(), attachments={"picture": picture}, **example),
        {**example, "attachments": {}},
        example,
    ]
    heard: list[str] = []
    first, *_ = examples_of(iter(rows), "trainset", heard.append)
    (line,) = heard
    assert f"of the trainset have attachments, which are left out: {first.id!r}." in line
    many = [{**example, "id": str(n), "attachments": {"picture": picture}} for n in range(5)]
    examples_of(many, "valset", heard.append)
    assert "of the valset have attachments, which are left out: '0', '1', '2' and 2 more." in heard[1]


def test_a_conversation_that_has_ended_is_named() -> None:
    """Unless reference outputs say what is to come of it. One that waits for a tool has not ended."""
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "name": "look", "args": {}}]}
    rows = [
        {"id": "ended", "inputs": {"messages": talk}},
        {"id": "judged", "inputs": {"messages": talk}, "outputs": {"kind": "polite"}},
        {"id": "waits", "inputs": {"messages": [*talk, talk[0]]}},
        {"id": "calls", "inputs": {"messages": [talk[0], call]}},
    ]
    heard: list[str] = []
    examples_of(rows, "trainset", heard.append)
    (line,) = heard
    assert "their messages end with the assistant's answer: 'ended'." in line


def test_a_data_set_object_is_answered_with_its_address() -> None:
    """LangSmith's `Dataset` holds no examples: the error says how they are read."""
    boats = schemas.Dataset(id=uuid4(), name="boats", created_at=datetime.now(UTC))
    with pytest.raises(ExampleError, match="'langsmith:boats'"):
        examples_of(boats)


@pytest.mark.parametrize(
    ("source", "words"),
    [("none.jsonl", "For the training set: none.jsonl"), ([{"input": 1}], r"trainset\[0\] has no 'inputs'")],
)
def test_errors_call_a_set_by_a_name_that_its_caller_knows(source: Any, words: str) -> None:
    """The command line has `--train` and Python `trainset=`: a file may come from both, a list from Python only."""
    with pytest.raises(ExampleError, match=words):
        sets_of(source, None, None, seed=0, run=None, notify=lambda _: None)
