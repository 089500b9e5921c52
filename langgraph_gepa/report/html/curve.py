"""Geometry of the chart of score against rollouts, in the units of its SVG view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from langgraph_gepa.report.candidate_table import CandidateView
from langgraph_gepa.report.view import View

_LEAST_SPAN = 0.1  # of scores: a chart that magnifies noise misleads
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 16.0, 14.0, 40.0


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    candidate: CandidateView


@dataclass(frozen=True, slots=True)
class Curve:
    """`line` is the path of the best score so far, `area` the area between it and the axis."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: str
    area: str
    points: tuple[Point, ...]


def draw_curve(view: View, width: float, height: float) -> Curve | None:
    """Draws the chart; `None` before the first candidate is scored."""
    if not view.candidates:
        return None
    right, bottom = width - _RIGHT, height - _BOTTOM
    rollouts = max(view.spent.rollouts, 1)
    scores = [candidate.score.value for candidate in view.candidates]
    middle, half = (max(scores) + min(scores)) / 2, max((max(scores) - min(scores)) / 2, _LEAST_SPAN / 2)
    y_values = ticks(middle - half, middle + half, 5)
    x_values = ticks(0, rollouts, 6 if width > 600 else 4)
    low, high = y_values[0], y_values[-1]

    def x(value: float) -> float:
        return round(_LEFT + (right - _LEFT) * value / rollouts, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - _TOP) * (value - low) / (high - low), 1)

    line = _steps([(x(at), y(score)) for at, score in view.curve])
    first, last = x(view.curve[0][0]), x(view.curve[-1][0])
    return Curve(
        width,
        height,
        _LEFT,
        right,
        _TOP,
        bottom,
        tuple(Tick(x(value), f"{value:,.0f}") for value in x_values if value <= rollouts),
        tuple(Tick(y(value), f"{value:.3g}") for value in y_values),
        line,
        f"{line}L{last} {bottom}L{first} {bottom}Z",
        tuple(Point(x(candidate.rollouts), y(candidate.score.value), candidate) for candidate in view.candidates),
    )


def _steps(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    return f"M{x} {y}" + "".join(f"H{x}V{y}" for x, y in rest)


def ticks(low: float, high: float, about: int) -> list[float]:
    """About `about` round values, the first at or below `low` and the last at or above `high`."""
    rough = (high - low) / about
    size = 10 ** floor(log10(rough))
    step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]
