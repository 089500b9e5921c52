"""The objects a graph is made of, each met once, and how they hold each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langgraph_gepa.agent import anatomy
from langgraph_gepa.agent.anatomy import Handler, Step


@dataclass(frozen=True, slots=True)
class Node:
    """An object on the way. It is kept here so that its identity stays its own."""

    value: Any
    handler: Handler
    parts: tuple[tuple[Step, Any], ...]


class Walk:
    """Everything reachable from `root` that has a handler, in a stable order. Objects are known by identity."""

    def __init__(self, root: Any) -> None:
        self.nodes: dict[int, Node] = {}
        self.holders: dict[int, list[tuple[int, Step]]] = defaultdict(list)
        todo = [root]
        while todo:
            value = todo.pop()
            if id(value) in self.nodes or isinstance(value, str) or (found := anatomy.handler(value)) is None:
                continue
            node = Node(value, found, tuple(found.parts(value)))
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
