"""Puts the calls of a rollout in an order that does not depend on which thread was quicker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

TaskOrder = tuple[Any, ...]
"""Sorts the tasks of one graph run: the super-step, then the task's path in it, as values that can be compared."""

TaskPath = tuple[tuple[UUID | None, TaskOrder], ...]
"""From the outside in, each graph run around a call, and the order of the task in it."""


@dataclass(frozen=True, slots=True)
class TaskPosition:
    """The task that a callback comes from; `namespace` is LangGraph's checkpoint namespace of the innermost task."""

    namespace: str = ""
    path: TaskPath = ()


def task_position(metadata: Mapping[str, Any], parent: UUID | None, above: TaskPosition | None) -> TaskPosition:
    """Returns the position of a callback run from its metadata and from the position `above` of its parent run."""
    above = above or TaskPosition()
    namespace = metadata.get("langgraph_checkpoint_ns")
    if not isinstance(namespace, str) or not namespace or namespace == above.namespace:
        return above
    path = metadata.get("langgraph_path")
    order = (int(metadata.get("langgraph_step") or 0), *_comparable(path if isinstance(path, tuple | list) else ()))
    return TaskPosition(namespace, (*above.path, (parent, order)))


def in_order(paths: Sequence[TaskPath]) -> list[int]:
    """Returns the indices of calls, whose `paths` are given in the order they began, sorted by task.

    Tasks of one graph run are sorted by super-step and, side by side in it, by their path, as `Send` numbers them.
    Within a task, calls and runs of other graphs stay as they began.
    """
    return list(_in_task(range(len(paths)), 0, paths))


def _in_task(indices: Sequence[int], depth: int, paths: Sequence[TaskPath]) -> Iterator[int]:
    parts: dict[Any, list[int]] = {}
    for index in indices:
        deeper = len(paths[index]) > depth
        parts.setdefault(("run", paths[index][depth][0]) if deeper else ("call", index), []).append(index)
    for (kind, _), part in parts.items():
        if kind == "call":
            yield part[0]
            continue
        tasks: dict[TaskOrder, list[int]] = {}
        for index in part:
            tasks.setdefault(paths[index][depth][1], []).append(index)
        for order in sorted(tasks):
            yield from _in_task(tasks[order], depth + 1, paths)


def _comparable(path: Sequence[Any]) -> Iterator[tuple[int, int, str]]:
    for part in path:
        if isinstance(part, tuple | list):
            yield from _comparable(part)
        elif isinstance(part, int):
            yield 0, int(part), ""
        else:
            yield 1, 0, str(part)
