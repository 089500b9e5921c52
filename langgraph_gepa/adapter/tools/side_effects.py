"""Reads from a tool's code what it does to the world outside the process.

Parsing decides where it can. A tool whose whole code is seen and touches nothing is harmless, whatever its name. One
that starts a process, runs code, writes a file, sends a request that changes something or writes to a database
(`known_calls`) is not. Where the code goes on in objects that cannot be followed, names decide: those of the methods it
calls here, and those of the tool and in its description in `stand_ins` (`name_hints`).
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import ownership, source_code
from langgraph_gepa.adapter.tools import known_calls
from langgraph_gepa.adapter.tools.name_hints import is_acting_name, is_reading_name

MAX_DEPTH = 4
"""How many calls from one function into another are followed."""
_MISSING = object()


@dataclass(slots=True)
class SideEffects:
    """What a tool's code does to the world.

    `action` names the first call that acts, empty where none was seen. `unknown` says that some of the code could not
    be followed, `mutates` that it changes objects of the process that outlive the call.
    """

    action: str = ""
    unknown: bool = False
    mutates: bool = False
    visited: set[int] = field(default_factory=set)

    @property
    def none(self) -> bool:
        """Whether all of the code is known and touches nothing."""
        return not (self.action or self.unknown or self.mutates)


def side_effects(tool: BaseTool) -> SideEffects:
    """Returns what calling `tool` does, as far as its source shows."""
    found = SideEffects()
    _follow_tool(tool, found, 0)
    return found


def _follow_tool(tool: BaseTool, found: SideEffects, depth: int) -> None:
    functions = [one for name in ("func", "coroutine") if (one := getattr(tool, name, None)) is not None]
    if not functions:
        inherited = (BaseTool, StructuredTool, Tool)
        functions = [
            MethodType(method, tool)
            for name in ("_run", "_arun")
            if isinstance(method := inspect.getattr_static(type(tool), name, None), FunctionType)
            and not any(vars(kind).get(name) is method for kind in inherited)
        ]
    if not functions:
        found.unknown = True
    for function in functions:
        _follow(function, found, depth)


def _follow(called: Any, found: SideEffects, depth: int) -> None:
    """Adds what calling an object does."""
    called = inspect.unwrap(called) if isinstance(called, FunctionType) else called
    if isinstance(called, partial):
        _follow(called.func, found, depth)
    elif isinstance(called, MethodType):
        _follow_function(called.__func__, found, depth, called.__self__)
    elif isinstance(called, FunctionType):
        _follow_function(called, found, depth, None)
    elif isinstance(called, BaseTool):
        _follow_tool(called, found, depth + 1)
    elif not isinstance(called, Pregel):  # another agent, whose tools are judged themselves
        found.unknown = True


def _follow_function(function: Any, found: SideEffects, depth: int, owner: Any) -> None:
    if id(function.__code__) in found.visited:
        return
    found.visited.add(id(function.__code__))
    origin = source_code.source(function.__code__)
    if origin is None or depth > MAX_DEPTH:
        found.unknown = True
        return
    reader = _Reader(function, found, depth, owner)
    body = origin.node.body
    for statement in body if isinstance(body, list) else [body]:
        for node in ast.walk(statement):
            reader.read(node)


class _Reader:
    """Reads one function's syntax tree. In a library's function only calls that surely act count."""

    def __init__(self, function: FunctionType, found: SideEffects, depth: int, owner: Any) -> None:
        code = function.__code__
        self.found, self.depth, self.owner = found, depth, owner
        self.own = ownership.own_code(code, function.__module__)
        self.names: Mapping[str, Any] = {
            **vars(builtins),
            **function.__globals__,
            **dict(source_code.enclosed(function)),
        }
        self.local = {*code.co_varnames, *code.co_cellvars}
        self.self_name = code.co_varnames[0] if owner is not None and code.co_varnames else None
        self.imported: dict[str, str] = {}

    def read(self, node: ast.AST) -> None:
        """Adds what one node does, without the nodes in it."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
            self.imported |= {(one.asname or one.name): start + one.name for one in node.names}
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Global):
            self.found.mutates = True
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            self.found.mutates |= self._outlives_call(node)

    def _outlives_call(self, node: ast.expr) -> bool:
        """Whether an expression is part of an object that is not local to the function."""
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and (node.id not in self.local or node.id == self.self_name)

    def _call(self, node: ast.Call) -> None:
        path = _path(node.func)
        if path and path[0] in self.imported:
            self._library_call(".".join([self.imported[path[0]], *path[1:]]), node)
        elif path and (path[0] not in self.local or path[0] == self.self_name):
            value, known = self._resolved(path)
            if known:
                self._object_call(value, path, node)
            else:
                self._named_call(path[-1], node, self._outlives_call(node.func))
        elif isinstance(node.func, ast.Attribute):
            self._named_call(node.func.attr, node, False)
        elif not isinstance(node.func, ast.Lambda):
            self.found.unknown = True

    def _resolved(self, path: list[str]) -> tuple[Any, bool]:
        """The object that a dotted name stands for, and whether it is known. Looking up attributes runs no code."""
        if path[0] == self.self_name:
            value: Any = self.owner
        elif path[0] in self.names:
            value = self.names[path[0]]
        else:
            return None, False
        for name in path[1:]:
            holder = value
            value = inspect.getattr_static(value, name, _MISSING)
            if isinstance(value, staticmethod | classmethod):
                value = MethodType(value.__func__, holder) if isinstance(value, classmethod) else value.__func__
            elif isinstance(value, FunctionType) and not isinstance(holder, ModuleType | type):
                value = MethodType(value, holder)
            if value is _MISSING or isinstance(value, property):
                return None, False
        return value, True

    def _object_call(self, value: Any, path: list[str], node: ast.Call) -> None:
        """Adds what a call of a known object does."""
        module = getattr(value, "__module__", None) or ""
        holder = self._resolved(path[:-1])[0] if len(path) > 1 else None
        if isinstance(holder, Runnable) and path[-1] in known_calls.RUNNING_METHODS:
            if isinstance(holder, BaseTool):
                _follow_tool(holder, self.found, self.depth + 1)
        elif isinstance(value, type):
            if not ownership.own(module):  # a class of the user's only keeps what it is given
                self._library_call(f"{module}.{value.__name__}", node)
        elif isinstance(value, BuiltinFunctionType) and getattr(value, "__self__", None) is not None and module == "":
            self._named_call(path[-1], node, True)
        elif value is open or (isinstance(value, BuiltinFunctionType) and module in ("builtins", "io", "_io")):
            self._builtin_call(value, node)
        elif isinstance(value, FunctionType | MethodType | partial | BaseTool | Pregel):
            self._function_call(value, module, path, node)
        elif module:
            self._library_call(f"{module}.{path[-1]}", node)
        else:
            self._named_call(path[-1], node, self._outlives_call(node.func))

    def _function_call(self, value: Any, module: str, path: list[str], node: ast.Call) -> None:
        function = getattr(value, "__func__", value)
        is_function = isinstance(function, FunctionType)
        if is_function and known_calls.is_standard(module):
            self._library_call(f"{module}.{function.__name__}", node)
        elif is_function and not ownership.own_code(function.__code__, module) and self.own:
            self._library_call(f"{module}.{path[-1]}", node)
            if not self.found.action:
                _follow(value, self.found, max(self.depth, MAX_DEPTH - 2))
        else:
            _follow(value, self.found, self.depth + 1)

    def _builtin_call(self, value: Any, node: ast.Call) -> None:
        name = getattr(value, "__name__", "")
        if name in known_calls.CODE_RUNNERS:
            self._acts(name)
        elif name == "open" and known_calls.opens_for_writing(node):
            self._acts("open for writing")

    def _library_call(self, dotted: str, node: ast.Call) -> None:
        """Adds what a call does of which the module and the name are known."""
        if (action := known_calls.acting_call(dotted)) is not None:
            self._acts(action)
        elif not known_calls.is_standard(dotted):
            self._named_call(dotted.rpartition(".")[2], node, False)

    def _named_call(self, name: str, node: ast.Call, outlives: bool) -> None:
        """Judges a call that cannot be followed: by its SQL, then by names that are known, then by hints."""
        verb = known_calls.sql_verb(node)
        if verb in known_calls.WRITING_SQL:
            self._acts(f".{name} with {verb.upper()}")
        elif name in known_calls.SQL_METHODS and (verb in known_calls.READING_SQL or not self.own):
            return
        elif (
            name.startswith("execute")
            or (name == "run" and verb is not None)
            or (self.own and known_calls.is_path_method(name))
        ):
            self._acts(f".{name}")
        elif name in known_calls.VALUE_METHODS:
            self.found.mutates |= outlives and name in known_calls.MUTATING_METHODS
        elif self.own and is_acting_name(name):
            self._acts(f".{name}")
        elif not (self.own and is_reading_name(name)):
            self.found.unknown = True

    def _acts(self, action: str) -> None:
        self.found.action = self.found.action or action


def _path(node: ast.expr) -> list[str]:
    """`["a", "b"]` for `a.b`; empty where it does not start with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []
