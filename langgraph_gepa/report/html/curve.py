"""Geometry of the chart of score against rollouts, in the units of its SVG view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.report.candidate_table import CandidateView
from langgraph_gepa.report.html.axes import Axes, Tick, ends, labels, ticks
from langgraph_gepa.report.view import View

_LEAST_SPAN = 0.1  # of the spread of scores: a chart that magnifies noise misleads


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    candidate: CandidateView


@dataclass(frozen=True, slots=True)
class Curve:
    """`line` is the path of the best score so far, `area` the area between it and the axis."""

    axes: Axes
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: str
    area: str
    points: tuple[Point, ...]


def draw_curve(view: View, width: float, height: float) -> Curve | None:
    """Draws the chart; `None` before the first candidate is scored."""
    if not view.candidates:
        return None
    rollouts = max(view.spent.rollouts, 1)
    scores = [candidate.score.value for candidate in view.candidates]
    low, high = view.range
    least = _LEAST_SPAN * (high - low or abs(high) or 1.0)
    middle, half = (max(scores) + min(scores)) / 2, max(max(scores) - min(scores), least) / 2
    y_values = ticks(middle - half, middle + half, 5)
    x_values = ticks(0, rollouts, 6 if width > 600 else 4)
    axes = Axes(width, height, (0, rollouts), ends(y_values))
    line = _steps([(axes.x(at), axes.y(score)) for at, score in view.curve])
    first, last = axes.x(view.curve[0][0]), axes.x(view.curve[-1][0])
    return Curve(
        axes,
        tuple(Tick(axes.x(value), f"{value:,.0f}") for value in x_values if value <= rollouts),
        tuple(Tick(axes.y(value), label) for value, label in zip(y_values, labels(y_values), strict=True)),
        line,
        f"{line}L{last} {axes.bottom}L{first} {axes.bottom}Z",
        tuple(Point(axes.x(one.rollouts), axes.y(one.score.value), one) for one in view.candidates),
    )


def _steps(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    return f"M{x} {y}" + "".join(f"H{x}V{y}" for x, y in rest)
