"""Reads single syntax nodes: names, dictionaries, f-strings and the fields of a class, without knowing any value."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from types import CodeType


def parameters(code: CodeType) -> tuple[str, ...]:
    """The names of a function's parameters, without `*args` and `**kwargs`."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def items(node: ast.Dict) -> dict[str, ast.expr]:
    """The values of a dictionary under keys that are string literals."""
    pairs = zip(node.keys, node.values, strict=True)
    return {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}


def keywords(node: ast.Call) -> dict[str, ast.expr]:
    """The keyword arguments of a call, without `**kwargs`."""
    return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}


def last(node: ast.expr) -> str:
    """The last name of a dotted name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def chain(node: ast.expr) -> str:
    """The dotted name of a call, such as `client.images.generate`; anything else on the way is left out."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=base, attr=attr):
            return f"{chain(base)}.{attr}"
        case ast.Call(func=func):
            return chain(func)
    return ""


def formatted_values(node: ast.JoinedStr) -> list[ast.expr]:
    """The expressions in an f-string."""
    return [value.value for value in node.values if isinstance(value, ast.FormattedValue)]


def annotated_types(annotation: ast.AST) -> Iterator[ast.Name]:
    """The names of the types in an annotation."""
    if isinstance(annotation, ast.Name):
        yield annotation
    elif not isinstance(annotation, ast.Call):
        for part in ast.iter_child_nodes(annotation):
            yield from annotated_types(part)


def field_descriptions(annotation: ast.expr, value: ast.expr | None) -> Iterable[ast.expr]:
    """The description of a field: `Annotated[str, ..., "text"]` or `Field(description="text")`."""
    for call in (value, *ast.walk(annotation)):
        if isinstance(call, ast.Call):
            yield from (keyword.value for keyword in call.keywords if keyword.arg == "description")
        elif isinstance(call, ast.Subscript) and last(call.value) == "Annotated" and isinstance(call.slice, ast.Tuple):
            yield from (one for one in call.slice.elts[1:] if isinstance(one, ast.Constant))
