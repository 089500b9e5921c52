"""Finds the names of files that functions mention or pass on, and which file is meant where several have one name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from os.path import commonpath
from pathlib import Path, PurePath
from types import FunctionType

from langgraph_gepa.adapter.dataflow.flow import Flow, Reading
from langgraph_gepa.adapter.dataflow.syntax_nodes import last, parameters
from langgraph_gepa.adapter.dataflow.text_files import Text
from langgraph_gepa.adapter.objects import imports, source_code

_DEPTH = 4
"""Functions that the name of a file is followed through."""
_HOLE = re.compile(r"%s|%\(\w+\)s|\{\w*\}")
"""Where a path that is filled in takes a name."""

Calls = Mapping[str, Sequence[tuple[Reading, ast.Call]]]
"""Name of a function -> its calls, and the functions they are in."""


@dataclass(frozen=True, slots=True)
class FileName:
    """A string that may name a file, in the code of `function`."""

    function: FunctionType
    name: str
    without_ending: bool = False


def mentioned(reading: Reading) -> Iterator[FileName]:
    """The names that may be a file's in a function: its strings, and the strings and paths of variables outside it."""
    function = reading.function
    for node in source_code.walk(reading.node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield FileName(function, node.value)
    yield from (FileName(function, value) for value in outside(function))


def calls_by_name(flow: Flow) -> Calls:
    """The calls in all functions, by the name of the function they call."""
    found: dict[str, list[tuple[Reading, ast.Call]]] = defaultdict(list)
    for reading in flow.readings.values():
        for node in source_code.walk(reading.node):
            if isinstance(node, ast.Call):
                found[last(node.func)].append((reading, node))
    return found


def passed(called: str, calls: Calls, through: frozenset[str] = frozenset()) -> Iterator[FileName]:
    """The strings that a function is called with, also those that its callers pass on, by themselves or within the path
    of a file. `through` are the functions that were followed already."""
    through |= {called}
    for reading, call in calls.get(called, ()):
        function = reading.function
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield FileName(function, argument.value, without_ending=True)
                continue
            written = _assigned(argument, reading)
            used = {node.id for node in ast.walk(written) if isinstance(node, ast.Name)}
            own = used.intersection(parameters(function.__code__)) - {"self", "cls"}
            if not own and (path := _path(written, _globals(used, function))):
                yield FileName(function, path, without_ending=True)
            if own and function.__name__ not in through and len(through) < _DEPTH:
                for outer in passed(function.__name__, calls, through):
                    path = _path(written, dict.fromkeys(own, outer.name))
                    whole = path if len(own) == 1 and outer.name in path else outer.name
                    yield FileName(outer.function, whole, without_ending=True)


def _globals(names: Iterable[str], function: FunctionType) -> dict[str, str]:
    """The strings and paths of the function's module under these names."""
    held = {name: function.__globals__.get(name) for name in names}
    return {name: str(value) for name, value in held.items() if isinstance(value, str | PurePath)}


def _assigned(argument: ast.expr, reading: Reading) -> ast.expr:
    """The expression that is assigned to a variable that is an argument; any other argument itself."""
    assigned = (node for node in source_code.walk(reading.node) if isinstance(node, ast.Assign))
    wanted = ast.dump(ast.Name(argument.id, ast.Store())) if isinstance(argument, ast.Name) else ""
    return next((node.value for node in assigned if wanted in map(ast.dump, node.targets)), argument)


def _path(node: ast.expr, values: Mapping[str, str]) -> str:
    """The path that an expression makes of these variables, without its parts that are not in the source."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return values.get(name, "")
        case ast.JoinedStr(values=parts):
            return "".join(_path(part, values) for part in parts)
        case ast.FormattedValue(value=one) | ast.Call(func=ast.Attribute(value=one), args=[]):
            return _path(one, values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _path(left, values) + _path(right, values)
        case ast.BinOp(left=left, op=ast.Mod(), right=one):
            return _HOLE.sub(lambda _: _path(one, values), _path(left, values))
        case ast.Call(func=ast.Attribute(value=left, attr="format"), args=several, keywords=named):
            filled = "".join(_path(one, values) for one in (*several, *(keyword.value for keyword in named)))
            return _HOLE.sub(lambda _: filled, _path(left, values))
        case ast.Call(func=ast.Attribute(value=left, attr="with_suffix"), args=[ending]):
            return _path(left, values) + _path(ending, values)
        case ast.Call(func=ast.Attribute(value=left, attr="joinpath"), args=parts):
            return "/".join(filter(None, (_path(part, values) for part in (left, *parts))))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return "/".join(filter(None, (_path(left, values), _path(right, values))))
        case ast.Call(args=parts):
            return "/".join(filter(None, (_path(part, values) for part in parts)))
    return ""


def reachable(texts: Sequence[Text], functions: Sequence[FunctionType]) -> list[Text]:
    """The texts, of files with one name, that are most likely meant by the functions that name and read the file.

    These are the files in a folder whose path the functions hold; else those to which the functions name every folder
    on the way, from such a folder or from their own; else those in folders of data. Files of another program are never
    meant.
    """
    values = list(_strings(functions))
    named = {part for value in values for part in PurePath(value).parts}
    held = [Path(value) for value in values if PurePath(value).is_absolute()]
    own = [Path(function.__code__.co_filename).parent for function in functions]
    ranks = {text: _rank(Path(text.file), held, own, named) for text in texts}
    best = min((rank for rank in ranks.values() if rank is not None), default=None)
    return [text for text, rank in ranks.items() if rank == best and best is not None]


def _rank(file: Path, held: Sequence[Path], own: Sequence[Path], named: Iterable[str]) -> int | None:
    if file.parent in held:
        return 0
    ways = [(above, file.relative_to(above).parts[:-1]) for one in (*held, *own) if (above := _common(file, one))]
    if any({*parts} <= {*named} for _, parts in ways):
        return 1
    return 2 if any(not _has_code(str(above / parts[0])) for above, parts in ways if parts) else None


def _common(file: Path, folder: Path) -> Path | None:
    try:
        return Path(commonpath([file.parent, folder]))
    except ValueError:  # on different drives, or one is no absolute path
        return None


@cache
def _has_code(folder: str) -> bool:
    return next(Path(folder).rglob("*.py"), None) is not None


def _strings(functions: Iterable[FunctionType]) -> Iterator[str]:
    """The strings in the code of functions, and the strings and paths of variables outside them."""
    for function in functions:
        found = source_code.source(function.__code__)
        for node in source_code.walk(found.node) if found is not None else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
        yield from outside(function)


def outside(function: FunctionType) -> Iterator[str]:
    """The strings and paths of variables that a function's code uses: in closures, globals and defaults."""
    cells = (held for _, held in source_code.enclosed(function))
    globals_ = (function.__globals__.get(name) for name in function.__code__.co_names)
    imported = (value for one in imports.imported_names(function) for value in imports.values(function, one.name))
    for value in (*cells, *globals_, *imported, *(function.__defaults__ or ())):
        if issubclass(type(value), str | PurePath):
            yield str(value)
