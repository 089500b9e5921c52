"""Resolves the expressions of functions to objects that existed before the call.

A `Program` is all functions that run together, so that references are followed through calls between them.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import getattr_static
from itertools import islice
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from pydantic import BaseModel

from langgraph_gepa.adapter.dataflow.syntax_nodes import parameters
from langgraph_gepa.adapter.isolation.variables import CALLED, ITEM, Ref, Variables, extended
from langgraph_gepa.adapter.objects import functions, imports, ownership, source_code

CONTAINERS = (dict, list, set, deque)
_LOOKUPS = frozenset({"get", "setdefault", "pop", "popitem", "popleft", "values", "items", "__getitem__"})
_TRANSPARENT = frozenset({"iter", "reversed", "enumerate", "zip", "cast"})
"""Functions whose results are references to their arguments, or to items of these."""
_MISSING: Any = object()
_LONG = 1000
"""Most items of a container that are followed."""


class Program:
    """Functions that run together. `receivers` are the objects a method may be called on, by the id of the function."""

    def __init__(self, found: Iterable[FunctionType], receivers: Mapping[int, Sequence[Any]]) -> None:
        self.receivers = receivers
        self.functions: dict[int, Body] = {}
        self.open = 0
        """How many variables and results are being followed; until that is done, references are incomplete."""
        for function in found:
            if (source := source_code.source(function.__code__)) is not None:
                self.functions[id(function)] = Body(function, source, self)

    def live(self, ref: Ref) -> list[Any]:
        """The objects that a reference leads to now; none if a variable is not set."""
        found = self._bases(ref)
        for step in ref[3:]:
            found = _distinct(part for value in found for part in self._parts(value, step))
        return found

    def _bases(self, ref: Ref) -> list[Any]:
        key, kind, name = ref[:3]
        function = self.functions[key].function
        match kind:
            case "global":
                found = [function.__globals__.get(name, _MISSING)]
            case "free":
                found = [held for enclosed, held in source_code.enclosed(function) if enclosed == name]
            case "imported":
                found = imports.values(function, name)
            case _:
                found = [default for default in _defaults(function, name) if issubclass(type(default), CONTAINERS)]
                if parameters(function.__code__)[:1] == (name,):
                    found += self.receivers.get(key, ())
        return [value for value in found if value is not _MISSING]

    def _parts(self, value: Any, step: str) -> Iterator[Any]:
        """The objects one step further; for a property, what its function returns."""
        match step:
            case "[]" if issubclass(type(value), dict):
                yield from list(dict.values(value))[:_LONG]
            case "[]":
                for kind in (list, tuple, set, deque):
                    yield from islice(list(kind.__iter__(value)) if issubclass(type(value), kind) else (), _LONG)
            case "()" | "__dict__":
                yield value
            case "__class__":
                yield type(value)
            case _:
                found = _attribute(value, step)
                if issubclass(type(found), property) and id(found.fget) in self.functions:
                    for ref in self.functions[id(found.fget)].returned:
                        yield from self.live(ref)
                elif found is not _MISSING:
                    yield found


class Body(Variables):
    """The expressions of one function, including those of functions inside it."""

    def __init__(self, function: FunctionType, source: source_code.Source, program: Program) -> None:
        super().__init__(function, source)
        self.program = program
        self._returned: set[Ref] | None = None
        self._following: set[str] = set()
        self._known: dict[str | ast.Call, set[Ref]] = {}

    @property
    def given(self) -> set[str]:
        """The names whose values differ from call to call."""
        own = self.parameters[1:] if id(self.function) in self.program.receivers else self.parameters
        return {*own, *self._inner}

    def refs(self, node: ast.expr) -> set[Ref]:
        """What an expression may refer to, apart from objects that the call makes itself."""
        match node:
            case ast.Name(id=name):
                return self._cached(name, lambda: self._name(name))
            case ast.Attribute(value=base, attr=name):
                return self._steps(base, self.mangled(name))
            case ast.Subscript(value=ast.Call(func=ast.Name(id="globals")), slice=ast.Constant(value=str(name))):
                return {(id(self.function), "global", name)}
            case ast.Subscript(value=base, slice=key):
                return set() if isinstance(key, ast.Slice) else self._steps(base, ITEM)
            case ast.NamedExpr(value=one) | ast.Await(value=one) | ast.Starred(value=one):
                return self.refs(one)
            case ast.IfExp(body=one, orelse=other):
                return self.refs(one) | self.refs(other)
            case ast.BoolOp(values=several):
                return set().union(*map(self.refs, several))
            case ast.Call() as call:
                return self._cached(call, lambda: self._call(call))
        return set()

    def _cached(self, key: str | ast.Call, find: Callable[[], set[Ref]]) -> set[Ref]:
        """The references of a name or call, cached unless they may be incomplete."""
        if self.program.open:
            return find()
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]

    def _name(self, name: str) -> set[Ref]:
        found = self.variable(name)
        refs = set() if found is None else {found}
        if name in self._values and name not in self._following:
            self._following.add(name)
            self.program.open += 1
            for value, depth in self._values[name]:
                refs |= {extended(ref, *[ITEM] * depth) for ref in self.refs(value)}
            self.program.open -= 1
            self._following.discard(name)
        return refs

    def _steps(self, base: ast.expr, step: str) -> set[Ref]:
        return {extended(ref, step) for ref in self.refs(base)}

    def _call(self, node: ast.Call) -> set[Ref]:
        if (name := imports.import_call(node)) in self._imports:
            return {(id(self.function), "imported", name)}
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[base, ast.Constant(value=str(name)), *more]):
                return self._steps(base, name).union(*map(self.refs, more))
            case ast.Call(func=ast.Name(id="type"), args=[base]):
                return self._steps(base, "__class__")
            case ast.Call(func=ast.Name(id="vars"), args=[base]):
                return self._steps(base, "__dict__")
            case ast.Call(func=ast.Name(id="super"), args=[]):
                return self._name(self.parameters[0]) if self.parameters else set()
            case ast.Call(func=ast.Name(id="next"), args=[base, *_]):
                return self._steps(base, ITEM)
            case ast.Call(func=ast.Name(id=name), args=[*several]) if name in _TRANSPARENT:
                return set().union(*map(self.refs, several))
            case ast.Call(func=ast.Attribute(value=base, attr=name), args=[*several]) if name in _LOOKUPS:
                return self._steps(base, ITEM).union(*map(self.refs, several[1:]), self._results(node))
        return self._results(node)

    def _results(self, node: ast.Call) -> set[Ref]:
        found: set[Ref] = set()
        for callee, given, cached in self.callees(node):
            found |= {ref for result in callee.returned for ref in bound(result, callee, given)}
            if cached:
                found |= self._steps(node.func, CALLED)
        return found

    @property
    def returned(self) -> set[Ref]:
        """What the function's results may refer to."""
        if self._returned is None:
            self._returned = set()  # for a function that calls itself
            written = [inner.value for inner in self.nodes if isinstance(inner, ast.Return | ast.Yield) and inner.value]
            if isinstance(self.node, ast.Lambda):
                written.append(self.node.body)
            self.program.open += 1
            self._returned = set().union(*map(self.refs, written))
            self.program.open -= 1
        return self._returned

    def callees(self, node: ast.Call) -> Iterator[tuple[Body, dict[str, set[Ref]], bool]]:
        """The functions a call may run, the references of their arguments, and whether their results are cached."""
        method = isinstance(node.func, ast.Attribute) and not self._names_a_module(node.func.value)
        for value in _distinct(found for ref in self.refs(node.func) for found in self.program.live(ref)):
            function, cached, skip = _function(value)
            body = self.program.functions.get(id(function))
            if body is None:
                continue
            names = body.parameters[1 if skip or (method and id(function) in self.program.receivers) else 0 :]
            given = dict(zip(names, node.args, strict=False))
            given |= {one.arg: one.value for one in node.keywords if one.arg in names}
            yield body, {name: self.refs(argument) for name, argument in given.items()}, cached

    def _names_a_module(self, node: ast.expr) -> bool:
        return any(issubclass(type(value), ModuleType) for ref in self.refs(node) for value in self.program.live(ref))


def bound(ref: Ref, callee: Body, given: Mapping[str, set[Ref]]) -> set[Ref]:
    """A reference of a called function as references of its caller."""
    if ref[0] == id(callee.function) and ref[1] == "parameter" and ref[2] in given:
        return {extended(argument, *ref[3:]) for argument in given[ref[2]]}
    return {ref}


def _function(value: Any) -> tuple[Any, bool, bool]:
    """The wrapped function; whether a wrapper caches results, and whether one passes the first argument."""
    cached = skip = False
    while True:
        if functions.is_cache(value):
            value, cached = value.__wrapped__, True
        elif issubclass(type(value), MethodType | classmethod):
            value, skip = value.__func__, True
        elif issubclass(type(value), staticmethod):
            value = value.__func__
        elif issubclass(type(value), partial) and not value.args:
            value = value.func
        elif type(value) is FunctionType and not functions.own(value) and "__wrapped__" in vars(value):
            value = vars(value)["__wrapped__"]
        else:
            return value, cached, skip


def _attribute(value: Any, name: str) -> Any:
    if issubclass(type(value), ModuleType):
        return ownership.names_in(value).get(name, _MISSING)
    if issubclass(type(value), BaseModel) and name in (private := value.__pydantic_private__ or {}):
        return private[name]
    found = getattr_static(value, name, _MISSING)
    return getattr(value, name, _MISSING) if issubclass(type(found), MemberDescriptorType) else found


def _defaults(function: FunctionType, name: str) -> Iterator[Any]:
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    for held, default in zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False):
        if held == name:
            yield default
    yield from (default for held, default in (function.__kwdefaults__ or {}).items() if held == name)


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({id(value): value for value in values}.values())
