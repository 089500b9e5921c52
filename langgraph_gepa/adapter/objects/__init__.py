"""The parts of every kind of object that can carry a text, and how to copy it with parts replaced.

A handler knows one kind of object. Its `parts` lead to the objects it holds, each under a step;
its copy differs from the original in the parts under the given steps and in nothing else. Copies are
made in two rounds so that objects may hold each other in circles: first an empty `shell` of everything
that can be changed after it is made, then `fill`. What cannot be changed is made whole by `make`.

To teach the walk a new kind of object, write a handler and add it to `_HANDLERS`.
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
    """The handler for `value`, or `None` when nothing inside it is of interest."""
    for candidate in _HANDLERS:
        if candidate.handles(value):
            return candidate
    return None
