"""What a tool's code does to the world outside the process, read from its source.

A tool whose whole code is seen and touches nothing does no harm, whatever its name; one that starts a process, runs
code, writes a file, sends a request that changes something or writes to a database does. Between the two, where the
code goes on in objects that cannot be followed, its name and description have to tell (`tool_words`).
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import ownership, source_code
from langgraph_gepa.adapter.tools.name_hints import acting, reading

DEEPEST = 4
"""Calls from one function into another that are followed."""
_RUNS_CODE = frozenset({"exec", "eval", "compile", "__import__"})
_ACTING_MODULES = frozenset({"ftplib", "multiprocessing", "pty", "smtplib", "socket", "subprocess", "webbrowser"})
"""Modules of the standard library whose every call acts."""
_ACTING_FUNCTIONS = {
    "os": re.compile(r"(system|popen|exec\w*|spawn\w*|fork\w*|kill\w*|remove\w*|unlink|re(name|place)\w*|rmdir|"
                     r"m(k|ake)dirs?|ch(mod|own)|truncate|symlink|link|putenv|write)"),
    "shutil": re.compile(r"(rmtree|move|copy\w*|make_archive|unpack_archive|chown)"),
    "asyncio": re.compile(r"create_subprocess_\w+"),
    "pathlib": re.compile(r"(write_\w+|unlink|rename|replace|rmdir|mkdir|touch)"),
}  # fmt: skip
_WRITES = re.compile(r"[wax+]")
_SQL = re.compile(r"\s*(--[^\n]*\n\s*)*([a-z]+)\b", re.IGNORECASE)
_SQL_READING = frozenset({"select", "with", "show", "explain", "describe", "pragma", "values"})
_SQL_WRITING = frozenset({
    "insert", "update", "delete", "drop", "alter", "create", "replace", "truncate", "merge", "grant", "revoke",
})  # fmt: skip
_SQL_METHODS = frozenset({"execute", "executemany", "executescript", "query", "run", "fetch", "fetchrow", "fetchval"})
_VALUE_METHODS = frozenset(name for kind in (str, bytes, int, float, list, dict, set, tuple) for name in dir(kind))
_RUNNING = frozenset({"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "get_relevant_documents"})


@dataclass(slots=True)
class Effects:
    """`acts` says what the code does to the world, empty where nothing was seen; `open` whether some of it could not be
    followed; `keeps` whether it changes objects of the process that outlive the call."""

    acts: str = ""
    open: bool = False
    keeps: bool = False
    seen: set[int] = field(default_factory=set)

    @property
    def none(self) -> bool:
        """Whether all of the code is known to touch nothing."""
        return not (self.acts or self.open or self.keeps)


def effects(tool: BaseTool) -> Effects:
    """What calling `tool` does, as far as its source tells."""
    found = Effects()
    _tool(tool, found, 0)
    return found


def _tool(tool: BaseTool, found: Effects, depth: int) -> None:
    functions = [one for name in ("func", "coroutine") if (one := getattr(tool, name, None)) is not None]
    if not functions:
        kinds = (BaseTool, StructuredTool, Tool)
        functions = [
            MethodType(method, tool)
            for name in ("_run", "_arun")
            if isinstance(method := inspect.getattr_static(type(tool), name, None), FunctionType)
            and not any(vars(kind).get(name) is method for kind in kinds)
        ]
    if not functions:
        found.open = True
    for function in functions:
        _callable(function, found, depth)


def _callable(called: Any, found: Effects, depth: int) -> None:
    """Follows what a call leads to."""
    called = inspect.unwrap(called) if isinstance(called, FunctionType) else called
    if isinstance(called, partial):
        _callable(called.func, found, depth)
    elif isinstance(called, MethodType):
        _function(called.__func__, found, depth, called.__self__)
    elif isinstance(called, FunctionType):
        _function(called, found, depth, None)
    elif isinstance(called, BaseTool):
        _tool(called, found, depth + 1)
    elif isinstance(called, Pregel):
        pass  # another agent, whose tools are judged themselves
    else:
        found.open = True


def _function(function: Any, found: Effects, depth: int, owner: Any) -> None:
    if id(function.__code__) in found.seen:
        return
    found.seen.add(id(function.__code__))
    origin = source_code.source(function.__code__)
    if origin is None or depth > DEEPEST:
        found.open = True
        return
    reader = _Reader(function, found, depth, owner, ownership.own_code(function.__code__, function.__module__))
    body = origin.node.body
    for statement in body if isinstance(body, list) else [body]:
        for node in ast.walk(statement):
            reader.read(node)


class _Reader:
    """Reads one function's tree. In libraries only what plainly acts counts: their own bookkeeping is no concern."""

    def __init__(self, function: FunctionType, found: Effects, depth: int, owner: Any, own: bool) -> None:
        self.found, self.depth, self.owner, self.own = found, depth, owner, own
        self.names: Mapping[str, Any] = {
            **vars(builtins),
            **function.__globals__,
            **dict(source_code.enclosed(function)),
        }
        compiled = function.__code__
        self.local = {*compiled.co_varnames, *compiled.co_cellvars}
        self.myself = compiled.co_varnames[0] if owner is not None and compiled.co_varnames else None
        self.imported: dict[str, str] = {}

    def read(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
            self.imported |= {(one.asname or one.name): start + one.name for one in node.names}
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Global):
            self.found.keeps = True
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            self.found.keeps |= self._outlives(node)

    def _outlives(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and (node.id not in self.local or node.id == self.myself)

    def _call(self, node: ast.Call) -> None:
        path = _path(node.func)
        if path and path[0] in self.imported:
            self._by_name(".".join([self.imported[path[0]], *path[1:]]), node)
        elif path and (path[0] not in self.local or path[0] == self.myself):
            value, known = self._object(path)
            if known:
                self._known(value, path, node)
            else:
                self._unknown(path[-1], node, self._outlives(node.func))
        elif isinstance(node.func, ast.Attribute):
            self._unknown(node.func.attr, node, False)
        elif not isinstance(node.func, ast.Lambda):
            self.found.open = True

    def _object(self, path: list[str]) -> tuple[Any, bool]:
        """What a dotted name stands for, and whether that is known. Nothing is run to look up attributes."""
        if path[0] == self.myself:
            value: Any = self.owner
        elif path[0] in self.names:
            value = self.names[path[0]]
        else:
            return None, False
        for name in path[1:]:
            holder = value
            value = inspect.getattr_static(value, name, _MISSING)
            if isinstance(value, staticmethod | classmethod):
                value = MethodType(value.__func__, holder) if isinstance(value, classmethod) else value.__func__
            elif isinstance(value, FunctionType) and not isinstance(holder, ModuleType | type):
                value = MethodType(value, holder)
            if value is _MISSING or isinstance(value, property):
                return None, False
        return value, True

    def _known(self, value: Any, path: list[str], node: ast.Call) -> None:
        module = getattr(value, "__module__", None) or ""
        holder = self._object(path[:-1])[0] if len(path) > 1 else None
        if isinstance(holder, Runnable) and path[-1] in _RUNNING:
            if isinstance(holder, BaseTool):
                _tool(holder, self.found, self.depth + 1)
        elif isinstance(value, type):
            if not ownership.own(module):  # making an object of one's own only keeps what it is given
                self._by_name(f"{module}.{value.__name__}", node)
        elif isinstance(value, BuiltinFunctionType) and getattr(value, "__self__", None) is not None and module == "":
            self._unknown(path[-1], node, True)
        elif value is open or (isinstance(value, BuiltinFunctionType) and module in ("builtins", "io", "_io")):
            self._builtin(value, node)
        elif isinstance(value, FunctionType | MethodType | partial | BaseTool | Pregel):
            self._followed(value, module, path, node)
        elif module:
            self._by_name(f"{module}.{path[-1]}", node)
        else:
            self._unknown(path[-1], node, self._outlives(node.func))

    def _followed(self, value: Any, module: str, path: list[str], node: ast.Call) -> None:
        function = getattr(value, "__func__", value)
        top = module.split(".")[0]
        if isinstance(function, FunctionType) and top in sys.stdlib_module_names and top != "__main__":
            self._by_name(f"{module}.{function.__name__}", node)
        elif isinstance(function, FunctionType) and not ownership.own_code(function.__code__, module) and self.own:
            self._by_name(f"{module}.{path[-1]}", node)
            if not self.found.acts:
                _callable(value, self.found, max(self.depth, DEEPEST - 2))
        else:
            _callable(value, self.found, self.depth + 1)

    def _builtin(self, value: Any, node: ast.Call) -> None:
        name = getattr(value, "__name__", "")
        if name in _RUNS_CODE:
            self._acts(name)
        elif name == "open" and any(_WRITES.search(mode) for mode in _modes(node)):
            self._acts("open for writing")

    def _by_name(self, dotted: str, node: ast.Call) -> None:
        """A call into a module that is known by its name."""
        top, name = dotted.split(".")[0], dotted.rpartition(".")[2]
        top = {"posix": "os", "nt": "os", "_io": "io"}.get(top, top)
        pattern = _ACTING_FUNCTIONS.get(top)
        if top in _ACTING_MODULES or (pattern is not None and pattern.fullmatch(name)):
            self._acts(f"{top}.{name}")
        elif top not in sys.stdlib_module_names:
            self._unknown(name, node, False)

    def _unknown(self, name: str, node: ast.Call, outlives: bool) -> None:
        """A call of a method or function that cannot be followed, judged by its name and the SQL it is given."""
        statement = _sql(node)
        if statement in _SQL_WRITING:
            self._acts(f".{name} with {statement.upper()}")
        elif name in _SQL_METHODS and (statement in _SQL_READING or not self.own):
            return
        elif name.startswith("execute") or (name == "run" and statement is not None) or self._writes(name):
            self._acts(f".{name}")
        elif name in _VALUE_METHODS:
            self.found.keeps |= outlives and name in _CHANGING
        elif self.own and acting(name):
            self._acts(f".{name}")
        elif not (self.own and reading(name)):
            self.found.open = True

    def _writes(self, name: str) -> bool:
        """Whether a method writes a file: of a path, unless it is one of strings as well."""
        return self.own and name != "replace" and _ACTING_FUNCTIONS["pathlib"].fullmatch(name) is not None

    def _acts(self, what: str) -> None:
        self.found.acts = self.found.acts or what


_MISSING = object()
_CHANGING = frozenset({
    "append", "extend", "insert", "add", "update", "remove", "discard", "pop", "popitem", "clear", "setdefault",
})  # fmt: skip


def _path(node: ast.expr) -> list[str]:
    """`["a", "b"]` for `a.b`; empty where it does not start with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _modes(node: ast.Call) -> Iterator[str]:
    """The mode a file is opened with, where it is written out."""
    given = [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "mode")]
    yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _sql(node: ast.Call) -> str | None:
    """The first word of a statement in the call's first argument, where that starts with a literal of several words."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    if isinstance(first, ast.Call) and first.args:  # sqlalchemy.text("...")
        first = first.args[0]
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return None
    match = _SQL.match(first.value)
    word = match[2].lower() if match and " " in first.value.strip() else ""
    return word if word in _SQL_READING | _SQL_WRITING else None
