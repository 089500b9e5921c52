"""Names a run's graph, and makes the folder of a run for which the user named none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

NAMELESS = "LangGraph"
"""The name LangGraph gives a compiled graph that was given none."""
ANY_GRAPH = ("graph", "agent", "app", "workflow")
"""Names of attributes that do not describe a graph."""


def graph_name(name: str, graph: Any, files: Iterable[str | None] = ()) -> str:
    """The graph's own name; without one that of its file, or of the first of its texts' `files`."""
    if name != NAMELESS:
        return name
    if isinstance(graph, str):
        where, _, attribute = graph.rpartition(":")
        file = re.split(r"[./\\]", where.removesuffix(".py"))[-1]
        return file or attribute if attribute in ANY_GRAPH else attribute
    return next((Path(file).stem for file in files if file), name)


def new_folder(name: str) -> Path:
    """Makes a new run's folder under `runs`, named after the graph and the time.

    A run that started in the same second keeps its folder: this one gets a number.
    """
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "graph"
    first = Path("runs") / f"{slug}-{datetime.now():%Y%m%d-%H%M%S}"
    folder, numbers = first, count(2)
    while not _claimed(folder):
        folder = first.with_name(f"{first.name}-{next(numbers)}")
    return folder


def _claimed(folder: Path) -> bool:
    """Makes the folder and returns whether it did not exist. One that cannot be made is explained when it is opened."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return False
    except OSError:
        return True
    return True
