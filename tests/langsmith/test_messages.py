from typing import Any

import pytest

from langgraph_gepa.langsmith.messages import with_roles


@pytest.mark.parametrize(
    "stored",
    [
        {"type": "human", "content": "hi"},
        {"type": "human", "data": {"content": "hi"}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "hi"}},
        {
            "lc": 1,
            "type": "constructor",
            "id": ["x", "HumanMessageChunk"],
            "kwargs": {"content": "hi", "type": "human"},
        },
    ],
)
def test_every_form_of_a_message_becomes_a_role_dict(stored: dict[str, Any]) -> None:
    """As states, chat data sets and traces keep it, wherever it stands in the data."""
    (found,) = with_roles({"deep": [stored]})["deep"]
    assert (found["role"], found["content"]) == ("user", "hi")


@pytest.mark.parametrize(
    "other",
    [
        {"type": "human"},
        {"type": "invoice", "content": "10"},
        {"type": "human", "content": "hi", "priority": 1},
        {"lc": 1, "type": "constructor", "id": ["langchain", "Document"], "kwargs": {"content": "hi"}},
    ],
)
def test_what_is_no_message_stays_as_it_is(other: dict[str, Any]) -> None:
    """Something with a field of its own must not lose it."""
    assert with_roles([other]) == [other]


def test_tool_calls_in_the_form_of_openai_are_read() -> None:
    """With their arguments as data, or as a call that is not valid where they are not JSON."""
    calls = [
        {"id": "1", "function": {"name": "look", "arguments": '{"q": 1}'}},
        {"id": "2", "function": {"name": "look", "arguments": "{"}},
    ]
    found = with_roles({"type": "ai", "content": "", "additional_kwargs": {"tool_calls": calls}})
    assert [(call["id"], call["args"]) for call in found["tool_calls"]] == [("1", {"q": 1}), ("2", "{")]
