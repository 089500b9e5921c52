"""Finds the writes, reads and tests of a function that concern what outlives its call."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from langgraph_gepa.adapter.isolation.references import Body
from langgraph_gepa.adapter.isolation.variables import ITEM, Ref
from langgraph_gepa.adapter.objects import imports, source_code

_WRITING_METHODS = frozenset({
    "__delitem__", "__setitem__", "add", "append", "appendleft", "clear", "difference_update", "discard", "extend",
    "extendleft", "insert", "intersection_update", "move_to_end", "remove", "reverse", "rotate", "sort", "subtract",
    "symmetric_difference_update", "update",
})  # fmt: skip
"""Methods that change a container and return nothing of it."""
_MUTATORS = _WRITING_METHODS | {"pop", "popitem", "popleft", "setdefault"}
_WRITING_FUNCTIONS = frozenset({"heapify", "heappop", "heappush", "heappushpop", "heapreplace", "insort", "insort_left",
                       "insort_right", "shuffle"})  # fmt: skip
"""Functions of the standard library that change the container they are given."""
_SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__"})
_LOOKUP_ERRORS = frozenset({"KeyError", "IndexError", "NameError", "AttributeError", "LookupError"})


@dataclass(frozen=True, slots=True)
class Write:
    """A write to what a reference leads to.

    - `made_from`: the names the value depends on, if it is computed from nothing that differs from call to call.
    - `varies`: whether the value depends on something that differs from call to call.
    - `by_key`: whether it is `x[key] = value` rather than a method that changes `x`.
    """

    ref: Ref
    made_from: frozenset[str] | None = None
    varies: bool = True
    by_key: bool = False


def written(body: Body) -> Iterator[Write]:
    """The writes in a function."""
    for one in imports.imported_names(body.function):
        ref = body.variable(one.name)
        if ref is not None and ref[1] == "free":  # a copied function would put its copy of the module there
            yield Write(ref, made_from=frozenset(), varies=False)
    for node in body.nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _stored(body, target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield from _stored(body, target, value)
            case ast.AugAssign(target=target):
                yield from _stored(body, target, None)
                yield from (Write((*ref, ITEM)) for ref in body.refs(target))
            case ast.Delete(targets=targets):
                for target in targets:
                    yield from _stored(body, target, None)
            case (
                ast.For(target=target) | ast.AsyncFor(target=target) | ast.withitem(optional_vars=ast.expr() as target)
            ):
                yield from _stored(body, target, None)
            case ast.Call():
                yield from _called(body, node)


def _stored(body: Body, target: ast.expr, value: ast.expr | None) -> Iterator[Write]:
    match target:
        case ast.Name(id=name):
            ref = body.variable(name)
            if ref is not None and ref[1] in ("global", "free"):
                yield Write(ref, *_made(body, value))
        case ast.Attribute(value=base, attr=name):
            yield from (Write((*ref, body.mangled(name)), *_made(body, value)) for ref in body.refs(base))
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals"))):
            yield from (Write(ref, *_made(body, value)) for ref in body.refs(target))
        case ast.Subscript(value=base, slice=key):
            names, varies = _made(body, value)
            constant = isinstance(key, ast.Constant)
            yield from (
                Write((*ref, ITEM), names if constant else None, varies or not constant, by_key=True)
                for ref in body.refs(base)
            )
        case ast.Tuple(elts=several) | ast.List(elts=several):
            for one in several:
                yield from _stored(body, one, None)
        case ast.Starred(value=one):
            yield from _stored(body, one, None)


def _called(body: Body, node: ast.Call) -> Iterator[Write]:
    match node:
        case ast.Call(func=ast.Attribute(attr="setdefault", value=base), args=[ast.Constant(), value]):
            yield from (Write((*ref, ITEM), *_made(body, value)) for ref in body.refs(base))
        case ast.Call(func=ast.Attribute(attr=name, value=base), args=given) if name in _MUTATORS:
            varies = any(_made(body, one)[1] for one in given)
            yield from (Write((*ref, ITEM), None, varies) for ref in body.refs(base))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
            name in _WRITING_FUNCTIONS
        ):
            yield from (Write((*ref, ITEM)) for ref in body.refs(first))
        case (
            ast.Call(func=ast.Name(id=name), args=[base, ast.Constant(value=str(attribute)), *_])
            | ast.Call(func=ast.Attribute(attr=name), args=[base, ast.Constant(value=str(attribute)), _])
            | ast.Call(func=ast.Attribute(attr=name, value=base), args=[ast.Constant(value=str(attribute)), _])
        ) if name in _SETTERS:
            yield from (Write((*ref, attribute)) for ref in body.refs(base))


def _made(body: Body, value: ast.expr | None) -> tuple[frozenset[str] | None, bool]:
    """`Write.made_from` and `Write.varies` of a value."""
    if value is None:
        return None, True
    names = body.derived(value)
    if not body.given.isdisjoint(names):
        return None, True
    made = any(isinstance(inner, ast.Call | ast.BinOp | ast.JoinedStr) for inner in source_code.walk(value))
    return (frozenset(names) if made else None), False


def tested(body: Body) -> Iterator[Ref]:
    """What a function tests: in conditions, and where it handles that something is missing."""
    for node in body.nodes:
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Match(subject=test):
                yield from _mentioned(body, test)
            case ast.BoolOp() | ast.Assert():
                yield from _mentioned(body, node)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from _mentioned(body, test)
            case ast.Try(body=statements, handlers=handlers) if any(map(_handles_lookup_error, handlers)):
                for statement in statements:
                    yield from _mentioned(body, statement)
            case ast.Call(func=ast.Attribute(attr="setdefault", value=base)):
                yield from ((*ref, ITEM) for ref in body.refs(base))


def _handles_lookup_error(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        isinstance(inner, ast.Name) and inner.id in _LOOKUP_ERRORS for inner in source_code.walk(handler.type)
    )


def _mentioned(body: Body, node: ast.AST) -> Iterator[Ref]:
    for inner in source_code.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id="hasattr"), args=[base, ast.Constant(value=str(name))]):
                yield from ((*ref, name) for ref in body.refs(base))
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[ast.Call(func=ast.Name(id="globals"))]):
                yield (id(body.function), "global", name)
            case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
                yield from (one for ref in body.refs(inner) for one in (ref, (*ref, ITEM)))


def read(body: Body) -> Iterator[Ref]:
    """What a function reads, apart from what it only evaluates in order to write; containers with their items."""
    parents = {child: node for node in body.nodes for child in ast.iter_child_nodes(node)}
    for node in body.nodes:
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
            refs = body.refs(node)
            yield from refs
            if not _only_writes(node, parents):
                yield from ((*ref, ITEM) for ref in refs)
        elif isinstance(node, ast.Call) and not _only_writes(node, parents):
            yield from ((*ref, ITEM) for ref in body.refs(node))


def _only_writes(node: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether an expression's use reveals nothing of a container's items: a write, or an assignment to a name."""
    match parents.get(node):
        case ast.Attribute(attr=name) as method if name in _WRITING_METHODS:
            call = parents.get(method)
            return isinstance(call, ast.Call) and call.func is method
        case ast.Subscript(value=base, ctx=ast.Store() | ast.Del()):
            return base is node
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Name) for target in targets)
        case ast.Expr():
            return True
    return False
