"""Visits every object that a graph is made of once, and records how they hold each other."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from langgraph_gepa.adapter import objects
from langgraph_gepa.adapter.objects import Handler, Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node:
    """An object with its parts. The reference keeps its id from being used again.

    Parts that are texts are plain `str`, since a subclass of the user's may run any code when compared.
    """

    value: Any
    handler: Handler
    parts: tuple[tuple[Step, Any], ...]


_LONG = 100
"""From this many entries, a container may hold rows of data."""
_ROWS = 2_000
"""Most entries that are visited in all such containers together: more are data."""


def _node(value: Any) -> Node | None:
    """The object with its parts; `None` if nothing in it is of interest."""
    try:
        found = objects.handler(value)
        if found is None:
            return None
        parts = ((step, str.__str__(part) if _text(part) else part) for step, part in found.parts(value))
        return Node(value, found, tuple(parts))
    except Exception:  # noqa: BLE001 - an object of the user's may raise anything when it is inspected
        return None


def _text(value: Any) -> bool:
    """Whether an object is a text; the text of an enum member belongs to its class."""
    return issubclass(type(value), str) and not issubclass(type(value), enum.Enum)


def until_raised(found: Callable[[], Iterable[T]]) -> Iterator[T]:
    """What is found in an object of the user's until it raises: its properties may run any code."""
    try:
        yield from found()
    except Exception:  # noqa: BLE001 - as above; the walk goes on with the other objects
        return


class Walk:
    """Every object reachable from `root` that has a handler, by id, in a stable order."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.nodes: dict[int, Node] = {}
        self.holders: dict[int, list[tuple[int, Step]]] = defaultdict(list)
        rows = _ROWS
        todo = [root]
        while todo:
            value = todo.pop()
            if id(value) in self.nodes or _text(value) or (node := _node(value)) is None:
                continue
            if len(node.parts) > _LONG and issubclass(type(value), dict | list | tuple):
                rows -= len(node.parts)
                if rows < 0:
                    continue
            self.nodes[id(value)] = node
            for step, part in node.parts:
                self.holders[id(part)].append((id(value), step))
            todo.extend(part for _, part in reversed(node.parts))

    def held(self, key: int) -> Iterator[tuple[Step, int]]:
        """The parts of an object that are objects of the walk, by id."""
        for step, part in self.nodes[key].parts:
            if id(part) in self.nodes:
                yield step, id(part)

    def above(self, keys: set[int]) -> set[int]:
        """The objects with these ids, and all objects that hold one of them, directly or through others."""
        found, todo = set(keys), list(keys)
        while todo:
            for holder, _ in self.holders[todo.pop()]:
                if holder not in found:
                    found.add(holder)
                    todo.append(holder)
        return found
