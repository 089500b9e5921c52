"""The objects a graph is made of, each met once, and how they hold each other."""

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
    """An object on the way. It is kept here so that its identity stays its own. Parts that are texts are plain `str`:
    a subclass of the user's may do anything when it is compared."""

    value: Any
    handler: Handler
    parts: tuple[tuple[Step, Any], ...]


_LONG = 100
"""Entries from which a container counts as one with rows of data."""
_ROWS = 2_000
"""Entries of all such containers that are looked at: what holds more of them holds data."""


def _node(value: Any) -> Node | None:
    """The object with its parts; `None` where nothing inside it is of interest."""
    try:
        found = objects.handler(value)
        return None if found is None else Node(value, found, tuple(_plain(found.parts(value))))
    except Exception:  # noqa: BLE001 - an object of the user's that raises when it is looked at: it has nothing for us
        return None


def _plain(parts: Iterable[tuple[Step, Any]]) -> Iterator[tuple[Step, Any]]:
    for step, part in parts:
        yield step, str.__str__(part) if _text(part) else part


def _text(value: Any) -> bool:
    """Whether a value is a text: of an enum's members their class holds it."""
    return issubclass(type(value), str) and not issubclass(type(value), enum.Enum)


def until_raised(found: Callable[[], Iterable[T]]) -> Iterator[T]:
    """What is found in an object of the user's until it raises: its properties and comparisons may do anything."""
    try:
        yield from found()
    except Exception:  # noqa: BLE001 - as above; who walks a graph must come to the other objects
        return


class Walk:
    """Everything reachable from `root` that has a handler, in a stable order. Objects are known by identity."""

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
        """The parts of an object that are objects of the walk themselves."""
        for step, part in self.nodes[key].parts:
            if id(part) in self.nodes:
                yield step, id(part)

    def above(self, keys: set[int]) -> set[int]:
        """The objects that hold one of `keys`, through any number of others, and these."""
        found, todo = set(keys), list(keys)
        while todo:
            for holder, _ in self.holders[todo.pop()]:
                if holder not in found:
                    found.add(holder)
                    todo.append(holder)
        return found
