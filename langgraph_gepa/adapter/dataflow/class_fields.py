"""The fields of a class that is written in a function: what types they name, and how they are described."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from langgraph_gepa.adapter.dataflow.expressions import last


def types(annotation: ast.AST) -> Iterator[ast.Name]:
    """The names of types in an annotation."""
    if isinstance(annotation, ast.Name):
        yield annotation
    elif not isinstance(annotation, ast.Call):
        for part in ast.iter_child_nodes(annotation):
            yield from types(part)


def descriptions(annotation: ast.expr, value: ast.expr | None) -> Iterable[ast.expr]:
    """The description of a field: `Annotated[str, ..., "text"]` or `Field(description="text")`."""
    for call in (value, *ast.walk(annotation)):
        if isinstance(call, ast.Call):
            yield from (keyword.value for keyword in call.keywords if keyword.arg == "description")
        elif isinstance(call, ast.Subscript) and last(call.value) == "Annotated" and isinstance(call.slice, ast.Tuple):
            yield from (one for one in call.slice.elts[1:] if isinstance(one, ast.Constant))
