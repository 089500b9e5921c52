"""Resolves the names in a function to objects, as far as possible without running it."""

from __future__ import annotations

import ast
import builtins
import functools
from collections import defaultdict
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from langgraph_gepa.adapter.dataflow import template_engines
from langgraph_gepa.adapter.dataflow.flow import Reading
from langgraph_gepa.adapter.dataflow.syntax_nodes import last
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import Use
from langgraph_gepa.adapter.objects import functions, imports, ownership, source_code


class Names:
    """The names of one function."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.imported = {
            one.name: next(iter(imports.values(reading.function, one.name)), MISSING)
            for one in imports.imported_names(reading.function)
        }
        self.assigned: dict[str, list[ast.expr]] = defaultdict(list)
        self.added: dict[str, list[ast.expr]] = defaultdict(list)
        self.nodes = source_code.walk(reading.node)
        self.file = reading.function.__code__.co_filename
        self.inner = {
            inner.name: inner
            for inner in self.nodes
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner is not reading.node
        }
        for inner in self.nodes:
            match inner:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.assigned[name].append(value)
                case ast.AugAssign(target=ast.Name(id=name), value=value):
                    self.added[name].append(value)

    def written_to(self, node: ast.expr) -> list[ast.expr]:
        """The expressions assigned or added to a local variable; for any other node, the node itself."""
        if isinstance(node, ast.Name) and node.id in self.assigned:
            return [*self.assigned[node.id], *self.added[node.id]]
        return [node]

    def dotted(self, node: ast.expr) -> str:
        """The dotted name of an expression; empty if it is none."""
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=base, attr=attr) if within := self.dotted(base):
                return f"{within}.{attr}"
        return imports.import_call(node)

    def resolve(self, node: ast.expr) -> Any:
        """The object that an expression names; `MISSING` if that is not known without running it."""
        match node:
            case ast.Name(id=name):
                return self._outside(name)
            case ast.Call() if name := imports.import_call(node):
                return self._outside(name)
            case ast.Attribute(value=base, attr=attr):
                found = self.resolve(base)
                if issubclass(type(found), ModuleType):
                    return ownership.names_in(found).get(attr, MISSING)
                if issubclass(type(found), type):
                    for owner in found.__mro__:
                        if attr in vars(owner):
                            value = vars(owner)[attr]
                            return value.__func__ if type(value) in (staticmethod, classmethod) else value
        return MISSING

    def _outside(self, name: str) -> Any:
        """The object of a name that is no local variable; for a library's wrapper, the user's function in it."""
        found = self._held(name)
        while type(found) is _Cached or (type(found) is FunctionType and not functions.own(found)):
            inner: Any = vars(found).get("__wrapped__")
            if inner is None:
                break
            found = inner
        return found

    def _held(self, name: str) -> Any:
        function = self.reading.function
        if name in self.imported:
            return self.imported[name]
        if name in function.__code__.co_freevars:
            return dict(source_code.enclosed(function)).get(name, MISSING)
        if name in function.__code__.co_varnames or name in function.__code__.co_cellvars:
            return MISSING
        return function.__globals__.get(name, MISSING)

    def kind(self, node: ast.expr) -> Any:
        """The object that an expression names, or the class of the object that it makes."""
        match node:
            case ast.Call(func=function):
                made = self.resolve(function)
                return made if issubclass(type(made), type) else MISSING
            case ast.Name(id=name) if name in self.assigned:
                kinds = [self.kind(value) for value in self.assigned[name] if isinstance(value, ast.Call)]
                return kinds[0] if len(kinds) == len(self.assigned[name]) and len(set(map(id, kinds))) == 1 else MISSING
            case ast.Name(id="str") if self.resolve(node) is MISSING:
                return str
        return self.resolve(node)

    def readable(self, node: ast.Call) -> bool:
        """Whether a call is of a function, or of a method of an unknown object, that may be read as well."""
        target = self.resolve(node.func)
        return type(target) is FunctionType or (isinstance(node.func, ast.Attribute) and target is MISSING)

    def unknown(self, function: ast.expr) -> bool:
        """Whether the code that is called is not read, so that it may do anything with a text."""
        target = self.resolve(function)
        if isinstance(function, ast.Attribute) or target is not MISSING:
            return template_engines.foreign(target)
        return not (isinstance(function, ast.Name) and function.id in {*vars(builtins), *self.inner})

    def filled(self, node: ast.Call) -> Iterator[tuple[ast.expr, Use]]:
        """The templates that a call fills in, with their languages."""
        receiver = self.kind(node.func.value) if isinstance(node.func, ast.Attribute) else MISSING
        return template_engines.filled(node, last(node.func), self.resolve(node.func), receiver, self.file)


_Cached = type(functools.cache(lambda: None))
