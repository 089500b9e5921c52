"""Texts that a program puts together from parts: the value of each part, and which part a change lies in."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from langgraph_gepa.writeback.edits import Edit
from langgraph_gepa.writeback.python_reader import SourceFile, chain_of
from langgraph_gepa.writeback.source_text import Expression, Fragments, View, tree


@dataclass(frozen=True, slots=True)
class Constant:
    """A name that a file assigns once, to a text written at `line`. `names` are those of the constants in it."""

    text: str
    line: int
    names: frozenset[str] = frozenset()


Constants = Mapping[str, Constant]


@functools.lru_cache(maxsize=4)
def constants(file: SourceFile) -> Constants:
    """The constants of a file by name, including those put together from others."""
    parsed = tree(file.text) or ast.Module([], [])
    bound = Counter(_bound(parsed))
    known: dict[str, Constant] = {}
    for statement in parsed.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1:
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if bound[name] == 1:
                pass
            case _:
                continue
        view = _view(file, value)
        text = None if view is None or view.fragments is None else _resolved(view.fragments, known)
        if text is not None:
            names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
            known[name] = Constant(text, value.lineno, frozenset(names))
    return known


def constants_in(file: SourceFile, expressions: Iterable[Expression]) -> list[Constant]:
    """The constants in some expressions, and those that they are put together from."""
    known, found = constants(file), dict[str, Constant]()
    todo = {name for expression in expressions for name in re.findall(r"\w+", expression.bare)}
    while todo:
        name = todo.pop()
        if name in known and name not in found:
            found[name] = known[name]
            todo |= known[name].names
    return list(found.values())


def _bound(file: ast.Module) -> Iterator[str]:
    """Every name that a file binds, as often as it binds it."""
    for node in ast.walk(file):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.Global(names=names):
                yield from names


def _view(file: SourceFile, value: ast.expr) -> View | None:
    """The view of the whole expression."""
    start = file.offset(value.lineno, value.col_offset)
    end = file.offset(value.end_lineno or value.lineno, value.end_col_offset or value.col_offset)
    within = (site.view for site in file.sites if site.view.start <= start and end <= site.view.end)
    around = (view for view in within if not file.code(view.start, start).strip("( \t\r\n"))
    return next(iter(around), None)


def value_of(expression: Expression, known: Constants) -> str | None:
    """The value of an expression made of constants alone, otherwise `None`."""
    if expression.bare in known:
        return known[expression.bare].text
    written = None if expression.operand else chain_of(expression.bare)
    return None if written is None else _resolved(written, known)


def _resolved(fragments: Fragments, known: Constants) -> str | None:
    parts = [part if isinstance(part, str) else value_of(part, known) for part in fragments]
    return None if None in parts else "".join(map(str, parts))


def constant_value(view: View, known: Constants) -> str | None:
    """The text of a view whose expressions are all constants, otherwise `None`."""
    return None if view.transform is not None else _resolved(view.chain.fragments, known)


def values_of_parts(view: View, edit: Edit, known: Constants) -> Mapping[str, Expression]:
    """The expressions by the part of the edit's old text that each gave; empty where that is not certain."""
    written = view.chain.fragments
    expressions = {part: value_of(part, known) for part in written if isinstance(part, Expression)}
    words = " ".join(part if isinstance(part, str) else expressions[part] or "" for part in written).split()
    if edit.style == "fstring" or view.transform is not None or not expressions:
        return {}
    if len(words) < WORDS and None in expressions.values():
        return {}
    tight, wide = (re.fullmatch(_pattern(written, expressions, way), edit.old, re.DOTALL) for way in (".+?", ".+"))
    if tight is None or wide is None or tight.groups() != wide.groups():
        return {}
    values = dict(zip(tight.groups(), (part for part in written if isinstance(part, Expression)), strict=True))
    certain = all(edit.old.count(value) == tight.groups().count(value) for value in values)
    return values if certain and len(values) == len(expressions) else {}


def _pattern(written: Fragments, expressions: Mapping[Expression, str | None], way: str) -> str:
    parts = []
    for part in written:
        if isinstance(part, str):
            parts.append(re.escape(part))
        else:
            text = expressions[part]
            parts.append(f"({way})" if text is None else f"({re.escape(text)})")
    return "".join(parts)


def lost(edit: Edit, values: Mapping[str, Expression]) -> dict[str, Expression]:
    """Those of `values` whose part of the old text the new one does not keep."""
    return {value: expression for value, expression in values.items() if edit.new.count(value) != edit.old.count(value)}


def narrowed_to_constant(file: SourceFile, edit: Edit, values: Mapping[str, Expression]) -> tuple[str, Edit] | None:
    """The one constant that the whole change lies in, and its edit; `None` where the file names it elsewhere too."""
    if len(gone := lost(edit, values)) != 1:
        return None
    ((value, expression),) = gone.items()
    name, constant = expression.bare, constants(file).get(expression.bare)
    if constant is None or edit.old.count(value) != 1 or len(re.findall(rf"\b{name}\b", file.text)) != _TWICE:
        return None
    before, _, after = edit.old.partition(value)
    end = len(edit.new) - len(after)
    if end < len(before) or not edit.new.startswith(before) or not edit.new.endswith(after):
        return None
    return name, Edit(value, edit.new[len(before) : end], constant.line)


def computing_line(file: SourceFile, edit: Edit) -> int | None:
    """The line of an expression that may give the text when the program runs, otherwise `None`."""
    parts, known = set(), constants(file)
    for site in sorted(file.sites, key=lambda site: site.line != edit.line):
        written = site.view.chain.fragments
        if any(isinstance(part, Expression) for part in written) and constant_value(site.view, known) is not None:
            continue  # it gives another text now
        literal = "".join(fragment for fragment in written if isinstance(fragment, str))
        pattern = "".join(_FIELD.sub(".*", re.escape(f)) if isinstance(f, str) else ".*" for f in written)
        wordy = len(literal.split()) >= WORDS
        if ".*" in pattern and wordy and re.fullmatch(pattern, edit.old, re.DOTALL):
            return site.line
        if edit.line is not None and edit.line in site.lines and wordy and literal.strip() in edit.old:
            parts.add(literal)
    return edit.line if len(parts) > 1 else None


def computing_code(file: SourceFile, edit: Edit) -> tuple[int, str] | None:
    """The line and code that may put the text together when the program runs, otherwise `None`.

    At the edit's line a name is assigned an expression that is not a literal, and the text has most words of its
    literals.
    """
    statements = list(_statements((tree(file.text) or ast.Module([], [])).body))
    seen = computing_line(file, edit)
    line = edit.line if seen is None else seen
    value = next((held for held in map(_value, statements) if line in range(held.lineno, _end(held))), None)
    if line is None or (seen is None and (value is None or not _may_compute(file, value, edit.old))):
        return None
    code = "" if value is None else " ".join((ast.get_source_segment(file.text, value) or "").split())
    return line, code if len(code) <= _LONGEST else f"{code[: _LONGEST * 2 // 3]}…{code[-_LONGEST // 3 :]}"


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a file is loaded, but for compound ones, whose inner statements are taken."""
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.If | ast.Try | ast.With | ast.For | ast.While):
            yield from _statements(node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt))
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def _value(statement: ast.stmt) -> ast.expr | ast.stmt:
    held = getattr(statement, "value", None)
    return held if isinstance(held, ast.expr) else statement


def _end(node: ast.expr | ast.stmt) -> int:
    return (node.end_lineno or node.lineno) + 1


def _may_compute(file: SourceFile, value: ast.AST, text: str) -> bool:
    view = _view(file, value) if isinstance(value, ast.expr) else None
    if view is not None and (view.fragments is None or _resolved(view.fragments, constants(file)) is not None):
        return False
    named = any(isinstance(node, ast.Name) for node in ast.walk(value))
    if not named or any(_texts(*_given(node)) for node in ast.walk(value)):
        return False
    words = [word for literal in _texts(value) for word in literal.split()]
    return sum(word in text for word in words) * 2 >= len(words)


def _given(node: ast.AST) -> Iterator[ast.expr]:
    """Arguments of a call and elements of a list: a text among them stands for itself."""
    match node:
        case ast.Call(args=args, keywords=keywords):
            yield from (*args, *(keyword.value for keyword in keywords))
        case ast.List(elts=several) | ast.Tuple(elts=several) | ast.Dict(values=several):
            yield from several


def _texts(*within: ast.AST) -> list[str]:
    """The string literals in some expressions that have enough words to be a text."""
    inside = (node.value for one in within for node in ast.walk(one) if isinstance(node, ast.Constant))
    return [value for value in inside if isinstance(value, str) and len(value.split()) >= WORDS]


WORDS = 2
"""An expression with fewer words in its literals could give any text."""
_TWICE = 2
"""How often a constant that is used once is named in its file."""
_LONGEST = 72
"""Characters of an expression in a message."""
_FIELD = re.compile(r"\\{[^{}]*\\}|%s")
