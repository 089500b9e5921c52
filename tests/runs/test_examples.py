"""Examples that LangSmith's client gives as objects, and the warning about their attachments."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from langsmith import schemas

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.examples import examples_of


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
    assert len(examples_of(iter(rows), "trainset", heard.append)) == 3
    assert [line.split(",")[0] for line in heard] == ["1 example of the trainset has attachments"]


def test_a_data_set_object_is_answered_with_its_address() -> None:
    """LangSmith's `Dataset` holds no examples: the error says how they are read."""
    boats = schemas.Dataset(id=uuid4(), name="boats", created_at=datetime.now(UTC))
    with pytest.raises(ExampleError, match="'langsmith:boats'"):
        examples_of(boats)
