"""Geometry of the axes of a chart, in the units of its SVG view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 16.0, 14.0, 40.0
"""Margins around the plotted area."""


@dataclass(frozen=True, slots=True)
class Axes:
    """A chart's size and the values at the ends of its axes; `x` and `y` place values on them."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    @property
    def left(self) -> float:
        return _LEFT

    @property
    def right(self) -> float:
        return self.width - _RIGHT

    @property
    def top(self) -> float:
        return _TOP

    @property
    def bottom(self) -> float:
        return self.height - _BOTTOM

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(self.left + (self.right - self.left) * (value - low) / (high - low), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return round(self.bottom - (self.bottom - self.top) * (value - low) / (high - low), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Returns the first and the last value."""
    return values[0], values[-1]


def ticks(low: float, high: float, about: int) -> list[float]:
    """About `about` round values, the first at or below `low` and the last at or above `high`."""
    rough = (high - low) / about
    size = 10 ** floor(log10(rough))
    step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def labels(values: Sequence[float]) -> list[str]:
    """Writes values at equal distances with the decimals that their distance needs."""
    decimals = max(0, -floor(log10(values[1] - values[0]) + 1e-9))
    return [f"{value:.{decimals}f}" for value in values]
