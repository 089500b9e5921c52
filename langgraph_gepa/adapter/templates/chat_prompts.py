"""A module's text as LangChain's chat prompt template."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from langchain_core.prompts import ChatPromptTemplate

from langgraph_gepa.adapter.templates import escape
from langgraph_gepa.core.module import Style

Format = Literal["f-string", "mustache"]
"""What LangSmith can fill (https://docs.langchain.com/langsmith/prompt-template-format)."""


def chat_prompt(text: str, style: Style) -> ChatPromptTemplate:
    """One system message, with the placeholders of the text where LangSmith can fill them.

    That is so for mustache, and for braces with names in them. Anything else, such as jinja2, `{doc.title}` or
    the braces of a text that nobody fills, stands in the template so that filling it gives back the text as it is.
    """
    if style == "mustache":
        return _template(text, "mustache")
    if style in ("format", "fstring"):
        with suppress(ValueError):  # newer versions of LangChain refuse `{doc.title}`, older ones ask for such a name
            filled = _template(text, "f-string")
            if all(map(str.isidentifier, filled.input_variables)):
                return filled
    return _template(*_literal(text))


def _literal(text: str) -> tuple[str, Format]:
    """The text as a template without placeholders, unchanged where that can be."""
    if not {"{", "}"} & set(text):
        return text, "f-string"
    return (escape(text), "f-string") if "{{" in text else (text, "mustache")


def _template(text: str, format: Format) -> ChatPromptTemplate:
    return ChatPromptTemplate.from_messages([("system", text)], template_format=format)
