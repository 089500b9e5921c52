"""Compiles a function's code again with some of its expressions replaced.

The new code keeps free variables, names and line numbers, so it fits the old closure, defaults and globals.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from types import CodeType
from typing import cast

from langgraph_gepa.adapter.objects import source_code
from langgraph_gepa.adapter.objects.source_code import Function, Position, Source, position


def rewritten(code: CodeType, changes: Mapping[Position, ast.expr]) -> CodeType:
    """The code with the expressions at these positions replaced.

    Raises `LookupError` if the source of the code is not known, or cannot be compiled with the same free variables.
    """
    origin = source_code.source(code)
    if origin is None:
        raise LookupError(f"the source of {code.co_qualname} is not known")
    new = Source(cast("Function", _replaced(origin.node, changes)), origin.owner, origin.imports)
    compiled = source_code.compiled_alone(new, code)
    if compiled is None or compiled.co_freevars != code.co_freevars:
        raise LookupError(f"{code.co_qualname} cannot be compiled again with the same free variables")
    source_code.remember(compiled, new)
    return compiled


def _replace_within(made: ast.expr, changes: Mapping[Position, ast.expr]) -> None:
    """Replaces parts of a new expression that come from the old tree: a placeholder may hold another text."""
    match made:
        case ast.FormattedValue(value=value):
            made.value = cast("ast.expr", _replaced(value, changes))
        case ast.JoinedStr(values=values):
            for value in values:
                _replace_within(value, changes)
        case ast.BinOp(left=left, right=right):
            made.left, made.right = _operand(left, changes), _operand(right, changes)


def _operand(part: ast.expr, changes: Mapping[Position, ast.expr]) -> ast.expr:
    if hasattr(part, "lineno"):  # it comes from the old tree
        return cast("ast.expr", _replaced(part, changes))
    _replace_within(part, changes)
    return part


def _replaced(node: ast.AST, changes: Mapping[Position, ast.expr]) -> ast.AST:
    """A copy of the tree with expressions replaced, which shares unchanged nodes with the old tree."""
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and position(node) in changes:
        change = copy.deepcopy(changes[position(node)])
        _replace_within(change, changes)
        return ast.fix_missing_locations(ast.copy_location(change, node))
    if isinstance(node, ast.stmt) and not any(node.lineno <= at[0] <= (node.end_lineno or at[0]) for at in changes):
        return node
    new: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            new[name] = _replaced(value, changes)
        elif isinstance(value, list):
            new[name] = [_replaced(item, changes) if isinstance(item, ast.AST) else item for item in value]
        if new.get(name) in (value, None):
            new.pop(name, None)
    if not new:
        return node
    made = copy.copy(node)
    vars(made).update(new)
    return made
