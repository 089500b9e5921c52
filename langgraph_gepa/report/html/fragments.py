"""Renders the parts of the live page that are loaded when a reader opens them: an example, a rollout, a story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.report.comparison import Change, Side
from langgraph_gepa.report.html.templating import environment
from langgraph_gepa.report.html.text_diff import Row, diff, fold
from langgraph_gepa.report.story import Story, TextChange
from langgraph_gepa.report.words import clip

TEXT = 20_000
"""Characters of one text that are compared."""


def render_example(change: Change) -> str:
    """An example with all calls of both candidates, side by side."""
    return str(_macro("traces", "example_body")(change, change.loaded, False))


def render_rollout(side: Side) -> str:
    """One rollout with all its calls."""
    return str(_macro("traces", "rollout")(side))


def render_story(story: Story, rollouts: Sequence[RolloutFinished] = (), *, live: bool = True) -> Markup:
    """The texts of an iteration's children beside their parent's, and how they came about."""
    story_html = _macro("traces", "story")(story, diffs_of(story), _macro("parts", "diff"), live)
    return Markup("").join([story_html, _macro("traces", "rollouts")(list(rollouts))])


def diffs_of(story: Story) -> list[list[tuple[TextChange, tuple[Row, ...] | None]]]:
    """Each child's modules with the rows that set their texts side by side, `None` where both are the same."""
    return [[(change, _rows(change)) for change in child] for child in story.children]


def _rows(change: TextChange) -> tuple[Row, ...] | None:
    if change.before == change.after:
        return None
    return fold(diff(clip(change.before, TEXT), clip(change.after, TEXT)))


def _macro(template: str, name: str) -> Any:
    return getattr(environment().get_template(f"{template}.html.j2").module, name)
