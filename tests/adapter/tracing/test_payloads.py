"""LangChain's payloads as plain data: schemas by their form, replies that are empty, failures that became texts."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from pydantic import BaseModel

from langgraph_gepa.adapter.tracing import payloads
from langgraph_gepa.core.rollout import Usage


class Route(BaseModel):
    """Where to go."""

    team: str


TOOL = {"name": "search", "parameters": {"properties": {}}}


def generated(message: AIMessage) -> ChatGeneration:
    return ChatGeneration(message=message)


def test_schemas_are_known_by_their_form() -> None:
    """Tools and functions under their names; a response format under any name, as a class or nested in a mapping."""
    found = payloads.offered_schemas(
        {"tools": [TOOL], "response_format": {"json_schema": TOOL}, "temperature": 0, "x": Route}
    )
    assert found[:2] == (TOOL, {"json_schema": TOOL})
    assert found[2]["description"] == "Where to go."
    assert len(found) == 3


def test_a_class_without_a_schema_is_nothing() -> None:
    """A parameter may hold any class."""
    assert payloads.plain_setting([int, {"stop": ("a",)}]) == [None, {"stop": ["a"]}]


@pytest.mark.parametrize(
    ("text", "failed", "reported"),
    [
        ("Error: rate limit exceeded", False, True),
        ("RateLimitError('429')", False, True),
        ("all is well", True, True),
        ("all is well", False, False),
        ("Nothing is known of that error", False, False),
        ("Error " * 1000, False, False),
        ({"error": "no"}, True, True),
    ],
)
def test_a_tools_answer_may_report_a_failure(text: Any, failed: bool, reported: bool) -> None:
    """A short text that begins like an exception, or anything where the message says that the tool failed."""
    assert (payloads.reported_failure("search", text, failed) is not None) is reported


def test_a_tools_result_is_the_content_of_its_message() -> None:
    """As the model will read it."""
    assert payloads.tool_result(ToolMessage("cats", tool_call_id="1")) == "cats"
    assert payloads.tool_result({"found": ("cats",)}) == {"found": ["cats"]}


def usage(message: AIMessage, **output: Any) -> Usage:
    generation = generated(message)
    result = LLMResult(generations=[[generation]], llm_output=output)
    return payloads.usage_of(result, generation, "m", "p", {"m": (1.0, 2.0)}, lambda: ("abc", "abcdef"))


def test_usage_is_the_providers_count_wherever_it_stands() -> None:
    """LangChain's own, the provider's in the metadata or in the whole result, and else an estimate."""
    counted = AIMessage("hi", usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10})
    raw = AIMessage("hi", response_metadata={"token_usage": {"prompt_tokens": 7, "completion_tokens": 3}})
    expected = Usage(7, 3, (7 + 2 * 3) / 1e6)
    assert (
        usage(counted)
        == usage(raw)
        == usage(AIMessage("hi"), usage={"input_tokens": 7, "output_tokens": 3})
        == expected
    )
    assert usage(AIMessage("hi")) == Usage(1, 2, 5 / 1e6, estimated=3)
