"""Tells from messages what reading the code left open about a module: prompt or data, template or plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.wording import LONG, frames
from langgraph_gepa.adapter.observed.message_parts import (
    KnownTexts,
    Run,
    SentMessage,
    is_in_every_run,
    is_unknown,
    sent_messages,
)
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off, Style

TEMPLATES: tuple[Style, ...] = ("format", "jinja2", "dollars", "percent")
"""The languages in which a text that looks plain may be filled."""


def proven_prompts(runs: Sequence[Run], modules: Sequence[Module]) -> set[str]:
    """The names of those `possible` modules that messages show to be prompts.

    Only modules that no flow was found for: where the flow shows that a text is a value or an output, a message that
    carries it shows no more. What fills the placeholder of a known text is data by default: there a text has to be the
    whole filling and longer than a value, because beside other data it only introduces them. And the text has to be in
    every rollout that reaches its node.
    """
    messages = sent_messages(runs)
    known = KnownTexts(module for module in modules if module.evidence != "possible" or module.off is Off.FRAME)
    return {
        module.name
        for module in modules
        if module.kind == "prompt" and module.evidence == "possible" and module.off in (None, Off.UNPROVEN)
        if not frames(module.text, module.style, module.placeholders)
        if _is_prompt(matching.pattern(module.text, module.style, module.placeholders), messages, known)
    }


def _is_prompt(pattern: matching.Pattern | None, messages: Sequence[SentMessage], known: KnownTexts) -> bool:
    if pattern is None:
        return True
    carrying = (one for one in messages if any(_instructs(one, match, known) for match in pattern.matches(one.text)))
    first = next(carrying, None)
    return first is not None and is_in_every_run(pattern, first, messages)


def _instructs(message: SentMessage, match: matching.Match, known: KnownTexts) -> bool:
    if not is_unknown(message, match, known):
        return False
    hole = known.filling(message.text, match.start, match.end)
    if hole is None:
        return True
    filling = message.text[slice(*hole)]
    return filling.strip() == message.text[match.start : match.end].strip() and templates.word_count(filling) >= LONG


def filled_copies(modules: Iterable[Module], read: Iterable[Module]) -> set[str]:
    """The names of those `possible` modules whose text is a template of a file, among the modules `read`, filled in."""
    patterns = [matching.pattern(one.text, one.style) for one in read if one.file is not None and one.style != "plain"]
    return {
        module.name
        for module in modules
        if module.evidence == "possible"
        if any(pattern.covers(module.text) for pattern in patterns if pattern is not None)
    }


def styles_when_filled(runs: Sequence[Run], modules: Iterable[Module]) -> dict[str, Style]:
    """The styles of modules that look plain, or whose style is unknown, and that messages only hold filled in."""
    messages = sent_messages(runs)
    plain = [m for m in modules if m.style == "unknown" or (m.style == "plain" and not m.placeholders)]
    return {
        module.name: style
        for module in plain
        if module.kind == "prompt" and may_be_filled(module.text)
        if not _is_in(matching.pattern(module.text), messages)
        if (style := next((style for style in TEMPLATES if _fills(module.text, style, messages)), None)) is not None
    }


def may_be_filled(text: str) -> bool:
    """Whether a text has a sign that some language of templates gives a meaning to."""
    return any(sign in text for sign in "{$%")


def _fills(text: str, style: Style, messages: Sequence[SentMessage]) -> bool:
    pattern = matching.pattern(text, style)
    return pattern is not None and bool(pattern.keys) and not pattern.whole and _is_in(pattern, messages)


def _is_in(pattern: matching.Pattern | None, messages: Sequence[SentMessage]) -> bool:
    return pattern is not None and any(pattern.occurs_in(message.text) for message in messages)
