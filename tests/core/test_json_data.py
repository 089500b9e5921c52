"""Whatever a graph hands over ends as JSON that can be stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from langgraph_gepa.core.json_data import flat_message, plain

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("\ud800x")


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)))
def test_plain_is_always_storable_json(value: Any) -> None:
    """The result is strict JSON in UTF-8, and flattening it again changes nothing."""
    flat = plain(value)
    json.dumps(flat, allow_nan=False, ensure_ascii=False).encode()
    assert plain(flat) == flat


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@dataclass
class Point:
    x: float


class Shape(BaseModel):
    point: Any


def test_objects_keep_their_fields() -> None:
    """Dataclasses, pydantic models, documents and messages become their content."""
    assert plain(Shape(point=Point(float("nan")))) == {"point": {"x": "nan"}}
    assert plain([Document("t", metadata={"k": {1}})]) == [{"text": "t", "metadata": {"k": [1]}}]
    assert plain({"m": AIMessage("hi")}) == {"m": {"role": "assistant", "content": "hi"}}


def test_nothing_raises() -> None:
    """Cycles, depth, hostile reprs and giant integers are told, never raised."""
    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert plain(loop) == ["<cycle>"]
    assert plain(Hostile()) == "<Hostile>"
    assert plain(10**5000).startswith("0x")
    json.dumps(plain(deep))
    assert "0x" not in plain(object())


@pytest.mark.parametrize(
    ("content", "flat"),
    [
        ("hi", "hi"),
        ([{"type": "text", "text": "a"}, "b"], "ab"),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}], None),
    ],
)
def test_text_blocks_are_joined_and_others_kept(content: Any, flat: str | None) -> None:
    """Content of text blocks alone is text; with anything else in it, it stays a list."""
    assert flat_message(AIMessage(content))["content"] == (content if flat is None else flat)
