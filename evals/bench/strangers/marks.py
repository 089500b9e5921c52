"""Marks: words that stand in no text, put into those that are bound and looked for in what models are sent."""

from __future__ import annotations

import re

from langgraph_gepa.core.module import Module

_MARK = re.compile(r" ?ZQ(\d+)QZ")


def mark(place: int) -> str:
    return f"ZQ{place}QZ"


def marked(module: Module, mark: str) -> str:
    """The text with a mark after its first word that is no placeholder and in none."""
    text = module.text
    if module.style in ("jinja2", "mustache"):
        return f"{text} {mark}"
    for word in re.finditer(r"[A-Za-z][A-Za-z,.']*(?=\s)", text):
        head = text[: word.end()]
        if head.count("{") == head.count("}"):
            return f"{head} {mark}{text[word.end() :]}"
    return f"{text} {mark}"


def unmarked(sent: str) -> str:
    return _MARK.sub("", sent)


def marks(sent: str) -> set[int]:
    """The places of the marks that stand in what was sent."""
    return {int(place) for place in _MARK.findall(sent)}
