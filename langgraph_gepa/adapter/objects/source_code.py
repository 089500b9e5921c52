"""The source of a function in memory, and new code from changed source.

A function's code object is found in the syntax tree of its file by line and name, and
proved to be the one by compiling the tree and comparing. Changed code keeps free variables,
names and line numbers, so it takes the old code's place under the same closure, defaults and globals.
"""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
import linecache
import re
import weakref
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, cast

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Position = tuple[int, int, int, int]
"""Line, column, end line, end column of an expression, as ast counts them."""

_FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_OUTER = "__outer__"
_SPOT: dict[str, Any] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


@dataclass(frozen=True, slots=True)
class Source:
    """A function's tree. `owner` is the class whose body it stands in, for name mangling; `imports`
    are the names the file imports, which the compiler calls methods on in another way."""

    node: Function
    owner: str | None
    imports: tuple[str, ...]


@dataclass(frozen=True)
class File:
    tree: ast.Module
    functions: Mapping[int, tuple[Source, ...]]
    classes: Mapping[str, tuple[ast.ClassDef, ...]]
    lines: tuple[str, ...]

    @cached_property
    def literals(self) -> Mapping[str, tuple[ast.Constant, ...]]:
        """The string literals by what they say: as they are written, stripped, and without indentation."""
        found: dict[str, list[ast.Constant]] = {}
        for node in walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for said in {node.value, node.value.strip(), inspect.cleandoc(node.value)}:
                    found.setdefault(said, []).append(node)
        return {said: tuple(nodes) for said, nodes in found.items()}


_files: dict[str, tuple[tuple[str, ...], File | None]] = {}
_changed: weakref.WeakKeyDictionary[CodeType, Source] = weakref.WeakKeyDictionary()
_found: weakref.WeakKeyDictionary[CodeType, Source | None] = weakref.WeakKeyDictionary()


def position(node: ast.expr) -> Position:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def walk(node: ast.AST) -> list[ast.AST]:
    """The nodes of a tree in the order of `ast.walk`, without operators and contexts, in a fraction of its time."""
    found = [node]
    for one in found:  # which grows
        for value in vars(one).values():
            if isinstance(value, list):
                found += [item for item in value if isinstance(item, ast.AST) and _speaks(item)]
            elif isinstance(value, ast.AST) and _speaks(value):
                found.append(value)
    return found


def _speaks(node: ast.AST) -> bool:
    """Whether a node is more than an operator or a context, of which the whole tree has one of each kind."""
    return bool(node._fields) or isinstance(node, ast.stmt)


def mentions(name: str, word: str) -> bool:
    """Whether a file's source has this word in it, which is told without parsing it."""
    return any(word in line for line in linecache.getlines(name))


def written(attribute: str) -> str:
    """An attribute as the code of its class writes it: Python keeps `__prompt` as `_Writer__prompt`."""
    mangled = _MANGLED.fullmatch(attribute)
    return attribute if mangled is None else mangled[1]


_MANGLED = re.compile(r"_[^\W_]\w*?(__\w*[^\W_]_?)")


def file(name: str) -> File | None:
    """The parsed file, or `None` when there is no such file or it is not Python."""
    lines = tuple(linecache.getlines(name))
    known = _files.get(name)
    if known is not None and (known[0] is lines or known[0] == lines):
        return known[1]
    parsed = _parsed(lines) if lines else None
    _files[name] = (lines, parsed)
    return parsed


def source(code: CodeType) -> Source | None:
    """The tree `code` was compiled from; `None` when its file is gone or has changed since."""
    if code in _changed:
        return _changed[code]
    if code not in _found:
        _found[code] = _find(code)
    return _found[code]


def rewritten(code: CodeType, changes: Mapping[Position, ast.expr]) -> CodeType:
    """`code` with the expressions at these positions replaced. `source(code)` must be known."""
    origin = source(code)
    if origin is None:
        raise LookupError(f"the source of {code.co_qualname} is not known")
    new = Source(cast("Function", _replaced(origin.node, changes)), origin.owner, origin.imports)
    compiled = _compiled(new, code)
    if compiled is None or compiled.co_freevars != code.co_freevars:
        raise LookupError(f"{code.co_qualname} cannot be compiled again with the same free variables")
    _changed[compiled] = new
    return compiled


def _parsed(lines: tuple[str, ...]) -> File | None:
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return None
    functions: dict[int, list[Source]] = {}
    classes: dict[str, tuple[ast.ClassDef, ...]] = {}
    imported = tuple(dict.fromkeys(_imports(tree)))
    defined = list(_definitions(tree, lines))
    for node, owner, _ in defined:
        if isinstance(node, Function):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            functions.setdefault(first, []).append(Source(node, owner, imported))
    for node, _, _ in sorted(defined, key=lambda one: one[2]):  # the outermost of a name first
        if isinstance(node, ast.ClassDef):
            classes[node.name] = (*classes.get(node.name, ()), node)
    return File(tree, {line: tuple(found) for line, found in functions.items()}, classes, lines)


def _definitions(tree: ast.AST, lines: Sequence[str]) -> Iterator[tuple[ast.AST, str | None, int]]:
    """The functions and classes of a file from top to bottom, each with the class around it and how deep it lies.

    Expressions are only looked into where their lines say `lambda`: they are most of a file.
    """
    naming = [number for number, line in enumerate(lines, 1) if "lambda" in line]
    todo: list[tuple[ast.AST, str | None, int]] = [(tree, None, 0)]
    while todo:
        node, owner, depth = todo.pop()
        if isinstance(node, Function | ast.ClassDef):
            yield node, owner, depth
        within = node.name if isinstance(node, ast.ClassDef) else owner
        children = [
            child for child in ast.iter_child_nodes(node) if _may_hold(child, naming, isinstance(node, ast.expr))
        ]
        todo += [(child, within, depth + 1) for child in reversed(children)]


def _may_hold(node: ast.AST, naming: Sequence[int], inside: bool) -> bool:
    """Whether a function or class may stand in a node: in an expression, or `inside` of one, on one of these lines."""
    if inside or not isinstance(node, ast.expr):
        return True
    place = bisect_left(naming, node.lineno)
    return place < len(naming) and naming[place] <= (node.end_lineno or node.lineno)


def _imports(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in child.names if alias.name != "*")
        elif not isinstance(child, Function | ast.ClassDef):
            yield from _imports(child)


def _find(code: CodeType) -> Source | None:
    parsed = file(code.co_filename)
    if parsed is None:
        return None
    for candidate in parsed.functions.get(code.co_firstlineno, ()):
        if getattr(candidate.node, "name", "<lambda>") != code.co_name:
            continue
        compiled = _compiled(candidate, code)
        if compiled is not None and _same(compiled, code):
            return candidate
    return None


def _compiled(origin: Source, like: CodeType) -> CodeType | None:
    """Compiles one function by itself, inside a function that holds its free variables."""
    node = copy.copy(origin.node)
    if not isinstance(node, ast.Lambda):
        node.decorator_list = []
        node.returns = None
    body: list[ast.stmt] = [ast.Expr(node, **_SPOT) if isinstance(node, ast.Lambda) else node]
    if origin.owner is not None:
        body = [ast.ClassDef(name=origin.owner, bases=[], keywords=[], body=body, decorator_list=[], **_SPOT)]
    # A function or class that names itself names a global unless it is a closure's variable.
    itself = {name for name in (like.co_name, origin.owner) if name and name.isidentifier()} - set(like.co_freevars)
    if itself:
        body.insert(0, ast.Global(names=sorted(itself), **_SPOT))
    names = [ast.arg(arg=name, **_SPOT) for name in like.co_freevars]
    arguments = ast.arguments(posonlyargs=[], args=names, kwonlyargs=[], kw_defaults=[], defaults=[])
    outer = ast.FunctionDef(name=_OUTER, args=arguments, body=body, decorator_list=[], returns=None, **_SPOT)
    imports: list[ast.stmt] = [ast.Import(names=[ast.alias(name=name, **_SPOT)], **_SPOT) for name in origin.imports]
    module = ast.Module(body=[*imports, outer], type_ignores=[])
    try:
        top = compile(module, like.co_filename, "exec", flags=like.co_flags & _FUTURES, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    found = _named(top, like.co_name, like.co_argcount, node.lineno)
    return None if found is None else _qualified(found, found.co_qualname, like.co_qualname)


def _named(code: CodeType, name: str, arguments: int, line: int) -> CodeType | None:
    """The function's code: the first of its name in the nest, outermost first."""
    layer = [code]
    while layer:
        inner = [const for outer in layer for const in outer.co_consts if isinstance(const, CodeType)]
        for const in inner:
            if const.co_name == name and const.co_argcount == arguments and const.co_firstlineno == line:
                return const
        layer = inner
    return None


def _qualified(code: CodeType, old: str, new: str) -> CodeType:
    """The code under another qualified name; what is defined within it has that in its own, and classes say it."""

    def renamed(const: Any) -> Any:
        if isinstance(const, CodeType):
            return _qualified(const, old, new)
        return new + const[len(old) :] if isinstance(const, str) and const.startswith(f"{old}.<locals>.") else const

    consts = tuple(renamed(const) for const in code.co_consts)
    return code.replace(co_consts=consts, co_qualname=code.co_qualname.replace(old, new, 1))


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, whatever the lines of their decorators."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and len(one.co_consts) == len(other.co_consts)
        and all(
            _same(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else type(a) is type(b) and a == b
            for a, b in zip(one.co_consts, other.co_consts, strict=True)
        )
    )


def _replace_within(made: ast.expr, changes: Mapping[Position, ast.expr]) -> None:
    """Replaces, in an expression that was just made, what was taken over into it: a text may stand inside another's
    placeholder."""
    match made:
        case ast.FormattedValue(value=value):
            made.value = cast("ast.expr", _replaced(value, changes))
        case ast.JoinedStr(values=values):
            for value in values:
                _replace_within(value, changes)
        case ast.BinOp(left=left, right=right):
            made.left, made.right = _operand(left, changes), _operand(right, changes)


def _operand(part: ast.expr, changes: Mapping[Position, ast.expr]) -> ast.expr:
    if hasattr(part, "lineno"):  # it was taken over
        return cast("ast.expr", _replaced(part, changes))
    _replace_within(part, changes)
    return part


def _replaced(node: ast.AST, changes: Mapping[Position, ast.expr]) -> ast.AST:
    """A copy of the tree with expressions replaced; what does not change is shared with the old tree."""
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


def enclosed(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The names that a function takes from those around it, with what they hold; not names that hold nothing yet."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            held = cell.cell_contents
        except ValueError:
            continue
        yield name, held
