"""The variables of a function: its own, and those that outlive a call."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

from langgraph_gepa.adapter.dataflow.syntax_nodes import parameters
from langgraph_gepa.adapter.objects import imports, source_code

Ref = tuple[Any, ...]
"""A reference: the id of a function, the kind and name of a variable (`global`, `free`, `parameter`, `imported`), and
steps from there: names of attributes, `ITEM` and `CALLED`."""

ITEM = "[]"
"""The step to what a container holds."""
CALLED = "()"
"""The step to what a function that caches its results has returned."""
_DEEP = 6
"""Most steps of a reference."""


def extended(ref: Ref, *steps: str) -> Ref:
    """The reference with more steps, cut off where it gets too long."""
    return (*ref, *steps)[: _DEEP + 3]


class Variables:
    """The variables of one function, including those of functions inside it."""

    def __init__(self, function: FunctionType, source: source_code.Source) -> None:
        self.function = function
        self.node = source.node
        self.nodes = source_code.walk(source.node)
        self.parameters = parameters(function.__code__)
        self.globals = {name for inner in self.nodes if isinstance(inner, ast.Global) for name in inner.names}
        self._owner = (source.owner or "").lstrip("_")
        self._inner: set[str] = set()
        self._values: dict[str, list[tuple[ast.expr, int]]] = {}
        self._imports = {one.name for one in imports.imported_names(function)}
        for inner in self.nodes:
            self._record(inner)

    def _record(self, node: ast.AST) -> None:
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
        """Records an assignment; `depth` is how many items deep in `value` the target's object lies."""
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
        """The reference to a variable that outlives the call; `None` for one of the function's own."""
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
        """The name under which Python stores an attribute: private ones get the name of their class as a prefix."""
        private = self._owner and name.startswith("__") and not name.endswith("__")
        return f"_{self._owner}{name}" if private else name

    def derived(self, node: ast.expr) -> set[str]:
        """The names that an expression depends on, directly and through the function's own variables."""
        todo, met = [node], set[str]()
        while todo:
            for inner in source_code.walk(todo.pop()):
                if isinstance(inner, ast.Name) and inner.id not in met:
                    met.add(inner.id)
                    todo.extend(value for value, _ in self._values.get(inner.id, ()))
                elif isinstance(inner, ast.Attribute):
                    met.add(inner.attr)
        return met
