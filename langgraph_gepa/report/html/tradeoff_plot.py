"""Geometry of the plot of the score against another objective, in the units of its SVG view box."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_gepa.core.objectives import SCORE
from langgraph_gepa.report.html.axes import Axes, Tick, ends, labels, ticks
from langgraph_gepa.report.tradeoff_view import TradeoffView, amount
from langgraph_gepa.search.tradeoffs import Tradeoff


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    candidate: int
    front: bool
    about: str


@dataclass(frozen=True, slots=True)
class Plot:
    """`line` is the path through the candidates that no other one dominates."""

    axes: Axes
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: str
    dots: tuple[Dot, ...]


def draw_tradeoffs(view: TradeoffView, width: float = 560, height: float = 300) -> Plot | None:
    """Draws the plot; `None` where there is nothing to choose from."""
    known = [one for one in view.known if view.against in one.validation]
    if len(view.front) < 2 or len(known) < 2:
        return None
    x_values, y_values = (_axis([one.validation[name] for one in known]) for name in (view.against, SCORE))
    axes = Axes(width, height, ends(x_values), ends(y_values))
    front = {one.candidate for one in view.front}
    dots = [
        Dot(
            axes.x(one.validation[view.against]),
            axes.y(one.validation[SCORE]),
            one.candidate,
            one.candidate in front,
            _about(one, view),
        )
        for one in known
    ]
    line = sorted((dot.x, dot.y) for dot in dots if dot.front)
    return Plot(
        axes,
        tuple(Tick(axes.x(value), amount({view.against: value}, view.against)) for value in x_values),
        tuple(Tick(axes.y(value), label) for value, label in zip(y_values, labels(y_values), strict=True)),
        "M" + "L".join(f"{x} {y}" for x, y in line),
        tuple(dots),
    )


def _axis(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(low) * 0.1 or 0.1
    return ticks(low - room, high + room, 4)


def _about(one: Tradeoff, view: TradeoffView) -> str:
    means = ", ".join(f"{name} {amount(one.validation, name)}" for name in (SCORE, view.against))
    return f"Candidate {one.candidate}: {means}"
