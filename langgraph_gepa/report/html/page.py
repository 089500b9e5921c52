"""Renders the report: one HTML file that needs nothing but itself.

Everything that came from a graph, a metric or a model is escaped (autoescape) and its control characters are made
visible. It cannot act: the page's policy allows its own style and script by their hashes and nothing else, not even an
image from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from langgraph_gepa.core.printable import visible
from langgraph_gepa.report import words
from langgraph_gepa.report.candidate_table import COLUMNS
from langgraph_gepa.report.html.curve import draw_curve
from langgraph_gepa.report.html.family_tree import draw_tree
from langgraph_gepa.report.html.graph_drawing import draw_graph
from langgraph_gepa.report.html.text_diff import Row, diff, fold
from langgraph_gepa.report.html.tradeoff_plot import draw_tradeoffs
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.tradeoff_view import amount
from langgraph_gepa.report.verdict import headline
from langgraph_gepa.report.view import ModuleView, View

CANDIDATES = 100
ITERATIONS = 200
TEXT = 40_000
"""What the page shows at most: candidates (the highest scores) and iterations (the last) in their
tables, characters of one module's text."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of the table of means: places scores on it, in percent of its length."""

    low: float
    high: float

    def percent(self, score: float) -> float:
        return round(100 * (score - self.low) / (self.high - self.low), 2)


def render(view: View) -> str:
    """Renders the page. Pure: the same view gives the same page."""
    environment = _environment()
    style, script = (_source(environment, name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("page.html.j2").render(
        view=view,
        policy=policy,
        style=Markup(style),  # noqa: S704  our own file, nothing is interpolated into it
        script=Markup(script),  # noqa: S704  the same
        **_parts(view),
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


def _parts(view: View) -> dict[str, Any]:
    return {
        "run": view.settings.get("run") or "run",
        "graph_name": (view.settings.get("graph") or {}).get("name", ""),
        "curves": [curve for size in ((960, 340), (420, 300)) if (curve := draw_curve(view, *size))],
        "plot": draw_tradeoffs(view.tradeoffs),
        "tree": draw_tree(view),
        "drawing": draw_graph(view),
        "modules": [(module, _rows(module)) for module in view.modules],
        "candidates": sorted(view.candidates, key=lambda c: (-c.score.value, c.id))[:CANDIDATES],
        "columns": COLUMNS,
        "iterations": [iteration for iteration in view.iterations if iteration.number > 0][: -ITERATIONS - 1 : -1],
        "scale": _scale(view),
        "headline": headline(view),
    }


def _rows(module: ModuleView) -> tuple[Row, ...]:
    return fold(diff(words.clip(module.seed, TEXT), words.clip(module.best, TEXT)))


def _scale(view: View) -> Scale:
    known = [interval for _, one in view.standings for interval in (one.validation, one.test) if interval]
    return Scale(min([0.0, *(i.low for i in known)]), max([1.0, *(i.high for i in known)]))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("langgraph_gepa.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    filters = (
        words.candidate_score, words.score, words.signed, words.money, words.large, words.duration, words.limits,
        words.plural, words.one_line, words.clip, words.noise, span, amount,
    )  # fmt: skip
    environment.filters |= {filter.__name__: filter for filter in filters}
    return environment


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))


def span(interval: Interval) -> str:
    """The interval's ends as the page writes them."""
    return f"{words.score(interval.low)} to {words.score(interval.high)}"


def _source(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise LookupError(name)
    return environment.loader.get_source(environment, name)[0].strip()


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
