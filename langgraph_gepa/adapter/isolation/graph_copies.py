"""Copies graphs with texts replaced: only objects on the way to a replaced text are copied."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Collection, Container, Mapping
from functools import lru_cache
from types import CellType, ModuleType
from typing import Any

from langgraph_gepa.adapter.isolation import mutable_state
from langgraph_gepa.adapter.objects import Step, containers, imports
from langgraph_gepa.adapter.objects.walk import Walk


def copied(walk: Walk, root: Any, texts: Mapping[tuple[int, Step], str], keys: Collection[int]) -> Any:
    """A copy of `root` with texts replaced; `keys` are the ids of the objects that lead to the texts."""
    return copies_of(walk, texts, keys)(id(root))


def copies_of(walk: Walk, texts: Mapping[tuple[int, Step], str], keys: Collection[int]) -> Callable[[int], Any]:
    """A function from the id of an object, one of `keys`, to its copy.

    What the copied functions write to is copied as well, so that they change nothing of the original.
    """
    known = mutable_state.known(walk.root).within(walk)
    keys = known.own({id(walk.root), *keys}, walk)
    copies = _Copies(walk, {**known.held(keys, walk), **texts}, keys, known.namespaces(walk), known.lengths(keys))
    for key in keys:
        copies.shell(key)
    for key in keys:
        copies.fill(key)
    mutable_state.remember(copies.of(id(walk.root)), known.among(copies.made))
    return copies.of


def for_a_rollout(graph: Any) -> Any:
    """A copy of a graph with its own mutable state; the graph itself if its functions write to nothing."""
    if not mutable_state.known(graph).written:
        return graph
    walk, keys = _changing(graph)
    return copied(walk, graph, {}, keys) if keys else graph


@lru_cache(maxsize=64)  # about as many as bound graphs are in use
def _changing(graph: Any) -> tuple[Walk, set[int]]:
    walk = Walk(graph)
    return walk, mutable_state.known(graph).within(walk).changing(walk)


class _Copies:
    """The copies of one binding. Each object is copied once, so that shared objects stay shared."""

    def __init__(
        self,
        walk: Walk,
        texts: Mapping[tuple[int, Step], Any],
        keys: Collection[int],
        assigned: Container[int],
        lengths: Mapping[int, int],
    ) -> None:
        self.walk = walk
        self.keys = keys
        self.assigned = assigned
        self.lengths = lengths
        self.made: dict[int, Any] = {}
        self.making: set[int] = set()
        self.filled: set[int] = set()
        self.modules: dict[int, tuple[dict[str, Any], ModuleType]] = {}
        self.texts: dict[int, dict[Step, Any]] = {}
        for (owner, step), text in texts.items():
            self.texts.setdefault(owner, {})[step] = text

    def shell(self, key: int) -> None:
        """Makes the unfilled copy of an object, if it is not copied whole."""
        node = self.walk.nodes[key]
        if key not in self.made and key not in self.making and not node.handler.whole:
            self.making.add(key)
            steps: dict[Step, str | None] = {step: None for step, part in node.parts if id(part) in self.keys}
            self.made[key] = node.handler.shell(node.value, {**steps, **self.texts.get(key, {})}, self)

    def fill(self, key: int) -> None:
        """Puts the parts into an object's copy, if it is not copied whole."""
        node = self.walk.nodes[key]
        if key not in self.filled and not node.handler.whole:
            self.filled.add(key)
            self._complete_keys(key)
            node.handler.fill(node.value, self.of(key), self._changes(key), self)
            if key in self.lengths:
                containers.shorten(self.of(key), self.lengths[key])

    def _complete_keys(self, key: int) -> None:
        """Fills the keys of a mapping or set and all they hold, since their hash may depend on it."""
        todo = [id(part) for step, part in self.walk.nodes[key].parts if step[0] == "key"]
        met = set[int]()
        while todo:
            part = todo.pop()
            if part in self.keys and part not in met:
                met.add(part)
                self.fill(part)
                todo += [inner for _, inner in self.walk.held(part)]

    def of(self, key: int) -> Any:
        """The copy of an object. One that is copied whole is made now, after its parts."""
        node = self.walk.nodes[key]
        if not node.handler.whole:
            self.shell(key)
        elif key not in self.made:
            self._complete_keys(key)
            self.made[key] = node.handler.make(node.value, self._changes(key))
        return self.made.get(key, node.value)  # a class that names itself is still being made

    def cell(self, cell: CellType) -> CellType:
        copy: CellType = self.part(cell)
        return copy

    def part(self, part: Any) -> Any:
        return self.of(id(part)) if id(part) in self.keys else part

    def module(self, names: dict[str, Any]) -> ModuleType:
        if id(names) not in self.modules:
            copy = ModuleType(str(names.get("__name__")), names.get("__doc__"))
            vars(copy).update(names)
            self.modules[id(names)] = names, copy
        return self.modules[id(names)][1]

    def imports_copies(self, names: dict[str, Any]) -> None:
        held = names.get("__builtins__", builtins)
        own = vars(held) if issubclass(type(held), ModuleType) else held
        if isinstance(own, imports.Builtins) and own.importer.modules is self.modules:
            return
        made = names["__builtins__"] = imports.Builtins(own, self.modules)
        library = own.importer.copy_of(importlib) if isinstance(own, imports.Builtins) else importlib
        copy, by_name = self.module(vars(library)), library.import_module
        vars(copy)["import_module"] = made.importer.by_name(by_name)
        for name in [name for name, held in names.items() if held is library or held is by_name]:
            names[name] = copy if names[name] is library else copy.import_module

    def is_assigned(self, names: dict[str, Any]) -> bool:
        return id(names) in self.assigned

    def _changes(self, key: int) -> dict[Step, Any]:
        parts = self.walk.nodes[key].parts
        return {
            **{step: self.of(id(part)) for step, part in parts if id(part) in self.keys},
            **self.texts.get(key, {}),
        }
