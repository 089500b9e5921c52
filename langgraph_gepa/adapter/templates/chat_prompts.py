"""Converts a module's text to a LangChain chat prompt template."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from langchain_core.prompts import ChatPromptTemplate

from langgraph_gepa.adapter.templates import escape
from langgraph_gepa.core.module import Style

Format = Literal["f-string", "mustache"]
"""The formats that LangSmith supports (https://docs.langchain.com/langsmith/prompt-template-format)."""


def chat_prompt(text: str, style: Style) -> ChatPromptTemplate:
    """One system message, with the text's placeholders if LangSmith supports them: mustache, and names in braces.

    Any other text, such as jinja2, `{doc.title}` or plain text with braces, is escaped, so that the filled template is
    the text itself.
    """
    if style == "mustache":
        return _template(text, "mustache")
    if style in ("format", "fstring"):
        with suppress(ValueError):  # newer versions of LangChain refuse `{doc.title}`
            filled = _template(text, "f-string")
            if all(map(str.isidentifier, filled.input_variables)):
                return filled
    return _template(*_literal(text))


def _literal(text: str) -> tuple[str, Format]:
    """The text as a template without placeholders, unchanged if possible."""
    if not {"{", "}"} & set(text):
        return text, "f-string"
    return (escape(text), "f-string") if "{{" in text else (text, "mustache")


def _template(text: str, format: Format) -> ChatPromptTemplate:
    return ChatPromptTemplate.from_messages([("system", text)], template_format=format)
