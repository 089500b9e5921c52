"""Tells natural language from names, paths and keys."""

from __future__ import annotations

import re

from langgraph_gepa.core.module import Style


def has_words(text: str, style: Style = "plain") -> bool:
    """Whether a text has a word besides its placeholders."""
    return word_count(text if style == "plain" else _FILLED.sub("", text)) > 0


def word_count(text: str) -> int:
    """The number of words of a text; in scripts that write no spaces every character counts."""
    return len(_WORD.findall(text))


def is_name(text: str) -> bool:
    """Whether a text is a single token, such as an identifier, a path, an address or the name of a model."""
    token = text.strip()
    return any(pattern.fullmatch(token) for pattern in (_NAME, _KEY, _ADDRESS))


_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{2,}")
_NAME = re.compile(r"[A-Za-z0-9_.:/@#-]*")
_KEY = re.compile(r"/?(?:[\w.:@#-]|\{\w*\})+(?:/(?:[\w.:@#-]|\{\w*\})+)+/?", re.ASCII)
"""A path or database key, also with placeholders."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]*", re.IGNORECASE)
_FILLED = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[^{}]*\}", re.DOTALL)
