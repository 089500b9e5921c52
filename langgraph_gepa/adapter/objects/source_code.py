"""Finds the syntax tree of a function in memory.

A function's code object is looked up in the tree of its file by line and name. Compiling the tree and comparing the
result proves that the file has not changed since.
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
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Position = tuple[int, int, int, int]
"""Line, column, end line and end column of an expression, as `ast` counts them."""

_FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_OUTER = "__outer__"
_POSITION: dict[str, Any] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


@dataclass(frozen=True, slots=True)
class Source:
    """A function's tree. `owner` is the name of its class, for name mangling; `imports` are the names that the file
    imports, as the compiler treats calls of their methods differently."""

    node: Function
    owner: str | None
    imports: tuple[str, ...]


@dataclass(frozen=True)
class File:
    """A parsed file: its functions by first line, its classes by name."""

    tree: ast.Module
    functions: Mapping[int, tuple[Source, ...]]
    classes: Mapping[str, tuple[ast.ClassDef, ...]]
    lines: tuple[str, ...]

    @cached_property
    def literals(self) -> Mapping[str, tuple[ast.Constant, ...]]:
        """The string literals by their texts: as written, stripped, and without indentation."""
        found: dict[str, list[ast.Constant]] = {}
        for node in walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for text in {node.value, node.value.strip(), inspect.cleandoc(node.value)}:
                    found.setdefault(text, []).append(node)
        return {text: tuple(nodes) for text, nodes in found.items()}


_files: dict[str, tuple[tuple[str, ...], File | None]] = {}
_remembered: weakref.WeakKeyDictionary[CodeType, Source] = weakref.WeakKeyDictionary()
_found: weakref.WeakKeyDictionary[CodeType, Source | None] = weakref.WeakKeyDictionary()


def position(node: ast.expr) -> Position:
    """The position of an expression."""
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def walk(node: ast.AST) -> list[ast.AST]:
    """The nodes of a tree in the order of `ast.walk`, without operators and contexts, which is much faster."""
    found = [node]
    for one in found:  # which grows
        for value in vars(one).values():
            if isinstance(value, list):
                found += [item for item in value if isinstance(item, ast.AST) and _has_content(item)]
            elif isinstance(value, ast.AST) and _has_content(value):
                found.append(value)
    return found


def _has_content(node: ast.AST) -> bool:
    """Whether a node is more than an operator or a context, which the whole tree shares."""
    return bool(node._fields) or isinstance(node, ast.stmt)


def mentions(name: str, word: str) -> bool:
    """Whether a file contains a word, without parsing the file."""
    return any(word in line for line in linecache.getlines(name))


def unmangled(attribute: str) -> str:
    """An attribute's name in the code of its class: Python stores `__prompt` as `_Writer__prompt`."""
    mangled = _MANGLED.fullmatch(attribute)
    return attribute if mangled is None else mangled[1]


_MANGLED = re.compile(r"_[^\W_]\w*?(__\w*[^\W_]_?)")


def file(name: str) -> File | None:
    """The parsed file; `None` if it does not exist or is not Python."""
    lines = tuple(linecache.getlines(name))
    known = _files.get(name)
    if known is not None and (known[0] is lines or known[0] == lines):
        return known[1]
    parsed = _parsed(lines) if lines else None
    _files[name] = (lines, parsed)
    return parsed


def source(code: CodeType) -> Source | None:
    """The tree that `code` was compiled from; `None` if its file is gone or has changed since."""
    if code in _remembered:
        return _remembered[code]
    if code not in _found:
        _found[code] = _find(code)
    return _found[code]


def remember(code: CodeType, tree: Source) -> None:
    """Records the tree of code that was compiled from no file."""
    _remembered[code] = tree


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
    """The functions and classes of a file from top to bottom, each with the class around it and its depth.

    Expressions, which are most of a file, are only searched on lines with `lambda`.
    """
    lambdas = [number for number, line in enumerate(lines, 1) if "lambda" in line]
    todo: list[tuple[ast.AST, str | None, int]] = [(tree, None, 0)]
    while todo:
        node, owner, depth = todo.pop()
        if isinstance(node, Function | ast.ClassDef):
            yield node, owner, depth
        within = node.name if isinstance(node, ast.ClassDef) else owner
        children = [
            child for child in ast.iter_child_nodes(node) if _may_hold(child, lambdas, isinstance(node, ast.expr))
        ]
        todo += [(child, within, depth + 1) for child in reversed(children)]


def _may_hold(node: ast.AST, lambdas: Sequence[int], inside: bool) -> bool:
    """Whether a node may hold a function or class; expressions may if they are `inside` one, or span such a line."""
    if inside or not isinstance(node, ast.expr):
        return True
    index = bisect_left(lambdas, node.lineno)
    return index < len(lambdas) and lambdas[index] <= (node.end_lineno or node.lineno)


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
        compiled = compiled_alone(candidate, code)
        if compiled is not None and _same(compiled, code):
            return candidate
    return None


def compiled_alone(origin: Source, like: CodeType) -> CodeType | None:
    """Compiles one function by itself, inside a function that has its free variables; `None` if that fails."""
    node = copy.copy(origin.node)
    if not isinstance(node, ast.Lambda):
        node.decorator_list = []
        node.returns = None
    body: list[ast.stmt] = [ast.Expr(node, **_POSITION) if isinstance(node, ast.Lambda) else node]
    if origin.owner is not None:
        body = [ast.ClassDef(name=origin.owner, bases=[], keywords=[], body=body, decorator_list=[], **_POSITION)]
    # A function or class that names itself names a global unless it is a closure's variable.
    itself = {name for name in (like.co_name, origin.owner) if name and name.isidentifier()} - set(like.co_freevars)
    if itself:
        body.insert(0, ast.Global(names=sorted(itself), **_POSITION))
    names = [ast.arg(arg=name, **_POSITION) for name in like.co_freevars]
    arguments = ast.arguments(posonlyargs=[], args=names, kwonlyargs=[], kw_defaults=[], defaults=[])
    outer = ast.FunctionDef(name=_OUTER, args=arguments, body=body, decorator_list=[], returns=None, **_POSITION)
    imports: list[ast.stmt] = [
        ast.Import(names=[ast.alias(name=name, **_POSITION)], **_POSITION) for name in origin.imports
    ]
    module = ast.Module(body=[*imports, outer], type_ignores=[])
    try:
        top = compile(module, like.co_filename, "exec", flags=like.co_flags & _FUTURES, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    found = _named(top, like.co_name, like.co_argcount, node.lineno)
    return None if found is None else _qualified(found, found.co_qualname, like.co_qualname)


def _named(code: CodeType, name: str, arguments: int, line: int) -> CodeType | None:
    """The code of the function with this name, searched from the outside in."""
    layer = [code]
    while layer:
        inner = [const for outer in layer for const in outer.co_consts if isinstance(const, CodeType)]
        for const in inner:
            if const.co_name == name and const.co_argcount == arguments and const.co_firstlineno == line:
                return const
        layer = inner
    return None


def _qualified(code: CodeType, old: str, new: str) -> CodeType:
    """The code with another qualified name, also as a prefix of the names of what is defined in it."""

    def renamed(const: Any) -> Any:
        if isinstance(const, CodeType):
            return _qualified(const, old, new)
        return new + const[len(old) :] if isinstance(const, str) and const.startswith(f"{old}.<locals>.") else const

    consts = tuple(renamed(const) for const in code.co_consts)
    return code.replace(co_consts=consts, co_qualname=code.co_qualname.replace(old, new, 1))


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects are equal apart from line numbers."""
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


def enclosed(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The free variables of a function with their values, without variables that have none yet."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            held = cell.cell_contents
        except ValueError:
            continue
        yield name, held
