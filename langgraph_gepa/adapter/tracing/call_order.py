"""The order of calls that does not depend on which thread was quicker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

Turn = tuple[Any, ...]
"""A task's turn in its graph: the super-step, then the task's path in it, as values that can be compared."""

Place = tuple[tuple[UUID | None, Turn], ...]
"""Where a call is: from the outside in, the run of a graph and the turn of the task in it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a callback's run is; `namespace` is LangGraph's own word for the innermost task."""

    namespace: str = ""
    place: Place = ()


def spot_of(metadata: Mapping[str, Any], parent: UUID | None, above: Spot | None) -> Spot:
    """The spot of a run from its metadata and the spot of the run that started it."""
    above = above or Spot()
    namespace = metadata.get("langgraph_checkpoint_ns")
    if not isinstance(namespace, str) or not namespace or namespace == above.namespace:
        return above
    path = metadata.get("langgraph_path")
    turn = (int(metadata.get("langgraph_step") or 0), *_comparable(path if isinstance(path, tuple | list) else ()))
    return Spot(namespace, (*above.place, (parent, turn)))


def in_order(places: Sequence[Place]) -> list[int]:
    """The positions of calls, given in the order they started, in their own order.

    Tasks of one graph's run come by super-step and, side by side in it, by their path, as `Send` numbers
    them. What happens inside a task, runs of other graphs included, comes as it started.
    """
    return list(_in_task(range(len(places)), 0, places))


def _in_task(positions: Sequence[int], depth: int, places: Sequence[Place]) -> Iterator[int]:
    parts: dict[Any, list[int]] = {}
    for position in positions:
        deeper = len(places[position]) > depth
        parts.setdefault(("run", places[position][depth][0]) if deeper else ("call", position), []).append(position)
    for (kind, _), part in parts.items():
        if kind == "call":
            yield part[0]
            continue
        tasks: dict[Turn, list[int]] = {}
        for position in part:
            tasks.setdefault(places[position][depth][1], []).append(position)
        for turn in sorted(tasks):
            yield from _in_task(tasks[turn], depth + 1, places)


def _comparable(path: Sequence[Any]) -> Iterator[tuple[int, int, str]]:
    for part in path:
        if isinstance(part, tuple | list):
            yield from _comparable(part)
        elif isinstance(part, int):
            yield 0, int(part), ""
        else:
            yield 1, 0, str(part)
