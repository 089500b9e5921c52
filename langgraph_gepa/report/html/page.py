"""Renders the report: one HTML file that needs nothing but itself.

Everything that came from a graph, a metric or a model is escaped (autoescape) and its control characters are made
visible. It cannot act: the page's policy allows its own style and script by their hashes and nothing else, not even an
image from elsewhere.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.report import words
from langgraph_gepa.report.candidate_table import COLUMNS
from langgraph_gepa.report.failed_examples import set_aside_sentences
from langgraph_gepa.report.html.axes import ends, ticks
from langgraph_gepa.report.html.curve import draw_curve
from langgraph_gepa.report.html.family_tree import draw_tree
from langgraph_gepa.report.html.fragments import render_story
from langgraph_gepa.report.html.graph_drawing import draw_graph
from langgraph_gepa.report.html.templating import environment, frame
from langgraph_gepa.report.html.text_diff import Row, diff, fold
from langgraph_gepa.report.html.tradeoff_plot import draw_tradeoffs
from langgraph_gepa.report.module_list import EVIDENCE
from langgraph_gepa.report.pace import pace_of
from langgraph_gepa.report.settings_list import settings_list
from langgraph_gepa.report.verdict import headline
from langgraph_gepa.report.view import ModuleView, View

CANDIDATES = 100
ITERATIONS = 200
TEXT = 40_000
TRACES = 1_000_000
EXAMPLES = 300
"""What the page shows at most: candidates (the highest scores) and iterations (the last) in their
tables, characters of one module's text and of all calls, examples in a list (the largest changes)."""


_NARROW = 0.02
"""Intervals that lie closer together than this cannot be told apart on an axis from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of the table of means: places scores on it, in percent of its length."""

    low: float
    high: float

    def percent(self, score: float) -> float:
        return round(100 * (score - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True, slots=True)
class Live:
    """The page is served while the run may go on: `running` says whether a process is at work on it.

    `version` names the state of the run that the page shows; `home` is the address of the list of runs, where there is
    one.
    """

    running: bool
    version: str
    home: str = ""


def render(view: View, live: Live | None = None) -> str:
    """Renders the page, self-contained unless it is `live`. Pure: the same view gives the same page."""
    scripts = ("page.js",) if live is None else ("live.js", "page.js")
    with words.scores_between(*view.range):
        return (
            environment()
            .get_template("page.html.j2")
            .render(view=view, live=live, **frame(*scripts, connected=live is not None), **_parts(view, live))
        )


def write_report(view: View, path: Path) -> Path:
    """Renders the page to `path`, which never holds half a page."""
    return write_whole(render(view), path)


def write_whole(text: str, path: Path) -> Path:
    """Writes the whole file or, where the disk is full, leaves it as it was. Raises `OSError`.

    Nothing is written through a link: the folder may come from somebody else, with links planted under our names.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        return partial.replace(path)  # in place of a link, not of what it leads to
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _parts(view: View, live: Live | None) -> dict[str, Any]:
    tree, candidates = draw_tree(view), sorted(view.candidates, key=lambda c: (-c.score.value, c.id))[:CANDIDATES]
    drawn = {node.candidate.id for node in tree.nodes} if tree else set()
    opened = {c.id: c for c in view.candidates if c.id in drawn or c in candidates} if live else {}
    graph_name = (view.settings.get("graph") or {}).get("name", "")
    return {
        "run": view.settings.get("run") or "run",
        "graph_name": graph_name,
        "settings": settings_list(view.settings, graph_name),
        "curves": [curve for size in ((960, 340), (420, 300)) if (curve := draw_curve(view, *size))],
        "plot": draw_tradeoffs(view.tradeoffs),
        "tree": tree,
        "opened": opened or {id: view.candidates[id] for id in sorted(view.stories)},
        "traced": _traced(view),
        "drawing": draw_graph(view),
        "evidence_words": EVIDENCE,
        "modules": [(module, _rows(module)) for module in view.modules],
        "candidates": candidates,
        "columns": COLUMNS,
        "iterations": [iteration for iteration in view.iterations if iteration.number > 0][: -ITERATIONS - 1 : -1],
        "scale": _scale(view),
        "headline": headline(view),
        "most": EXAMPLES,
        "story_of": partial(render_story, live=False),
        "set_aside": set_aside_sentences(view.set_aside),
        **_pace(view),
    }


def _pace(view: View) -> dict[str, Any]:
    """Returns how much of the budget is used, and the seconds that the rest may take."""
    pace = pace_of(Budget(**(view.settings.get("budget") or {})), view.spent, view.seconds)
    return {"pace": pace, "left": pace.seconds_left(view.seconds)}


def _traced(view: View) -> set[tuple[str, str]]:
    """The examples whose calls the page holds, by set and id: as many as fit, held-out ones and large changes first."""
    room, traced = TRACES, set[tuple[str, str]]()
    for comparison in filter(None, (view.test, view.validation)):
        for change in sorted((*comparison.worse, *comparison.better), key=lambda change: -abs(change.delta)):
            size = sum(side.trace.size for side in (change.before, change.after) if side.trace)
            if change.loaded and size <= room:
                room -= size
                traced.add((comparison.subset, change.example))
    return traced


def _rows(module: ModuleView) -> tuple[Row, ...]:
    return fold(diff(words.clip(module.seed, TEXT), words.clip(module.best, TEXT)))


def _scale(view: View) -> Scale:
    """The axis from 0 to 1, or between round numbers where the scores have another scale."""
    known = [interval for _, one in view.standings for interval in (one.validation, one.test) if interval]
    low, high = min((i.low for i in known), default=0.0), max((i.high for i in known), default=1.0)
    if low >= 0 and high <= 1 and (high - low > _NARROW or high == low):
        return Scale(0.0, 1.0)
    return Scale(*ends(ticks(low, high, 5)))
