"""How the program fills in a text, derived from all its uses: the contract that a new text must keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jinja2

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.uses import LANGUAGES, Again, Kept, Rendered, Use, Within
from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Style
from langgraph_gepa.core.reason import Obstacle, Reason


class Filling(NamedTuple):
    """The template language of a text, and the tokens that the program replaces in it.

    `again` are the languages in which the filled text is filled in once more, `environment` is jinja2's if it is not
    the default one. `reason` says why no new text can be proved to be right.
    """

    style: Style = "plain"
    tokens: tuple[str, ...] = ()
    again: tuple[Style, ...] = ()
    environment: jinja2.Environment | None = None
    reason: Reason | None = None


def filling(text: str, uses: Iterable[Use], written: Style = "plain") -> Filling:
    """How a text with these uses is filled in; `written` is the style of the literal."""
    known = set(uses)
    tokens = tuple(sorted(use.token for use in known if isinstance(use, Kept) and use.token in text))
    direct = _languages(known)
    within = _languages(use.use for use in known if isinstance(use, Within))
    again = _languages(use.use for use in known if isinstance(use, Again))
    again |= {"unknown"} if not known.isdisjoint(("opaque", "unknown")) else set()
    inner = (use.use if isinstance(use, Within | Again) else use for use in known)
    environments = {use.environment for use in inner if isinstance(use, Rendered)}
    environment = next(iter(environments), None)
    reason = Reason(Obstacle.FOREIGN_TEMPLATE) if "foreign" in known or len(environments) > 1 else None
    if written == "fstring":
        later = placeholders.later(text) if direct == {"format"} and not tokens else ()
        if (direct or tokens) and not later:
            reason = reason or Reason(Obstacle.FILLED_TWICE)
        return Filling("fstring", later or tokens, tuple(sorted(again | within)), environment, reason)
    # A part of a template is a template too, unless the program would fail on it: then the analysis is wrong.
    direct |= {one for one in within if templates.may_be(text, one, environment)}
    style: Style = "plain" if not direct else direct.pop() if len(direct) == 1 else "unknown"
    if style == "plain" and not tokens and "unknown" in again:
        style = "unknown"
    return Filling(style, tokens, tuple(sorted(again)), environment, reason)


def placeholders_of(
    text: str, style: Style, tokens: Sequence[str] = (), environment: jinja2.Environment | None = None
) -> tuple[tuple[str, ...], Reason | None]:
    """The names of the placeholders of a text with the tokens that the program replaces; a reason where the text is
    broken."""
    try:
        names = templates.placeholders(text, style, environment) if style != "plain" else ()
    except templates.BrokenTemplateError as broken:
        return (), Reason(Obstacle.BROKEN_TEMPLATE, str(broken))
    return (*names, *(tokens if style in ("plain", "fstring") else ())), None


def _languages(uses: Iterable[Use]) -> set[Style]:
    found = {"jinja2" if isinstance(use, Rendered) else use for use in uses}
    return {style for style in LANGUAGES if style in found}
