"""Where a text in memory is written.

A module is its place, not its text. The place of a string is, in this order: the expression in
a function's code; the module constant that holds this very object; the one literal in the
project's files that says it; else the object that carries it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from langgraph_gepa.agent import code
from langgraph_gepa.agent.anatomy import territory
from langgraph_gepa.agent.flow import Reading
from langgraph_gepa.agent.slot import Slot
from langgraph_gepa.agent.walk import Walk


@dataclass(frozen=True, slots=True)
class Place:
    """`key` tells places apart; `name` is the constant's or field's own name, if it has one."""

    key: Hashable
    file: str | None = None
    line: int | None = None
    name: str = ""


class Places:
    """Finds the places of the texts of one walk."""

    def __init__(self, walk: Walk, users: Mapping[int, Sequence[str]], readings: Iterable[Reading]) -> None:
        self.walk = walk
        self.said = {key: place for reading in readings for key, place in _said(reading)}
        self.users = users
        self.modules = [
            module
            for name, module in list(sys.modules.items())
            if isinstance(module, ModuleType)
            and territory.own(name)
            and (getattr(module, "__file__", None) or name == "__main__")
        ]
        self.constants: dict[int, list[tuple[ModuleType, str]]] = {}
        for module in self.modules:
            for name, value in list(vars(module).items()):
                if issubclass(type(value), str) and not name.startswith("__"):
                    self.constants.setdefault(id(value), []).append((module, name))
        self._literals: dict[str, list[tuple[str, int, int]]] = {}

    def of(self, slot: Slot) -> Place:
        owner = self.walk.nodes[slot.owner].value
        match slot.step:
            case ("code", tuple(where)):
                filename = owner.__code__.co_filename
                line, column = where[:2]
                return Place(("literal", filename, line, column), filename, line)
            case ("doc",):
                return _class_docstring(owner) if isinstance(owner, type) else _docstring(owner)
            case ("described", name):
                return self._description(owner, str(name), slot)
            case ("global", name) if (home := _home(owner.__globals__, str(name), slot.text)) is not None:
                return home
            case ("global", *path, name) if path:
                module = owner.__globals__[str(path[0])]
                for part in path[1:]:
                    module = vars(module)[str(part)]
                if (home := _home(vars(module), str(name), slot.text)) is not None:
                    return home
            case ("field" | "member", name):
                return _field(owner, str(name), slot)
            case ("default" | "kwdefault", name) if (home := _argument(owner, name, slot.text)) is not None:
                return home
        if isinstance(owner, BaseTool) and (made := _made_from(owner, slot.text)) is not None:
            return _docstring(made)
        if slot.step[0] == "attr" and _is_default(owner, str(slot.step[1]), slot.text):
            return _field(type(owner), str(slot.step[1]), slot)
        return self._string(slot)

    def _description(self, cls: type, field: str, slot: Slot) -> Place:
        """Where a field is described: in its class, in the function a tool was made from, or wherever else."""
        for file, node in (*_members(cls, field), *self._makers(slot.owner)):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    if _says(inner.value, slot.text):
                        return Place(("literal", file, inner.lineno, inner.col_offset), file, inner.lineno)
                    before, met, _ = inner.value.partition(slot.text)
                    if met and f"{field}" in before.rpartition("\n")[2]:
                        line = inner.lineno + before.count("\n")
                        return Place(("described", file, line), file, line)
        found = self._written(slot.text)
        if len(found) == 1:
            return Place(("literal", *found[0]), *found[0][:2])
        return Place(("described", slot.tool, field))

    def _makers(self, arguments: int) -> Iterator[tuple[str, ast.AST]]:
        """The functions of the tools that take these arguments."""
        for holder, _ in self.walk.holders[arguments]:
            made = _function_of(self.walk.nodes[holder].value)
            found = code.source(made.__code__) if made is not None else None
            if made is not None and found is not None:
                yield made.__code__.co_filename, found.node

    def _string(self, slot: Slot) -> Place:
        value = _value(self.walk, slot)
        if id(value) in self.said:
            return self.said[id(value)]
        homes = {
            home.key: home
            for module, name in self.constants.get(id(value), ())
            if (home := _home(vars(module), name, value))
        }
        if len(homes) == 1:
            return next(iter(homes.values()))
        literals = self._written(slot.text)
        if len(literals) > 1:
            literals = list(self._assigned(slot)) or literals
        if len(literals) == 1:
            file, line, _ = literals[0]
            return Place(("literal", *literals[0]), file, line)
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
                if step[0] == "global" and (found := _statement(value.__globals__, str(step[1]))) is not None:
                    yield from _saying(*found, slot.text)
                    return
            key = next((holder for holder, _ in self.walk.holders[key]), key)

    def _written(self, text: str) -> list[tuple[str, int, int]]:
        """Where the project's files write this text as one literal."""
        if text not in self._literals:
            self._literals[text] = list(self._search(text))
        return self._literals[text]

    def _search(self, text: str) -> Iterator[tuple[str, int, int]]:
        words = max((w for w in text.replace("{", " ").replace("}", " ").split() if w.isalnum()), key=len, default=text)
        for filename in sorted({str(getattr(module, "__file__", "")) for module in self.modules}):
            parsed = code.file(filename) if filename.endswith(".py") else None
            if parsed is None or not any(words in line for line in parsed.lines):
                continue
            yield from _saying(filename, parsed.tree, text)


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
        if step == slot.step and isinstance(part, str):
            return part
    return slot.text


def _saying(filename: str, within: ast.AST, text: str) -> Iterator[tuple[str, int, int]]:
    for node in ast.walk(within):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _says(node.value, text):
            yield filename, node.lineno, node.col_offset


def _says(literal: str, text: str) -> bool:
    return literal == text or (len(literal) >= len(text) and inspect.cleandoc(literal) == text)


def _home(names: dict[str, Any], name: str, value: str) -> Place | None:
    """The module that assigns a global name, through any imports of it."""
    module, name, written = _assigning(names, name)
    if module is not None and written is not None:
        return _written_at(written, str(module.__file__), ("global", module.__name__, name), name)
    if module is not None:
        return Place(("global", module.__name__, name), None, None, name)
    return Place(("names", id(names), name), None, None, name) if value else None


def _statement(names: dict[str, Any], name: str) -> tuple[str, ast.expr] | None:
    module, _, written = _assigning(names, name)
    return (str(module.__file__), written) if module is not None and written is not None else None


def _assigning(names: dict[str, Any], name: str) -> tuple[ModuleType | None, str, ast.expr | None]:
    """The module that assigns a global name, the name there, and the value as it is written."""
    module, met = sys.modules.get(names.get("__name__", "")), set()
    while isinstance(module, ModuleType) and (module.__name__, name) not in met:
        met.add((module.__name__, name))
        parsed = code.file(getattr(module, "__file__", None) or "")
        if parsed is None:
            break
        for statement in parsed.tree.body:
            if (written := _assigned(statement, name)) is not None:
                return module, name, written
        found = _imported(parsed.tree, module, name)
        if found is None:
            break
        module, name = found
    return (module if isinstance(module, ModuleType) else None), name, None


def _written_at(value: ast.expr, file: str, otherwise: Hashable, name: str) -> Place:
    """The place of an assigned value: the literal it is, or the name it is assigned to."""
    literal = isinstance(value, ast.Constant)
    return Place(("literal", file, value.lineno, value.col_offset) if literal else otherwise, file, value.lineno, name)


def _assigned(statement: ast.stmt, name: str) -> ast.expr | None:
    """The value, when the statement assigns it to `name` (also inside `if` and `try`)."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            if any(isinstance(t, ast.Name) and t.id == name for target in targets for t in ast.walk(target)):
                return value
        case ast.AnnAssign(target=ast.Name(id=assigned), value=ast.expr() as value) if assigned == name:
            return value
        case ast.If() | ast.Try() | ast.With():
            for inner in ast.walk(statement):
                if isinstance(inner, ast.Assign | ast.AnnAssign) and (found := _assigned(inner, name)) is not None:
                    return found
    return None


def _imported(tree: ast.Module, module: ModuleType, name: str) -> tuple[ModuleType, str] | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name or alias.name == "*":
                    package = (module.__package__ or "").split(".")
                    base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                    source = sys.modules.get(".".join(filter(None, (base, node.module))))
                    if isinstance(source, ModuleType) and (alias.name != "*" or name in vars(source)):
                        return source, name if alias.name == "*" else alias.name
    return None


def _argument(function: FunctionType, which: object, text: str) -> Place | None:
    """Where a function's signature gives an argument its default."""
    found = code.source(function.__code__)
    if found is None:
        return None
    given = found.node.args
    named = {argument.arg: default for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
    default = given.defaults[which] if isinstance(which, int) and which < len(given.defaults) else named.get(str(which))
    file = function.__code__.co_filename
    for _, line, column in _saying(file, default, text) if default is not None else ():
        return Place(("literal", file, line, column), file, line)
    return None


def _is_default(owner: Any, name: str, text: str) -> bool:
    """Whether an object has an attribute as its class, a user's, gives it."""
    cls = type(owner)
    fields = getattr(cls, "__pydantic_fields__", {})
    given = fields[name].default if name in fields else getattr(cls, name, None)
    return territory.own(cls.__module__) and isinstance(given, str) and given == text


def _field(cls: type, name: str, slot: Slot) -> Place:
    for base in cls.__mro__:
        module = sys.modules.get(base.__module__)
        for file, node in _definitions(base):
            for statement in node.body:
                written = _assigned(statement, name)
                if written is None:
                    continue
                value = _default(written)
                if module is not None and (named := _names_of(value, vars(module))) is not None:
                    return _home(*named, slot.text) or Place(("field", cls, name))
                return _written_at(value, file, ("field", base.__module__, base.__qualname__, name), name)
    return Place(("step", slot.owner, slot.step), None, None, name)


def _names_of(node: ast.expr, names: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The global names in which an expression such as `PROMPT` or `prompts.PROMPT` looks its last one up."""
    match node:
        case ast.Name(id=name) if name in names:
            return names, name
        case ast.Attribute(value=base, attr=attr) if (found := _names_of(base, names)) is not None:
            module = found[0][found[1]]
            return (vars(module), attr) if isinstance(module, ModuleType) and attr in vars(module) else None
    return None


def _definitions(cls: type) -> Iterator[tuple[str, ast.ClassDef]]:
    """Where a class is written: its file, with what its body says."""
    file = str(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")
    parsed = code.file(file)
    if parsed is not None:
        yield from ((file, node) for node in parsed.classes.get(cls.__name__, ()))


def _members(cls: type, name: str) -> Iterator[tuple[str, ast.AST]]:
    """The statements of a class and of what it inherits from that declare a name."""
    for base in cls.__mro__:
        for file, node in _definitions(base):
            for statement in node.body:
                match statement:
                    case ast.AnnAssign(target=ast.Name(id=declared)) if declared == name:
                        yield file, statement


def _class_docstring(cls: type) -> Place:
    for file, node in _definitions(cls):
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str(text))) if text == cls.__doc__ or _says(text, cls.__doc__ or ""):
                return Place(("doc", file, node.body[0].lineno), file, node.body[0].lineno)
    return Place(("doc", cls))


def _default(value: ast.expr) -> ast.expr:
    """The default inside `field(default="...")` or `Field("...")`."""
    if isinstance(value, ast.Call):
        given = [k.value for k in value.keywords if k.arg == "default"] + value.args[:1]
        return given[0] if given else value
    return value


def _made_from(tool: BaseTool, description: str) -> FunctionType | None:
    """The function a tool was made from, if its docstring is the tool's description."""
    function = _function_of(tool)
    if function is None or not function.__doc__:
        return None
    return function if " ".join(function.__doc__.split()).startswith(" ".join(description.split())) else None


def _function_of(tool: Any) -> FunctionType | None:
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None)
    while isinstance(function, partial | MethodType):
        function = function.func if isinstance(function, partial) else function.__func__
    return function if isinstance(function, FunctionType) else None


def _docstring(function: FunctionType) -> Place:
    found = code.source(function.__code__)
    line = function.__code__.co_firstlineno
    if found is not None and isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
        line = found.node.body[0].lineno
    return Place(("doc", function.__code__.co_filename, line, id(function)), function.__code__.co_filename, line)
