"""A module's text as LangChain's chat prompt template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.prompts import ChatPromptTemplate

from langgraph_gepa.adapter.templates.chat_prompts import chat_prompt
from langgraph_gepa.core.module import Style


def filled(prompt: ChatPromptTemplate, **values: Any) -> str:
    (message,) = prompt.invoke(values).to_messages()
    assert message.type == "system"
    return message.text


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("Sort {kind} {{so}}.", "format", "Sort it {so}."),
        ("Sort {kind!r:>5}.", "fstring", "Sort  'it'."),
        ("Sort {{kind}} {so}.", "mustache", "Sort it {so}."),
    ],
)
def test_placeholders_stay_placeholders(text: str, style: Style, expected: str) -> None:
    """Braces with names in them, and mustache, are filled as the program fills them."""
    prompt = chat_prompt(text, style)
    assert prompt.input_variables == ["kind"]
    assert filled(prompt, kind="it") == expected


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("Sort {doc.title}.", "format"),
        ("Sort {} and {}.", "format"),
        ("Sort {0}.", "format"),
        ("Sort {names[0]}.", "fstring"),
        ("Sort {{ kind }}{% if so %} so{% endif %}.", "jinja2"),
        ('Answer {"kind": "%s"}.', "plain"),
    ],
)
def test_what_langsmith_cannot_fill_stands_as_it_is(text: str, style: Style) -> None:
    """Nothing is asked for, and what comes out is the text that the program fills."""
    prompt = chat_prompt(text, style)
    assert prompt.input_variables == []
    assert filled(prompt) == text


@given(st.text(st.sampled_from("ab {}%$<>#/\\\n\"'é")))
def test_a_plain_text_is_what_it_was(text: str) -> None:
    """Whatever braces mean elsewhere."""
    assert filled(chat_prompt(text, "plain")) == text
