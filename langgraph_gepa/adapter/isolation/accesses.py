"""How a function's code deals with what outlives its call: what it writes, what it reads, what it asks after."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from langgraph_gepa.adapter.isolation.references import ITEM, Body, Ref
from langgraph_gepa.adapter.objects import imports, source_code

_SILENT = frozenset({
    "__delitem__", "__setitem__", "add", "append", "appendleft", "clear", "difference_update", "discard", "extend",
    "extendleft", "insert", "intersection_update", "move_to_end", "remove", "reverse", "rotate", "sort", "subtract",
    "symmetric_difference_update", "update",
})  # fmt: skip
"""The methods of Python's containers that change them and tell nothing."""
_MUTATORS = _SILENT | {"pop", "popitem", "popleft", "setdefault"}
_CHANGING = frozenset({"heapify", "heappop", "heappush", "heappushpop", "heapreplace", "insort", "insort_left",
                       "insort_right", "shuffle"})  # fmt: skip
"""The functions of Python's library that change the container they are given."""
_SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__"})
_ABSENT = frozenset({"KeyError", "IndexError", "NameError", "AttributeError", "LookupError"})


@dataclass(frozen=True, slots=True)
class Write:
    """`made_from` are the names that the value is made from, where these do not change from call to call; `varies` says
    that it comes from something that does. `by_key` tells `x[key] = value` from a method that changes `x`."""

    ref: Ref
    made_from: frozenset[str] | None = None
    varies: bool = True
    by_key: bool = False


def written(body: Body) -> Iterator[Write]:
    for one in imports.imported_names(body.function):
        ref = body.variable(one.name)
        if ref is not None and ref[1] == "free":  # a copy would leave its copy of the module to the original
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
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in _CHANGING:
            yield from (Write((*ref, ITEM)) for ref in body.refs(first))
        case (
            ast.Call(func=ast.Name(id=name), args=[base, ast.Constant(value=str(attribute)), *_])
            | ast.Call(func=ast.Attribute(attr=name), args=[base, ast.Constant(value=str(attribute)), _])
            | ast.Call(func=ast.Attribute(attr=name, value=base), args=[ast.Constant(value=str(attribute)), _])
        ) if name in _SETTERS:
            yield from (Write((*ref, attribute)) for ref in body.refs(base))


def _made(body: Body, value: ast.expr | None) -> tuple[frozenset[str] | None, bool]:
    """The names a value is made from, `None` when it is not made or changes from call to call; whether it changes."""
    if value is None:
        return None, True
    names = body.derived(value)
    if not body.given.isdisjoint(names):
        return None, True
    made = any(isinstance(inner, ast.Call | ast.BinOp | ast.JoinedStr) for inner in source_code.walk(value))
    return (frozenset(names) if made else None), False


def tested(body: Body) -> Iterator[Ref]:
    """What the function asks after: in conditions, and where it expects that something may be missing."""
    for node in body.nodes:
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Match(subject=test):
                yield from _mentioned(body, test)
            case ast.BoolOp() | ast.Assert():
                yield from _mentioned(body, node)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from _mentioned(body, test)
            case ast.Try(body=statements, handlers=handlers) if any(map(_of_the_absent, handlers)):
                for statement in statements:
                    yield from _mentioned(body, statement)
            case ast.Call(func=ast.Attribute(attr="setdefault", value=base)):
                yield from ((*ref, ITEM) for ref in body.refs(base))


def _of_the_absent(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        isinstance(inner, ast.Name) and inner.id in _ABSENT for inner in source_code.walk(handler.type)
    )


def _mentioned(body: Body, node: ast.AST) -> Iterator[Ref]:
    for inner in source_code.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id="hasattr"), args=[base, ast.Constant(value=str(name))]):
                yield from ((*ref, name) for ref in body.refs(base))
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[ast.Call(func=ast.Name(id="globals"))]):
                yield (id(body.function), "global", name)
            case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
                yield from (asked for ref in body.refs(inner) for asked in (ref, (*ref, ITEM)))


def read(body: Body) -> Iterator[Ref]:
    """What the function reads, beyond what it has to touch to write. For a container that is what it holds."""
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
    """Whether what is done with a container tells nothing of what it holds; another name for it does not yet."""
    match parents.get(node):
        case ast.Attribute(attr=name) as method if name in _SILENT:
            call = parents.get(method)
            return isinstance(call, ast.Call) and call.func is method
        case ast.Subscript(value=base, ctx=ast.Store() | ast.Del()):
            return base is node
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Name) for target in targets)
        case ast.Expr():
            return True
    return False
