"""What messages show of modules that reading the code left open: prompt or data, template or plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.wording import LONG, frames
from langgraph_gepa.adapter.observed.message_parts import Known, Run, Told, heard, in_every_run, itself
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off, Style

TEMPLATES: tuple[Style, ...] = ("format", "jinja2", "dollars", "percent")
"""What a text that looks plain may be filled in as."""


def instructing(runs: Sequence[Run], modules: Sequence[Module]) -> set[str]:
    """Those of the merely `possible` modules that a message shows to be prompts.

    Only those that no flow was found for: where the flow says that a text is a value or an output, a message that
    carries it says no more. What fills the placeholder of a known text is data by default: there a text has to be the
    whole filling and longer than a value. Beside other things in it, it is how a program shows these. And it has to
    be in every rollout that comes to its node.
    """
    told = heard(runs)
    known = Known([module for module in modules if module.evidence != "possible" or module.off is Off.FRAME])
    return {
        module.name
        for module in modules
        if module.kind == "prompt" and module.evidence == "possible" and module.off in (None, Off.UNPROVEN)
        if not frames(module.text, module.style, module.placeholders)
        if _instructing(matching.pattern(module.text, module.style, module.placeholders), told, known)
    }


def _instructing(pattern: matching.Pattern | None, told: Sequence[Told], known: Known) -> bool:
    if pattern is None:
        return True
    carrying = (m for m in told if any(_instructs(m, match, known) for match in pattern.matches(m.text)))
    first = next(carrying, None)
    return first is not None and in_every_run(pattern, first, told)


def _instructs(message: Told, match: matching.Match, known: Known) -> bool:
    if not itself(message, match, known):
        return False
    hole = known.filling(message.text, match.start, match.end)
    if hole is None:
        return True
    whole = message.text[slice(*hole)].strip() == message.text[match.start : match.end].strip()
    return whole and templates.word_count(message.text[slice(*hole)]) >= LONG


def copies(modules: Iterable[Module], read: Iterable[Module]) -> set[str]:
    """Those of the merely `possible` modules that are what a file's template gave when it was filled in."""
    patterns = [matching.pattern(one.text, one.style) for one in read if one.file is not None and one.style != "plain"]
    return {
        module.name
        for module in modules
        if module.evidence == "possible"
        if any(_gives(pattern, module.text.strip()) for pattern in patterns if pattern is not None)
    }


def _gives(pattern: matching.Pattern, text: str) -> bool:
    return any((match.start, match.end) == (0, len(text)) for match in pattern.matches(text))


def filled(runs: Sequence[Run], modules: Iterable[Module]) -> dict[str, Style]:
    """The style of modules whose style is plain or not known, and that messages only hold filled in as templates."""
    told = heard(runs)
    plain = [m for m in modules if m.style == "unknown" or (m.style == "plain" and not m.placeholders)]
    return {
        module.name: style
        for module in plain
        if module.kind == "prompt" and may_be_filled(module.text)
        if not _met(matching.pattern(module.text), told)
        if (style := next((style for style in TEMPLATES if _fills(module.text, style, told)), None)) is not None
    }


def may_be_filled(text: str) -> bool:
    """Whether a text has a sign that some language of templates gives a meaning to."""
    return any(sign in text for sign in "{$%")


def _fills(text: str, style: Style, told: Sequence[Told]) -> bool:
    pattern = matching.pattern(text, style)
    return pattern is not None and bool(pattern.keys) and not pattern.whole and _met(pattern, told)


def _met(pattern: matching.Pattern | None, told: Sequence[Told]) -> bool:
    return pattern is not None and any(True for message in told for _ in pattern.matches(message.text))
