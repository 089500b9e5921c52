"""Where a Python file writes out text, read with libcst."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections.abc import Iterator

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from langgraph_gepa.writeback.docstring_arguments import arguments, described
from langgraph_gepa.writeback.nodes import Chain, Fragments, Hole, Piece, Spot, View, merged
from langgraph_gepa.writeback.runtime_value import READERS, change
from langgraph_gepa.writeback.syntax import evaluated, literal_value


class SourceFile:
    """A parsed Python file and the texts in it. Raises `SyntaxError` for what is no Python."""

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
        self.spots = tuple(reader.spots)

    def line(self, offset: int) -> int:
        return bisect.bisect_right(self._starts, offset)

    def offset(self, line: int, column: int) -> int:
        """Where a line's byte stands, both as `ast` counts them."""
        return self._starts[line - 1] + column

    def code(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8")

    def before(self, offset: int) -> str:
        """What stands on the line before `offset`."""
        return self.code(self._starts[self.line(offset) - 1], offset)

    def after(self, offset: int) -> str:
        """What stands on the line after `offset`."""
        line = self.line(offset)
        end = self._starts[line] if line < len(self._starts) else len(self.data)
        return self.code(offset, end).rstrip("\r\n")

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        return self._spans[node]


@functools.lru_cache(maxsize=4)
def parsed(text: str) -> SourceFile:
    """The file of this text, which is asked for several times over. Raises `SyntaxError` for what is no Python."""
    return SourceFile(text)


def chain_of(code: str) -> Fragments | None:
    """The text that an expression of literals writes out, or `None` when it is none."""
    if evaluated(code) is None:
        return None
    file = SourceFile(f"(\n{code}\n)\n")
    start, end = 2, 2 + len(code.encode("utf-8"))
    whole = [s.view for s in file.spots if s.view.seen is None and not file.code(start, s.view.start).strip("( \t\r\n")]
    whole = [view for view in whole if not file.code(view.end, end).strip(") \t\r\n")]
    return max(whole, key=lambda view: view.end - view.start).fragments if whole else None


_WRITING = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString, cst.BinaryOperation, cst.Call)


def _is(node: cst.CSTNode, *bases: type) -> bool:
    """`isinstance`, which takes half a second the first time it is asked of libcst's abstract classes."""
    return not {*bases}.isdisjoint(type(node).__mro__)


class _Reader(cst.CSTVisitor):
    """Collects every view of every chain, the outer before those within."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.spots: list[Spot] = []
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
        if isinstance(node, cst.ConcatenatedString):  # its pieces are no texts of their own, what fills them may be
            for expression in _filling(node):
                expression.visit(self)
            return False
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if _is(original_node, cst.BaseStatement, cst.BaseSmallStatement):
            self.statements.pop()

    def _add(self, view: View, first: int | None = None) -> None:
        line = self.file.line(view.chain.start)
        self.spots.append(Spot(view, line, range(min(first or self.statements[-1], line), line + 1)))

    def _line(self, node: cst.CSTNode) -> int:
        return self.file.line(self.file.span(node)[0])

    def _docstring(self, node: cst.FunctionDef | cst.ClassDef | cst.Module) -> None:
        written = _docstring(node)
        chain = None if written is None else self._chain(written)
        if chain is None or any(isinstance(fragment, Hole) for fragment in chain.fragments):
            return
        above = [] if isinstance(node, cst.Module) else [node.name, *node.decorators]
        first = min(map(self._line, above), default=None)
        for seen in READERS:
            self._add(View(chain.start, chain.end, chain, seen, fixed=True), first)
        own = "".join(map(str, chain.fragments))
        for one in arguments(own):
            seen = functools.partial(described, name=one.name)
            view = View(chain.start, chain.end, chain, seen, fixed=True, part=(one.start, one.end))
            line = self.file.line(chain.start) + own.count("\n", 0, one.start)
            self.spots.append(Spot(view, line, range(first or line, line + 1)))

    def _stripped(self, node: cst.BaseExpression) -> None:
        """A text as LangChain strips it where it is the description of a tool, given there or by name."""
        chain = self._chain(node)
        if chain is not None and not any(isinstance(fragment, Hole) for fragment in chain.fragments):
            text = "".join(map(str, chain.fragments))
            if text != text.strip():
                self._add(View(chain.start, chain.end, chain, str.strip))

    def _views(self, node: cst.BaseExpression) -> Iterator[View]:
        """The views that this very expression gives; those within are met on their own."""
        chain = self._chain(node)
        if chain is not None:
            yield View(chain.start, chain.end, chain)
        elif isinstance(node, cst.Call):
            wrapped = self._wrapped(node) or self._joined(node)
            if wrapped is not None:
                yield wrapped

    def _wrapped(self, node: cst.Call) -> View | None:
        """A text after calls that change it in a way known before the program runs."""
        inner, changed = change(node)
        if inner is None:
            return None
        within = next(self._views(inner), None)
        if within is None or within.fragments is None or any(isinstance(f, Hole) for f in within.fragments):
            return None
        before = within.seen
        seen = changed if before is None else lambda text: changed(before(text))
        return View(*self.file.span(node), within.chain, seen)

    def _joined(self, node: cst.Call) -> View | None:
        """`"\\n".join([...])` of texts and names, which a new text takes the place of as a whole."""
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
        return [Piece(*self.file.span(node), (Hole(cst.Module([]).code_for_node(node), operand=True),))]

    def _literal(self, node: cst.SimpleString | cst.FormattedString) -> Piece | None:
        start, end = self.file.span(node)
        tree = evaluated(self.file.code(start, end))
        match tree:
            case ast.Constant(value=str(value)):
                fragments = merged([value])
            case ast.JoinedStr(values=values) if isinstance(node, cst.FormattedString):
                holes = (_hole(part) for part in node.parts if isinstance(part, cst.FormattedStringExpression))
                fragments = merged([str(v.value) if isinstance(v, ast.Constant) else next(holes) for v in values])
            case _:
                return None
        return Piece(start, end, fragments, node.prefix, node.quote)


def _hole(part: cst.FormattedStringExpression) -> Hole:
    """The expression without its `=`, whose words belong to the text beside it."""
    if part.equal is None:
        return Hole(cst.Module([]).code_for_node(part))
    conversion = part.conversion or (None if part.format_spec else "r")
    return Hole(cst.Module([]).code_for_node(part.with_changes(equal=None, conversion=conversion)))


def _is_name(operand: Piece) -> bool:
    return all(isinstance(fragment, Hole) and fragment.code.isidentifier() for fragment in operand.fragments)


def _text(node: cst.BaseExpression) -> str | None:
    """The text that a literal is; `None` for everything else."""
    try:
        value = literal_value(cst.Module([]).code_for_node(node))
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _part(element: cst.BaseElement) -> str | Hole | None:
    """The text that an element is, or the name that stands for one."""
    match element:
        case cst.Element(value=cst.Name(value=name)):
            return Hole(f"{{{name}}}")
        case cst.Element(value=node):
            return _text(node)
    return None


def _filling(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions within the literals of a concatenated string."""
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
