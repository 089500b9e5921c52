"""Which of several files with one name a function reads, told from where it is written and what it names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from os.path import commonpath
from pathlib import Path, PurePath
from types import FunctionType

from langgraph_gepa.adapter.dataflow.text_files import Text
from langgraph_gepa.adapter.objects import imports, source_code


def reachable(texts: Sequence[Text], functions: Sequence[FunctionType]) -> list[Text]:
    """Those of the texts that the functions, one of which names the file and one of which reads it, most likely mean.

    That is what lies in a folder they hold the path of; else what they name every folder on the way to, from such a
    folder or from their own; else what lies in folders of data. Another program's files are never meant.
    """
    values = list(_values(functions))
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


def _values(functions: Iterable[FunctionType]) -> Iterator[str]:
    """The strings that functions say, and the strings and paths that they name."""
    for function in functions:
        found = source_code.source(function.__code__)
        for node in source_code.walk(found.node) if found is not None else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
        yield from outside(function)


def outside(function: FunctionType) -> Iterator[str]:
    """The strings and paths that a function's code names: in closures, globals and defaults."""
    cells = (held for _, held in source_code.enclosed(function))
    globals_ = (function.__globals__.get(name) for name in function.__code__.co_names)
    imported = (value for one in imports.imported_names(function) for value in imports.values(function, one.name))
    for value in (*cells, *globals_, *imported, *(function.__defaults__ or ())):
        if issubclass(type(value), str | PurePath):
            yield str(value)
