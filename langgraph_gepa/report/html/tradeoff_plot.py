"""Geometry of the plot of the score against another objective, in the units of its SVG view box."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_gepa.core.objectives import SCORE
from langgraph_gepa.report.html.curve import Tick, ticks
from langgraph_gepa.report.tradeoff_view import TradeoffView, amount
from langgraph_gepa.search.tradeoffs import Tradeoff

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 16.0, 14.0, 40.0


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

    width: float
    height: float
    left: float
    right: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: str
    dots: tuple[Dot, ...]


def draw_tradeoffs(view: TradeoffView, width: float = 560, height: float = 300) -> Plot | None:
    """Draws the plot; `None` where there is nothing to choose from."""
    known = [one for one in view.known if view.against in one.validation]
    if len(view.front) < 2 or len(known) < 2:
        return None
    right, bottom = width - _RIGHT, height - _BOTTOM
    x_values, y_values = (_axis([one.validation[name] for one in known]) for name in (view.against, SCORE))

    def place(one: Tradeoff) -> tuple[float, float]:
        across = (one.validation[view.against] - x_values[0]) / (x_values[-1] - x_values[0])
        up = (one.validation[SCORE] - y_values[0]) / (y_values[-1] - y_values[0])
        return round(_LEFT + (right - _LEFT) * across, 1), round(bottom - (bottom - _TOP) * up, 1)

    front = {one.candidate for one in view.front}
    line = sorted(place(one) for one in known if one.candidate in front)
    return Plot(
        width,
        height,
        _LEFT,
        right,
        bottom,
        tuple(
            Tick(
                round(_LEFT + (right - _LEFT) * n / (len(x_values) - 1), 1), amount({view.against: value}, view.against)
            )
            for n, value in enumerate(x_values)
        ),
        tuple(
            Tick(round(bottom - (bottom - _TOP) * n / (len(y_values) - 1), 1), f"{value:.3g}")
            for n, value in enumerate(y_values)
        ),
        "M" + "L".join(f"{x} {y}" for x, y in line),
        tuple(Dot(*place(one), one.candidate, one.candidate in front, _about(one, view)) for one in known),
    )


def _axis(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(low) * 0.1 or 0.1
    return ticks(low - room, high + room, 4)


def _about(one: Tradeoff, view: TradeoffView) -> str:
    means = ", ".join(f"{name} {amount(one.validation, name)}" for name in (SCORE, view.against))
    return f"Candidate {one.candidate}: {means}"
