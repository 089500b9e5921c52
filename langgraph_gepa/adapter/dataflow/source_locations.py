"""Where a text in memory is written.

A module is its place, not its text. The place of a string is, in this order: the expression in
a function's code; the module constant that holds this very object; the one literal in the
project's files that says it; else the object that carries it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from langchain_core.tools import BaseTool

from langgraph_gepa.adapter.dataflow.flow import Reading
from langgraph_gepa.adapter.objects import definitions, functions, ownership, source_code
from langgraph_gepa.adapter.objects.definitions import Place
from langgraph_gepa.adapter.objects.place import Slot
from langgraph_gepa.adapter.objects.walk import Walk


class Places:
    """Finds the places of the texts of one walk."""

    def __init__(self, walk: Walk, users: Mapping[int, Sequence[str]], readings: Iterable[Reading]) -> None:
        self.walk = walk
        self.said = {key: place for reading in readings for key, place in _said(reading)}
        self.users = users
        self.modules = [
            module
            for name in list(sys.modules)
            if (module := ownership.module_named(name)) is not None
            and ownership.own(name)
            and (ownership.file_of(module) or name == "__main__")
        ]
        self.constants: dict[int, list[tuple[ModuleType, str]]] = {}
        for module in self.modules:
            for name, value in list(ownership.names_in(module).items()):
                if issubclass(type(value), str) and not name.startswith("__"):
                    self.constants.setdefault(id(value), []).append((module, name))
        self._literals: dict[str, list[tuple[str, int, int]]] = {}

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The source files of the project's modules."""
        return tuple(sorted({file for module in self.modules if (file := ownership.file_of(module)).endswith(".py")}))

    def constant(self, text: str) -> str:
        """The name of the one module constant that is a text; empty when there is none, or there are several."""
        names = {
            name
            for module in self.modules
            for name, value in list(ownership.names_in(module).items())
            if type(value) is str and value == text
        }
        return names.pop() if len(names) == 1 else ""

    def of(self, slot: Slot) -> Place:
        owner = self.walk.nodes[slot.owner].value
        match slot.step:
            case ("code", tuple(where)):
                filename = owner.__code__.co_filename
                line, column = where[:2]
                return Place(("literal", filename, line, column), filename, line)
            case ("doc",) if isinstance(owner, type):
                return definitions.class_docstring(owner)
            case ("doc",):
                return self._docstring(owner, slot)
            case ("source",) if Path(owner.filename or "").is_file():  # a template that jinja2 loaded
                return Place(("file", owner.filename), owner.filename, 1)
            case ("described", name):
                return self._description(owner, str(name), slot)
            case ("global" | "import" | "closure", *_, name):
                names = functions.namespace(owner, slot.step)
                if (home := definitions.home(names, str(name), slot.text)) is not None:
                    return home
            case ("field" | "member", name):
                return definitions.field(owner, str(name), slot.text) or Place((slot.owner, slot.step), name=str(name))
            case ("default" | "kwdefault", name) if (home := definitions.argument(owner, name, slot.text)) is not None:
                return home
        made = definitions.made_from(owner, slot.text) if isinstance(owner, BaseTool) else None
        if made is not None:
            return self._docstring(made, slot)
        if slot.step[0] == "attr" and definitions.is_default(owner, str(slot.step[1]), slot.text):
            name = str(slot.step[1])
            return definitions.field(type(owner), name, slot.text) or Place((slot.owner, slot.step), name=name)
        return self._string(slot)

    def _docstring(self, function: FunctionType, slot: Slot) -> Place:
        """Where a docstring is written: in its function, or wherever it was taken from."""
        own = definitions.docstring(function)
        if own.file is None and (taken := self._string(slot)).file is not None:
            return taken
        return own

    def _description(self, cls: type, field: str, slot: Slot) -> Place:
        """Where a field is described: in its class, in the function a tool was made from, or wherever else."""
        for file, node in (*definitions.members(cls, field), *self._makers(slot.owner)):
            for inner in source_code.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    if definitions.says(inner.value, slot.text):
                        return Place(("literal", file, inner.lineno, inner.col_offset), file, inner.lineno)
                    at = definitions.argument_at(inner.value, field, slot.text)
                    if at is not None:
                        line = inner.lineno + inner.value.count("\n", 0, at)
                        return Place(("described", file, line), file, line)
        found = self._written(slot.text)
        if len(found) == 1:
            return Place(("literal", *found[0]), *found[0][:2])
        return Place(("described", slot.tool, field))

    def _makers(self, arguments: int) -> Iterator[tuple[str, ast.AST]]:
        """The functions of the tools that take these arguments."""
        for holder, _ in self.walk.holders[arguments]:
            function = definitions.function_of(self.walk.nodes[holder].value)
            made = definitions.undecorated(function) if function is not None else None
            found = source_code.source(made.__code__) if made is not None else None
            if made is not None and found is not None:
                yield made.__code__.co_filename, found.node

    def _string(self, slot: Slot) -> Place:
        value = _value(self.walk, slot)
        if id(value) in self.said:
            return self.said[id(value)]
        homes = {
            home.key: home
            for module, name in self.constants.get(id(value), ())
            if (home := definitions.home(ownership.names_in(module), name, value))
        }
        assigned = [home for home in homes.values() if home.file is not None]
        if len(assigned) == 1:
            return assigned[0]
        literals = self._written(slot.text)
        if len(literals) > 1:
            literals = list(self._assigned(slot)) or literals
        if len(literals) == 1:
            file, line, _ = literals[0]
            return Place(("literal", *literals[0]), file, line)
        if (
            len(homes) == 1
        ):  # a name that nothing assigns is no home of what is written elsewhere: a loop left it behind
            return next(iter(homes.values()))
        if not literals and len(slot.text) > _INTERNED:
            return Place(("object", id(value)))
        # Equal literals may be one object: what one node uses is then taken for one text.
        return Place(("shared", id(value), *self.users.get(slot.owner, (slot.owner, slot.step))))

    def _assigned(self, slot: Slot) -> Iterator[tuple[str, int, int]]:
        """Where the value of the global name that holds a text says it."""
        key, met = slot.owner, set[int]()
        while key not in met and isinstance(self.walk.nodes[key].value, dict | list | tuple):
            met.add(key)
            for holder, step in self.walk.holders[key]:
                value = self.walk.nodes[holder].value
                if (
                    step[0] in functions.LOOKUPS
                    and (found := definitions.assigned_value(functions.namespace(value, step), str(step[-1])))
                    is not None
                ):
                    yield from definitions.saying(*found, slot.text)
                    return
            key = next((holder for holder, _ in self.walk.holders[key]), key)

    def _written(self, text: str) -> list[tuple[str, int, int]]:
        """Where the project's files write this text as one literal."""
        if text not in self._literals:
            self._literals[text] = list(self._search(text))
        return self._literals[text]

    def _search(self, text: str) -> Iterator[tuple[str, int, int]]:
        words = max((w for w in text.replace("{", " ").replace("}", " ").split() if w.isalnum()), key=len, default=text)
        for filename in self.sources:
            if source_code.mentions(filename, words):
                yield from definitions.saying(filename, None, text)


def _said(reading: Reading) -> Iterator[tuple[int, Place]]:
    """The strings a function's code makes its texts of: an object that holds one has it from there."""
    constants = {const: id(const) for const in _constants(reading.function.__code__)}
    file = reading.function.__code__.co_filename
    for where, literal in reading.texts.items():
        if literal.style == "plain" and literal.text in constants and len(literal.text) > _INTERNED:
            yield constants[literal.text], Place(("literal", file, *where[:2]), file, where[0])


def _constants(compiled: CodeType) -> Iterator[str]:
    for const in compiled.co_consts:
        if isinstance(const, str):
            yield const
        elif isinstance(const, CodeType):
            yield from _constants(const)


_INTERNED = 20
"""Strings up to this length may be one object by accident."""


def relative(file: str | None) -> str | None:
    """A file's path from the working directory when it lies below it."""
    if file is None:
        return None
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _value(walk: Walk, slot: Slot) -> str:
    for step, part in walk.nodes[slot.owner].parts:
        if step == slot.step and type(part) is str:
            return part
    return slot.text
