"""Curves kept in a file between runs of `search.py`: a line of JSON for each world, seed and search.

Lines are appended as searches finish, so that a run that was stopped goes on where it was. Curves of the
gepa package are read back, as they depend on its version and the worlds only; ours are measured anew.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

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
