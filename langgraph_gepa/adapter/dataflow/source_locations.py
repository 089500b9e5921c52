"""Finds where the text at a place is written.

A module is identified by its source location, not by its text. That is, in this order: the expression in a function's
code; the module constant that holds the same object; the only literal in the project's files with this text; or else
the object that holds the text.
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
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk


class SourceLocations:
    """Finds the source locations of the places of one walk."""

    def __init__(self, walk: Walk, users: Mapping[int, Sequence[str]], readings: Iterable[Reading]) -> None:
        self.walk = walk
        self._read = {key: location for reading in readings for key, location in _literals(reading)}
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
        """The name of the only module constant with this text; empty if there is none or several."""
        names = {
            name
            for module in self.modules
            for name, value in list(ownership.names_in(module).items())
            if type(value) is str and value == text
        }
        return names.pop() if len(names) == 1 else ""

    def of(self, place: Place) -> SourceLocation:
        """Where the text at a place is written."""
        owner = self.walk.nodes[place.owner].value
        match place.step:
            case ("code", tuple(where)):
                return SourceLocation.of_literal(owner.__code__.co_filename, *where[:2])
            case ("doc",) if isinstance(owner, type):
                return definitions.class_docstring_location(owner)
            case ("doc",):
                return self._docstring(owner, place)
            case ("source",) if Path(owner.filename or "").is_file():  # a template that jinja2 loaded
                return SourceLocation(("file", owner.filename), owner.filename, 1)
            case ("described", name):
                return self._description(owner, str(name), place)
            case ("global" | "import" | "closure", *_, name):
                names = functions.namespace(owner, place.step)
                if (home := definitions.global_location(names, str(name), place.text)) is not None:
                    return home
            case ("field" | "member", name):
                return definitions.field_location(owner, str(name), place.text) or SourceLocation(
                    place.key, name=str(name)
                )
            case ("default" | "kwdefault", name) if (
                home := definitions.default_location(owner, name, place.text)
            ) is not None:
                return home
        made = definitions.described_function(owner, place.text) if isinstance(owner, BaseTool) else None
        if made is not None:
            return self._docstring(made, place)
        if place.step[0] == "attr" and definitions.is_default(owner, str(place.step[1]), place.text):
            name = str(place.step[1])
            return definitions.field_location(type(owner), name, place.text) or SourceLocation(place.key, name=name)
        return self._string(place)

    def _docstring(self, function: FunctionType, place: Place) -> SourceLocation:
        """Where a docstring is written: in its function, or where the function took it from."""
        own = definitions.docstring_location(function)
        if own.file is None and (taken := self._string(place)).file is not None:
            return taken
        return own

    def _description(self, cls: type, field: str, place: Place) -> SourceLocation:
        """Where a field's description is written: in its class, the function of a tool, or any literal."""
        for file, node in (*definitions.declarations(cls, field), *self._makers(place.owner)):
            for inner in source_code.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    if definitions.matches(inner.value, place.text):
                        return SourceLocation.of_literal(file, inner.lineno, inner.col_offset)
                    at = definitions.argument_at(inner.value, field, place.text)
                    if at is not None:
                        line = inner.lineno + inner.value.count("\n", 0, at)
                        return SourceLocation(("described", file, line), file, line)
        found = self._written(place.text)
        if len(found) == 1:
            return SourceLocation.of_literal(*found[0])
        return SourceLocation(("described", place.tool, field))

    def _makers(self, arguments: int) -> Iterator[tuple[str, ast.AST]]:
        """The syntax trees of the tools that take these arguments, with their files."""
        for holder, _ in self.walk.holders[arguments]:
            function = definitions.tool_function(self.walk.nodes[holder].value)
            made = definitions.undecorated(function) if function is not None else None
            found = source_code.source(made.__code__) if made is not None else None
            if made is not None and found is not None:
                yield made.__code__.co_filename, found.node

    def _string(self, place: Place) -> SourceLocation:
        value = _value(self.walk, place)
        if id(value) in self._read:
            return self._read[id(value)]
        homes = {
            home.key: home
            for module, name in self.constants.get(id(value), ())
            if (home := definitions.global_location(ownership.names_in(module), name, value))
        }
        assigned = [home for home in homes.values() if home.file is not None]
        if len(assigned) == 1:
            return assigned[0]
        literals = self._written(place.text)
        if len(literals) > 1:
            literals = list(self._assigned(place)) or literals
        if len(literals) == 1:
            return SourceLocation.of_literal(*literals[0])
        if len(homes) == 1:  # after the literals, as the name of a loop variable is assigned nowhere
            return next(iter(homes.values()))
        if not literals and len(place.text) > _INTERNED:
            return SourceLocation(("object", id(value)))
        # Equal literals may be one object, so all that one node uses counts as one text.
        return SourceLocation(("shared", id(value), *self.users.get(place.owner, place.key)))

    def _assigned(self, place: Place) -> Iterator[tuple[str, int, int]]:
        """The literals in the value of the global name that holds a text."""
        key, met = place.owner, set[int]()
        while key not in met and isinstance(self.walk.nodes[key].value, dict | list | tuple):
            met.add(key)
            for holder, step in self.walk.holders[key]:
                value = self.walk.nodes[holder].value
                if (
                    step[0] in functions.LOOKUPS
                    and (found := definitions.assigned_value(functions.namespace(value, step), str(step[-1])))
                    is not None
                ):
                    yield from definitions.literals_of(*found, place.text)
                    return
            key = next((holder for holder, _ in self.walk.holders[key]), key)

    def _written(self, text: str) -> list[tuple[str, int, int]]:
        """File, line and column of the literals with this text in the project's files."""
        if text not in self._literals:
            words = text.replace("{", " ").replace("}", " ").split()
            word = max((word for word in words if word.isalnum()), key=len, default=text)
            files = (file for file in self.sources if source_code.mentions(file, word))
            self._literals[text] = [one for file in files for one in definitions.literals_of(file, None, text)]
        return self._literals[text]


def _literals(reading: Reading) -> Iterator[tuple[int, SourceLocation]]:
    """The ids of the string constants in a function's code, with their locations."""
    constants = {const: id(const) for const in _constants(reading.function.__code__)}
    file = reading.function.__code__.co_filename
    for where, literal in reading.texts.items():
        if literal.style == "plain" and literal.text in constants and len(literal.text) > _INTERNED:
            yield constants[literal.text], SourceLocation.of_literal(file, *where[:2])


def _constants(compiled: CodeType) -> Iterator[str]:
    for const in compiled.co_consts:
        if isinstance(const, str):
            yield const
        elif isinstance(const, CodeType):
            yield from _constants(const)


_INTERNED = 20
"""Strings up to this length may be interned, so that unrelated ones are the same object."""


def relative(file: str | None) -> str | None:
    """The path of a file, relative to the working directory if it is below that."""
    if file is None:
        return None
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _value(walk: Walk, place: Place) -> str:
    for step, part in walk.nodes[place.owner].parts:
        if step == place.step and type(part) is str:
            return part
    return place.text
