"""Curves of gain over what was spent, and the file that keeps them between runs of `search.py`.

The file has a line of JSON for each world, seed and search.
Lines are appended as searches finish, so that a run that was stopped goes on where it was. Curves of the
gepa package are read back, as they depend on its version and the worlds only; ours are measured anew.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from worlds import Texts, World

Point = tuple[int, int, float]
"""Rollouts, reflections, gain."""

Curve = list[Point]
Job = tuple[str, str, int, int]
"""Family, search, seed, rollouts."""


def read_curves(path: Path) -> dict[Job, Curve]:
    """The curves in the file that hold for any version of ours; none when there is no file."""
    found: dict[Job, Curve] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        job, gepa, curve = json.loads(line)
        if gepa == version("gepa") and job[1].startswith("gepa "):
            found[tuple(job)] = [tuple(point) for point in curve]
    return found


def append_curve(path: Path, job: Job, curve: Curve) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps([job, version("gepa"), curve]) + "\n")


class Watch:
    """Notes the gain of what a search would return, each time the rollouts pass another step."""

    def __init__(self, world: World, step: int = 25) -> None:
        self.world = world
        self.step = step
        self.reflections = 0
        self.opinions: Callable[[], int] = lambda: 0
        self.curve: Curve = []
        self._next = step

    def see(self, rollouts: int, best: Callable[[], Texts]) -> None:
        if rollouts >= self._next:
            self._next = (rollouts // self.step + 1) * self.step
            self.curve.append(self._point(rollouts, best()))

    def end(self, rollouts: int, best: Texts) -> Curve:
        return [*self.curve, self._point(rollouts, best)]

    def _point(self, rollouts: int, best: Texts) -> Point:
        return rollouts, self.reflections + self.opinions(), self.world.gain(best)


def gain_at(curve: Iterable[tuple[int, float, float]], budget: float, price: float) -> float:
    """The gain of what would have been returned when `budget` was spent; 0, the seed's, before the first point."""
    reached = [gain for rollouts, reflections, gain in curve if rollouts + price * reflections <= budget]
    return reached[-1] if reached else 0.0


def spent_to(curve: Iterable[tuple[float, float]], target: float) -> float:
    """The first cost at which a curve of (cost, gain) is at the target; infinity when it never is."""
    return next((cost for cost, gain in curve if gain >= target - 1e-9), math.inf)


def mean_curve(curves: Sequence[Curve], price: int, most: int) -> list[tuple[float, float]]:
    """Running maximum of the mean gain over seeds, by cost."""
    best, points = 0.0, []
    for cost in range(25, most + 1, 25):
        best = max(best, statistics.fmean(gain_at(curve, cost, price) for curve in curves))
        points.append((float(cost), best))
    return points
