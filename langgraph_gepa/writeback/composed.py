"""Texts that an expression makes of parts: what each part said, and which of them a change lies in."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from langgraph_gepa.writeback.edits import Edit
from langgraph_gepa.writeback.nodes import Fragments, Hole, View
from langgraph_gepa.writeback.python_reader import SourceFile, chain_of
from langgraph_gepa.writeback.syntax import tree


@dataclass(frozen=True, slots=True)
class Constant:
    """A name that a file gives one text, written out at `line`, and no other value. `names` are those in it."""

    text: str
    line: int
    names: frozenset[str] = frozenset()


Constants = Mapping[str, Constant]


@functools.lru_cache(maxsize=4)
def constants(file: SourceFile) -> Constants:
    """The constants of a file by name, those made of others too."""
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


def stems(file: SourceFile, holes: Iterable[Hole]) -> list[Constant]:
    """The constants that expressions are made of, and those that these are made of."""
    known, found = constants(file), dict[str, Constant]()
    todo = {name for hole in holes for name in re.findall(r"\w+", hole.bare)}
    while todo:
        name = todo.pop()
        if name in known and name not in found:
            found[name] = known[name]
            todo |= known[name].names
    return list(found.values())


def _bound(file: ast.Module) -> Iterator[str]:
    """Every name that a file binds, once for each time."""
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
    """The view that all of an expression gives."""
    start = file.offset(value.lineno, value.col_offset)
    end = file.offset(value.end_lineno or value.lineno, value.end_col_offset or value.col_offset)
    within = (spot.view for spot in file.spots if spot.view.start <= start and end <= spot.view.end)
    around = (view for view in within if not file.code(view.start, start).strip("( \t\r\n"))
    return next(iter(around), None)


def said(hole: Hole, known: Constants) -> str | None:
    """What an expression says, if it is made of constants alone."""
    if hole.bare in known:
        return known[hole.bare].text
    written = None if hole.operand else chain_of(hole.bare)
    return None if written is None else _resolved(written, known)


def _resolved(fragments: Fragments, known: Constants) -> str | None:
    parts = [part if isinstance(part, str) else said(part, known) for part in fragments]
    return None if None in parts else "".join(map(str, parts))


def fixed(view: View, known: Constants) -> str | None:
    """The text that a view with expressions in it always gives, as they are all constants."""
    return None if view.seen is not None else _resolved(view.chain.fragments, known)


def made(view: View, edit: Edit, known: Constants) -> Mapping[str, Hole]:
    """What each expression said when the edit's old text was made, where that can be told for sure."""
    written = view.chain.fragments
    holes = {part: said(part, known) for part in written if isinstance(part, Hole)}
    words = " ".join(part if isinstance(part, str) else holes[part] or "" for part in written).split()
    if edit.style == "fstring" or view.seen is not None or not holes:
        return {}
    if len(words) < WORDS and None in holes.values():
        return {}
    tight, wide = (re.fullmatch(_pattern(written, holes, way), edit.old, re.DOTALL) for way in (".+?", ".+"))
    if tight is None or wide is None or tight.groups() != wide.groups():
        return {}
    values = dict(zip(tight.groups(), (part for part in written if isinstance(part, Hole)), strict=True))
    told = all(edit.old.count(value) == tight.groups().count(value) for value in values)
    return values if told and len(values) == len(holes) else {}


def _pattern(written: Fragments, holes: Mapping[Hole, str | None], way: str) -> str:
    parts = []
    for part in written:
        if isinstance(part, str):
            parts.append(re.escape(part))
        else:
            text = holes[part]
            parts.append(f"({way})" if text is None else f"({re.escape(text)})")
    return "".join(parts)


def lost(edit: Edit, values: Mapping[str, Hole]) -> dict[str, Hole]:
    """The expressions, by what they said, that the new text does not keep."""
    return {value: hole for value, hole in values.items() if edit.new.count(value) != edit.old.count(value)}


def narrowed(file: SourceFile, edit: Edit, values: Mapping[str, Hole]) -> tuple[str, Edit] | None:
    """The one constant that all of a change lies in, and the edit of it; `None` where the file names it again."""
    if len(gone := lost(edit, values)) != 1:
        return None
    ((value, hole),) = gone.items()
    name, constant = hole.bare, constants(file).get(hole.bare)
    if constant is None or edit.old.count(value) != 1 or len(re.findall(rf"\b{name}\b", file.text)) != _TWICE:
        return None
    before, _, after = edit.old.partition(value)
    end = len(edit.new) - len(after)
    if end < len(before) or not edit.new.startswith(before) or not edit.new.endswith(after):
        return None
    return name, Edit(value, edit.new[len(before) : end], constant.line)


def computed(file: SourceFile, edit: Edit) -> int | None:
    """The line of an expression that may make the text when the program runs; `None` where none is seen."""
    parts, known = set(), constants(file)
    for spot in sorted(file.spots, key=lambda spot: spot.line != edit.line):
        written = spot.view.chain.fragments
        if any(isinstance(part, Hole) for part in written) and fixed(spot.view, known) is not None:
            continue  # it says another text now
        literal = "".join(fragment for fragment in written if isinstance(fragment, str))
        pattern = "".join(_FIELD.sub(".*", re.escape(f)) if isinstance(f, str) else ".*" for f in written)
        wordy = len(literal.split()) >= WORDS
        if ".*" in pattern and wordy and re.fullmatch(pattern, edit.old, re.DOTALL):
            return spot.line
        if edit.line is not None and edit.line in spot.around and wordy and literal.strip() in edit.old:
            parts.add(literal)
    return edit.line if len(parts) > 1 else None


def maker(file: SourceFile, edit: Edit) -> tuple[int, str] | None:
    """The line and code that the text is put together by when the program runs, if it may well be: at its line a name
    is given more than a text written out, and where there are words in that, the text has most of them."""
    statements = list(_statements((tree(file.text) or ast.Module([], [])).body))
    seen = computed(file, edit)
    line = edit.line if seen is None else seen
    value = next((held for held in map(_value, statements) if line in range(held.lineno, _end(held))), None)
    if line is None or (seen is None and (value is None or not _may_make(file, value, edit.old))):
        return None
    code = "" if value is None else " ".join((ast.get_source_segment(file.text, value) or "").split())
    return line, code if len(code) <= _SHOWN else f"{code[: _SHOWN * 2 // 3]}…{code[-_SHOWN // 3 :]}"


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a file is loaded, without those that hold others."""
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


def _may_make(file: SourceFile, value: ast.AST, text: str) -> bool:
    view = _view(file, value) if isinstance(value, ast.expr) else None
    if view is not None and (view.fragments is None or _resolved(view.fragments, constants(file)) is not None):
        return False
    named = any(isinstance(node, ast.Name) for node in ast.walk(value))
    if not named or any(_texts(*_given(node)) for node in ast.walk(value)):
        return False
    words = [word for literal in _texts(value) for word in literal.split()]
    return sum(word in text for word in words) * 2 >= len(words)


def _given(node: ast.AST) -> Iterator[ast.expr]:
    """What a call is given and a list holds: a text there is one by itself."""
    match node:
        case ast.Call(args=args, keywords=keywords):
            yield from (*args, *(keyword.value for keyword in keywords))
        case ast.List(elts=several) | ast.Tuple(elts=several) | ast.Dict(values=several):
            yield from several


def _texts(*within: ast.AST) -> list[str]:
    """The literals in some expressions that are more than a name or a value."""
    inside = (node.value for one in within for node in ast.walk(one) if isinstance(node, ast.Constant))
    return [value for value in inside if isinstance(value, str) and len(value.split()) >= WORDS]


WORDS = 2
"""An expression with fewer words written out could have made anything."""
_TWICE = 2
"""How often the name of a constant stands in its file that one expression uses."""
_SHOWN = 72
"""Letters of an expression that are shown."""
_FIELD = re.compile(r"\\{[^{}]*\\}|%s")
