"""Reads the texts that code writes out: string literals, f-strings, and sums of them."""

from __future__ import annotations

import ast
import copy
import functools
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.objects.source_code import Position, position, walk
from langgraph_gepa.core import placeholders
from langgraph_gepa.core.module import Style


@dataclass(frozen=True, slots=True)
class Literal:
    """A text in a function's body.

    `values` are the expressions of its placeholders; `operands` are the placeholders that are operands of a sum
    themselves, rather than in an f-string.
    """

    text: str
    style: Style
    position: Position
    values: Mapping[str, ast.FormattedValue] = field(default_factory=dict)
    operands: frozenset[str] = frozenset()

    def replaced(self, text: str) -> ast.expr:
        """The expression for a new text, with its placeholders filled as before."""
        if self.style != "fstring":
            return ast.Constant(text)
        made: list[ast.expr] = []
        for piece in placeholders.parts(text, "fstring"):
            if piece.literal:
                made.append(ast.Constant(piece.literal))
            if piece.name is not None:
                made.append(copy.deepcopy(self.values[piece.name]))
        if not self.operands:
            return ast.JoinedStr(made)
        # Operands stay operands: the `+` of some templates and messages does not give a string.
        alone = {ast.dump(self.values[name]) for name in self.operands}
        parts = (_operand(one, ast.dump(one) in alone) for one in made)
        return functools.reduce(lambda left, right: ast.BinOp(left, ast.Add(), right), parts)

    def calling(self) -> Iterator[str]:
        """The placeholders whose expressions may have effects: they call, await or assign."""
        for name, value in self.values.items():
            if any(isinstance(inner, ast.Call | ast.Await | ast.NamedExpr) for inner in walk(value)):
                yield name


def read(node: ast.expr) -> Literal | None:
    """The text that an expression writes out; `None` if it has no words."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and templates.has_words(node.value):
            return Literal(node.value, "plain", position(node))
        return None
    if isinstance(node, ast.JoinedStr):
        return _joined(node.values, position(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        pieces = list(operands(node))
        if any(
            isinstance(p, ast.JoinedStr) or (isinstance(p, ast.Constant) and isinstance(p.value, str)) for p in pieces
        ):
            values = [_values(piece) for piece in pieces]
            alone = {id(made[0]) for piece, made in zip(pieces, values, strict=True) if made and made[0] is not piece}
            alone -= {id(one) for piece in pieces if isinstance(piece, ast.JoinedStr) for one in piece.values}
            return _joined([value for made in values for value in made], position(node), alone)
    return None


def _operand(made: ast.expr, alone: bool) -> ast.expr:
    if not isinstance(made, ast.FormattedValue):
        return made
    return made.value if alone else ast.JoinedStr([made])


def operands(node: ast.expr) -> Iterator[ast.expr]:
    """The operands of `a + b + c`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from operands(node.left)
        yield from operands(node.right)
    else:
        yield node


def _values(piece: ast.expr) -> list[ast.expr]:
    if isinstance(piece, ast.JoinedStr):
        return piece.values
    if isinstance(piece, ast.Constant):
        return [piece]
    return [ast.copy_location(ast.FormattedValue(value=piece, conversion=-1), piece)]


def _joined(values: list[ast.expr], where: Position, alone: Container[int] = ()) -> Literal | None:
    """The literal of an f-string's values; those with ids in `alone` are operands of a sum themselves."""
    text, words = "", ""
    names: dict[str, ast.FormattedValue] = {}
    operands = set[str]()
    for value in values:
        if isinstance(value, ast.FormattedValue):
            name = _named(value, names)
            text += "{" + name + "}"
            operands |= {name} if id(value) in alone else set()
        elif isinstance(value, ast.Constant):
            text += placeholders.escape(str(value.value))
            words += str(value.value) + " "
    if not templates.has_words(words):
        return None
    if not names:
        return Literal("".join(str(v.value) for v in values if isinstance(v, ast.Constant)), "plain", where)
    return Literal(text, "fstring", where, names, frozenset(operands))


def _named(value: ast.FormattedValue, names: dict[str, ast.FormattedValue]) -> str:
    """A short name for an expression, the same for equal expressions. Adds it to `names`."""
    written = ast.dump(value)
    for name, known in names.items():
        if ast.dump(known) == written:
            return name
    stem = _stem(value.value)
    name, count = stem, 1
    while name in names:
        count += 1
        name = f"{stem}_{count}"
    names[name] = value
    return name


def _stem(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(key))) if _slug(key):
            return _slug(key)
        case ast.Subscript(value=inner) | ast.Await(value=inner) | ast.BoolOp(values=[inner, *_]):
            return _stem(inner)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]) if _slug(key):
            return _slug(key)
        case ast.Call(args=[first, *_]):
            return _stem(first)
        case ast.Call(func=ast.Attribute(value=inner)) if not isinstance(inner, ast.Constant):
            return _stem(inner)
        case ast.Call(func=func):
            return _stem(func)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return _stem(first.iter)
        case ast.IfExp(body=inner) | ast.BinOp(left=inner) | ast.UnaryOp(operand=inner):
            return _stem(inner)
    return "value"


def _slug(key: str) -> str:
    return re.sub(r"\W+", "_", key).strip("_") if key and not key[0].isdigit() else ""


def within(node: ast.AST) -> dict[Position, Literal]:
    """Every text in a function, including parts of larger texts."""
    found: dict[Position, Literal] = {}
    for inner in walk(node):
        if isinstance(inner, ast.Constant | ast.JoinedStr | ast.BinOp) and (literal := read(inner)) is not None:
            found.setdefault(literal.position, literal)  # the pieces of an f-string have the f-string's position
    return found
