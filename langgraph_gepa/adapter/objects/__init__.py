"""The parts of every kind of object that can carry a text, and copies of objects with parts replaced.

A handler knows one kind of object. Its `parts` are the objects it holds, each under a step. A copy differs from the
original only in the parts under the given steps. Objects may hold each other in cycles, so mutable ones are copied in
two passes: an empty `shell` of each, then `fill`. Immutable ones are copied whole by `make`.

To support a new kind of object, write a handler and add it to `_HANDLERS`.
"""

from __future__ import annotations

from typing import Any

from langgraph_gepa.adapter.objects import classes, containers, functions, graphs, instances, ownership, schemas
from langgraph_gepa.adapter.objects.handler import ABSENT, Copies, Handler, Step

__all__ = [
    "ABSENT",
    "Copies",
    "Handler",
    "Step",
    "classes",
    "containers",
    "functions",
    "handler",
    "ownership",
    "schemas",
]

_HANDLERS: tuple[Handler, ...] = (
    *functions.HANDLERS,
    *containers.HANDLERS,
    *classes.HANDLERS,
    *schemas.HANDLERS,
    *graphs.HANDLERS,
    *instances.HANDLERS,
)


def handler(value: Any) -> Handler | None:
    """The handler of an object; `None` if nothing in it is of interest."""
    for candidate in _HANDLERS:
        if candidate.handles(value):
            return candidate
    return None
