"""Reads every text in a Python file with libcst: string literals, f-strings, docstrings, sums, joins and dedents."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections.abc import Iterator

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from langgraph_gepa.writeback.runtime_value import READERS, arguments, described, wrapped_text
from langgraph_gepa.writeback.source_text import (
    Chain,
    Expression,
    Fragments,
    Piece,
    Site,
    View,
    evaluated,
    literal_value,
    merged,
)


class SourceFile:
    """A parsed Python file and the texts in it. Raises `SyntaxError` for what is not Python."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8")
        self._starts = [0, *(m.end() for m in re.finditer(rb"\r\n|\r|\n", self.data))]
        try:
            wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        except cst.ParserSyntaxError as error:
            raise SyntaxError(f"line {error.raw_line}: {error.message}") from error
        spans = wrapper.resolve(ByteSpanPositionProvider)
        self._spans = {node: (span.start, span.start + span.length) for node, span in spans.items()}
        reader = _Reader(self)
        wrapper.module.visit(reader)
        self.sites = tuple(reader.sites)

    def line(self, offset: int) -> int:
        return bisect.bisect_right(self._starts, offset)

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a line and column, both counted as `ast` does."""
        return self._starts[line - 1] + column

    def code(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8")

    def before(self, offset: int) -> str:
        """The code before `offset` on its line."""
        return self.code(self._starts[self.line(offset) - 1], offset)

    def after(self, offset: int) -> str:
        """The code after `offset` on its line."""
        line = self.line(offset)
        end = self._starts[line] if line < len(self._starts) else len(self.data)
        return self.code(offset, end).rstrip("\r\n")

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        return self._spans[node]


@functools.lru_cache(maxsize=4)
def parsed(text: str) -> SourceFile:
    """Parses a file, with a cache. Raises `SyntaxError` for what is not Python."""
    return SourceFile(text)


def chain_of(code: str) -> Fragments | None:
    """The text of an expression made of literals; `None` for any other."""
    if evaluated(code) is None:
        return None
    file = SourceFile(f"(\n{code}\n)\n")
    start, end = 2, 2 + len(code.encode("utf-8"))
    views = (site.view for site in file.sites if site.view.transform is None)
    whole = [view for view in views if not file.code(start, view.start).strip("( \t\r\n")]
    whole = [view for view in whole if not file.code(view.end, end).strip(") \t\r\n")]
    return max(whole, key=lambda view: view.end - view.start).fragments if whole else None


_WRITING = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString, cst.BinaryOperation, cst.Call)


def _is(node: cst.CSTNode, *bases: type) -> bool:
    """`isinstance`, which takes half a second when it first meets libcst's abstract classes."""
    return not {*bases}.isdisjoint(type(node).__mro__)


class _Reader(cst.CSTVisitor):
    """Collects every view of every chain, outer ones before those inside them."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.sites: list[Site] = []
        self.statements: list[int] = [1]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is(node, cst.BaseStatement, cst.BaseSmallStatement):
            self.statements.append(self._line(node))
        if isinstance(node, cst.FunctionDef | cst.ClassDef | cst.Module):
            self._docstring(node)
        elif isinstance(node, _WRITING):
            for view in self._views(node):
                self._add(view)
            self._stripped(node)
        if isinstance(node, cst.ConcatenatedString):  # its pieces are not texts, expressions in them may be
            for expression in _filling(node):
                expression.visit(self)
            return False
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if _is(original_node, cst.BaseStatement, cst.BaseSmallStatement):
            self.statements.pop()

    def _add(self, view: View, first: int | None = None) -> None:
        line = self.file.line(view.chain.start)
        self.sites.append(Site(view, line, range(min(first or self.statements[-1], line), line + 1)))

    def _line(self, node: cst.CSTNode) -> int:
        return self.file.line(self.file.span(node)[0])

    def _docstring(self, node: cst.FunctionDef | cst.ClassDef | cst.Module) -> None:
        written = _docstring(node)
        chain = None if written is None else self._chain(written)
        if chain is None or any(isinstance(fragment, Expression) for fragment in chain.fragments):
            return
        above = [] if isinstance(node, cst.Module) else [node.name, *node.decorators]
        first = min(map(self._line, above), default=None)
        for transform in READERS:
            self._add(View(chain.start, chain.end, chain, transform, docstring=True), first)
        own = "".join(map(str, chain.fragments))
        for argument in arguments(own):
            transform = functools.partial(described, name=argument.name)
            view = View(chain.start, chain.end, chain, transform, docstring=True, part=(argument.start, argument.end))
            line = self.file.line(chain.start) + own.count("\n", 0, argument.start)
            self.sites.append(Site(view, line, range(first or line, line + 1)))

    def _stripped(self, node: cst.BaseExpression) -> None:
        """Adds the view of a text that LangChain strips, as it does with descriptions of tools."""
        chain = self._chain(node)
        if chain is not None and not any(isinstance(fragment, Expression) for fragment in chain.fragments):
            text = "".join(map(str, chain.fragments))
            if text != text.strip():
                self._add(View(chain.start, chain.end, chain, str.strip))

    def _views(self, node: cst.BaseExpression) -> Iterator[View]:
        """The views of this expression itself; those of expressions inside it are collected on their own."""
        chain = self._chain(node)
        if chain is not None:
            yield View(chain.start, chain.end, chain)
        elif isinstance(node, cst.Call):
            wrapped = self._wrapped(node) or self._joined(node)
            if wrapped is not None:
                yield wrapped

    def _wrapped(self, node: cst.Call) -> View | None:
        """The view of a call that changes a text in a way that is known before the program runs."""
        inner, changed = wrapped_text(node)
        if inner is None:
            return None
        within = next(self._views(inner), None)
        if within is None or within.fragments is None or any(isinstance(f, Expression) for f in within.fragments):
            return None
        before = within.transform
        transform = changed if before is None else lambda text: changed(before(text))
        return View(*self.file.span(node), within.chain, transform)

    def _joined(self, node: cst.Call) -> View | None:
        """The view of `"\\n".join([...])` over texts and names, which a new text replaces as a whole."""
        match node:
            case cst.Call(func=cst.Attribute(value=between, attr=cst.Name("join")), args=[cst.Arg(value=several)]):
                pass
            case _:
                return None
        if not isinstance(several, cst.List | cst.Tuple) or not several.elements:
            return None
        between_them, parts = _text(between), [_part(element) for element in several.elements]
        if between_them is None or None in parts:
            return None
        first, *others = (part or "" for part in parts)
        fragments = merged([first, *(fragment for part in others for fragment in (between_them, part))])
        start, end = self.file.span(node)
        return View(start, end, Chain(start, end, (Piece(start, end, fragments, quote='"'),)))

    def _chain(self, node: cst.BaseExpression) -> Chain | None:
        pieces = self._pieces(node)
        if pieces is None or (all(piece.operand for piece in pieces) and not all(map(_is_name, pieces))):
            return None
        return Chain(*self.file.span(node), tuple(pieces), plus=isinstance(node, cst.BinaryOperation))

    def _pieces(self, node: cst.BaseExpression) -> list[Piece] | None:
        match node:
            case cst.SimpleString() | cst.FormattedString():
                piece = self._literal(node)
                return None if piece is None else [piece]
            case cst.ConcatenatedString(left=left, right=right):
                parts = [self._pieces(left), self._pieces(right)]
                return None if None in parts else [piece for part in parts for piece in part or ()]
            case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
                return [*self._operand(left), *self._operand(right)]
        return None

    def _operand(self, node: cst.BaseExpression) -> list[Piece]:
        pieces = self._pieces(node)
        if pieces is not None:
            return pieces
        return [Piece(*self.file.span(node), (Expression(cst.Module([]).code_for_node(node), operand=True),))]

    def _literal(self, node: cst.SimpleString | cst.FormattedString) -> Piece | None:
        start, end = self.file.span(node)
        tree = evaluated(self.file.code(start, end))
        match tree:
            case ast.Constant(value=str(value)):
                fragments = merged([value])
            case ast.JoinedStr(values=values) if isinstance(node, cst.FormattedString):
                fields = (part for part in node.parts if isinstance(part, cst.FormattedStringExpression))
                expressions = map(_expression, fields)
                fragments = merged([str(v.value) if isinstance(v, ast.Constant) else next(expressions) for v in values])
            case _:
                return None
        return Piece(start, end, fragments, node.prefix, node.quote)


def _expression(part: cst.FormattedStringExpression) -> Expression:
    """The expression of `{name=}` without its `=`: the name before the value belongs to the text."""
    if part.equal is None:
        return Expression(cst.Module([]).code_for_node(part))
    conversion = part.conversion or (None if part.format_spec else "r")
    return Expression(cst.Module([]).code_for_node(part.with_changes(equal=None, conversion=conversion)))


def _is_name(operand: Piece) -> bool:
    return all(isinstance(fragment, Expression) and fragment.code.isidentifier() for fragment in operand.fragments)


def _text(node: cst.BaseExpression) -> str | None:
    """The value of a string literal; `None` for everything else."""
    try:
        value = literal_value(cst.Module([]).code_for_node(node))
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _part(element: cst.BaseElement) -> str | Expression | None:
    """An element of a list as a part of a text: a literal's value, or a name."""
    match element:
        case cst.Element(value=cst.Name(value=name)):
            return Expression(f"{{{name}}}")
        case cst.Element(value=node):
            return _text(node)
    return None


def _filling(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions in the f-strings of a concatenated string."""
    match node:
        case cst.ConcatenatedString(left=left, right=right):
            yield from _filling(left)
            yield from _filling(right)
        case cst.FormattedString(parts=parts):
            yield from (part.expression for part in parts if isinstance(part, cst.FormattedStringExpression))


def _docstring(node: cst.FunctionDef | cst.ClassDef | cst.Module) -> cst.BaseExpression | None:
    body = node.body if isinstance(node, cst.Module) else node.body.body
    first: cst.CSTNode | None = body[0] if body else None
    if isinstance(first, cst.SimpleStatementLine):
        first = first.body[0]
    return first.value if isinstance(first, cst.Expr) else None
