"""What the expressions of functions refer to: objects that were there before the function was called."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import getattr_static
from itertools import islice
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from pydantic import BaseModel

from langgraph_gepa.adapter.dataflow.syntax import parameters
from langgraph_gepa.adapter.objects import functions, imports, ownership, source_code

Ref = tuple[Any, ...]
"""A function's identity, the kind and name of a variable (`global`, `free`, `parameter`, `imported`), and the way on
from there: names of attributes, `ITEM` and `CALLED`."""

ITEM = "[]"
CALLED = "()"
"""What a function gave back that remembers its results."""

CONTAINERS = (dict, list, set, deque)
_LOOKUPS = frozenset({"get", "setdefault", "pop", "popitem", "popleft", "values", "items", "__getitem__"})
_PASSED_ON = frozenset({"iter", "reversed", "enumerate", "zip", "cast"})
_MISSING: Any = object()
_DEEP = 6
_LONG = 1000


class Program:
    """Functions that run together. `receivers` are the objects that a method's first parameter may be."""

    def __init__(self, found: Iterable[FunctionType], receivers: Mapping[int, Sequence[Any]]) -> None:
        self.receivers = receivers
        self.functions: dict[int, Body] = {}
        self.busy = 0
        """Variables and results that are being followed: what is found meanwhile may lack what leads back to them."""
        for function in found:
            if (source := source_code.source(function.__code__)) is not None:
                self.functions[id(function)] = Body(function, source, self)

    def live(self, ref: Ref) -> list[Any]:
        """The objects that a reference leads to now; none where a variable is not set yet."""
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
                found = list(_content(function, name))
            case "imported":
                found = imports.values(function, name)
            case _:
                found = [default for default in _defaults(function, name) if issubclass(type(default), CONTAINERS)]
                if parameters(function.__code__)[:1] == (name,):
                    found += self.receivers.get(key, ())
        return [value for value in found if value is not _MISSING]

    def _parts(self, value: Any, step: str) -> Iterator[Any]:
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


class Body:
    """The body of one function, those of functions within it included."""

    def __init__(self, function: FunctionType, source: source_code.Source, program: Program) -> None:
        self.function = function
        self.node = source.node
        self.program = program
        self.nodes = source_code.walk(source.node)
        self.parameters = parameters(function.__code__)
        self.globals = {name for inner in self.nodes if isinstance(inner, ast.Global) for name in inner.names}
        self._owner = (source.owner or "").lstrip("_")
        self._inner: set[str] = set()
        self._values: dict[str, list[tuple[ast.expr, int]]] = {}
        self._imports = {one.name for one in imports.imported_names(function)}
        self._returned: set[Ref] | None = None
        self._asked: set[str] = set()
        self._named: dict[str, set[Ref]] = {}
        self._called: dict[ast.Call, set[Ref]] = {}
        for inner in self.nodes:
            self._note(inner)

    # variables

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                self._assign(target, value)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._assign(target, value, 1)
            case ast.comprehension(target=target, iter=value):
                self._assign(target, value, 1)
            case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
                self._assign(target, value)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() if node is not self.node:
                given = node.args
                several = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
                self._inner |= {argument.arg for argument in several if argument is not None}

    def _assign(self, target: ast.expr, value: ast.expr, depth: int = 0) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._values.setdefault(name, []).append((value, depth))
            case (
                (ast.Tuple(elts=several) | ast.List(elts=several)),
                (ast.Tuple(elts=given) | ast.List(elts=given)),
            ) if not depth and len(several) == len(given):
                for one, other in zip(several, given, strict=True):
                    self._assign(one, other)
            case ((ast.Tuple(elts=several) | ast.List(elts=several)), _):
                for one in several:
                    self._assign(one, value, depth + 1)

    def variable(self, name: str) -> Ref | None:
        """A variable that outlives the call; `None` for one of the function's own."""
        if name in self.globals:
            return (id(self.function), "global", name)
        if name in self.function.__code__.co_freevars:
            return (id(self.function), "free", name)
        if name in self._imports:
            return (id(self.function), "imported", name)
        if name in self.parameters:
            return (id(self.function), "parameter", name)
        return None if name in self._values or name in self._inner else (id(self.function), "global", name)

    def mangled(self, name: str) -> str:
        """An attribute as Python calls it, which prefixes private ones with the class they are written in."""
        private = self._owner and name.startswith("__") and not name.endswith("__")
        return f"_{self._owner}{name}" if private else name

    def derived(self, node: ast.expr) -> set[str]:
        """The names an expression is made from, through the function's own variables."""
        todo, met = [node], set[str]()
        while todo:
            for inner in source_code.walk(todo.pop()):
                if isinstance(inner, ast.Name) and inner.id not in met:
                    met.add(inner.id)
                    todo.extend(value for value, _ in self._values.get(inner.id, ()))
                elif isinstance(inner, ast.Attribute):
                    met.add(inner.attr)
        return met

    @property
    def given(self) -> set[str]:
        """Names that change from call to call."""
        own = self.parameters[1:] if id(self.function) in self.program.receivers else self.parameters
        return {*own, *self._inner}

    # expressions

    def refs(self, node: ast.expr) -> set[Ref]:
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=base, attr=name):
                return self._onward(base, self.mangled(name))
            case ast.Subscript(value=ast.Call(func=ast.Name(id="globals")), slice=ast.Constant(value=str(name))):
                return {(id(self.function), "global", name)}
            case ast.Subscript(value=base, slice=key):
                return set() if isinstance(key, ast.Slice) else self._onward(base, ITEM)
            case ast.NamedExpr(value=one) | ast.Await(value=one) | ast.Starred(value=one):
                return self.refs(one)
            case ast.IfExp(body=one, orelse=other):
                return self.refs(one) | self.refs(other)
            case ast.BoolOp(values=several):
                return set().union(*map(self.refs, several))
            case ast.Call():
                return self._call(node)
        return set()

    def _name(self, name: str) -> set[Ref]:
        if not self.program.busy and name in self._named:
            return self._named[name]
        found = self.variable(name)
        refs = set() if found is None else {found}
        if name in self._values and name not in self._asked:
            self._asked.add(name)
            self.program.busy += 1
            for value, depth in self._values[name]:
                refs |= {(*ref, *[ITEM] * depth)[: _DEEP + 3] for ref in self.refs(value)}
            self.program.busy -= 1
            self._asked.discard(name)
        if not self.program.busy:
            self._named[name] = refs
        return refs

    def _onward(self, base: ast.expr, step: str) -> set[Ref]:
        return {(*ref, step)[: _DEEP + 3] for ref in self.refs(base)}

    def _call(self, node: ast.Call) -> set[Ref]:
        if not self.program.busy and node in self._called:
            return self._called[node]
        refs = self._given_back(node)
        if not self.program.busy:
            self._called[node] = refs
        return refs

    def _given_back(self, node: ast.Call) -> set[Ref]:
        if (name := imports.import_call(node)) in self._imports:
            return {(id(self.function), "imported", name)}
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[base, ast.Constant(value=str(name)), *more]):
                return self._onward(base, name).union(*map(self.refs, more))
            case ast.Call(func=ast.Name(id="type"), args=[base]):
                return self._onward(base, "__class__")
            case ast.Call(func=ast.Name(id="vars"), args=[base]):
                return self._onward(base, "__dict__")
            case ast.Call(func=ast.Name(id="super"), args=[]):
                return self._name(self.parameters[0]) if self.parameters else set()
            case ast.Call(func=ast.Name(id="next"), args=[base, *_]):
                return self._onward(base, ITEM)
            case ast.Call(func=ast.Name(id=name), args=[*several]) if name in _PASSED_ON:
                return set().union(*map(self.refs, several))
            case ast.Call(func=ast.Attribute(value=base, attr=name), args=[*several]) if name in _LOOKUPS:
                return self._onward(base, ITEM).union(*map(self.refs, several[1:]), self._results(node))
        return self._results(node)

    def _results(self, node: ast.Call) -> set[Ref]:
        found: set[Ref] = set()
        for callee, given, cached in self.callees(node):
            found |= {ref for result in callee.returned for ref in bound(result, callee, given)}
            if cached:
                found |= self._onward(node.func, CALLED)
        return found

    @property
    def returned(self) -> set[Ref]:
        if self._returned is None:
            self._returned = set()  # for a function that calls itself
            written = [inner.value for inner in self.nodes if isinstance(inner, ast.Return | ast.Yield) and inner.value]
            if isinstance(self.node, ast.Lambda):
                written.append(self.node.body)
            self.program.busy += 1
            self._returned = set().union(*map(self.refs, written))
            self.program.busy -= 1
        return self._returned

    def callees(self, node: ast.Call) -> Iterator[tuple[Body, dict[str, set[Ref]], bool]]:
        """The functions that a call may be of, what it gives their parameters, and whether results are remembered."""
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
    """What a reference of a called function is for who calls it."""
    if ref[0] == id(callee.function) and ref[1] == "parameter" and ref[2] in given:
        return {(*argument, *ref[3:])[: _DEEP + 3] for argument in given[ref[2]]}
    return {ref}


def _function(value: Any) -> tuple[Any, bool, bool]:
    """The function in its wrappers; whether one of them remembers results, and whether one gives the first argument."""
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


def _content(function: FunctionType, name: str) -> Iterator[Any]:
    yield from (held for enclosed, held in source_code.enclosed(function) if enclosed == name)


def _defaults(function: FunctionType, name: str) -> Iterator[Any]:
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    for held, default in zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False):
        if held == name:
            yield default
    yield from (default for held, default in (function.__kwdefaults__ or {}).items() if held == name)


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({id(value): value for value in values}.values())
