"""Knows which calls act on the world outside the process: calls of the standard library, and statements of SQL."""

from __future__ import annotations

import ast
import re
import sys

CODE_RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
"""Built-in functions that run code."""

_ACTING_MODULES = frozenset({"ftplib", "multiprocessing", "pty", "smtplib", "socket", "subprocess", "webbrowser"})
"""Modules of the standard library of which every call acts."""

_PATH_METHODS = re.compile(r"(write_\w+|unlink|rename|replace|rmdir|mkdir|touch)")
_ACTING_FUNCTIONS = {
    "os": re.compile(r"(system|popen|exec\w*|spawn\w*|fork\w*|kill\w*|remove\w*|unlink|re(name|place)\w*|rmdir|"
                     r"m(k|ake)dirs?|ch(mod|own)|truncate|symlink|link|putenv|write)"),
    "shutil": re.compile(r"(rmtree|move|copy\w*|make_archive|unpack_archive|chown)"),
    "asyncio": re.compile(r"create_subprocess_\w+"),
    "pathlib": _PATH_METHODS,
}  # fmt: skip
_ALIASES = {"posix": "os", "nt": "os", "_io": "io"}

READING_SQL = frozenset({"select", "with", "show", "explain", "describe", "pragma", "values"})
WRITING_SQL = frozenset({
    "insert", "update", "delete", "drop", "alter", "create", "replace", "truncate", "merge", "grant", "revoke",
})  # fmt: skip
SQL_METHODS = frozenset({"execute", "executemany", "executescript", "query", "run", "fetch", "fetchrow", "fetchval"})
"""Methods by which databases take statements."""
_STATEMENT = re.compile(r"\s*(--[^\n]*\n\s*)*([a-z]+)\b", re.IGNORECASE)

VALUE_METHODS = frozenset(name for kind in (str, bytes, int, float, list, dict, set, tuple) for name in dir(kind))
"""Methods of plain values, which touch nothing outside."""
MUTATING_METHODS = frozenset({
    "append", "extend", "insert", "add", "update", "remove", "discard", "pop", "popitem", "clear", "setdefault",
})  # fmt: skip
"""Those that change the value."""

RUNNING_METHODS = frozenset({"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "get_relevant_documents"})
"""Methods that run LangChain's runnables."""


def acting_call(dotted: str) -> str | None:
    """Returns the standard library's name of a function that acts, `os.remove`; `None` for every other."""
    module, name = dotted.split(".")[0], dotted.rpartition(".")[2]
    module = _ALIASES.get(module, module)
    pattern = _ACTING_FUNCTIONS.get(module)
    acts = module in _ACTING_MODULES or (pattern is not None and pattern.fullmatch(name))
    return f"{module}.{name}" if acts else None


def is_standard(dotted: str) -> bool:
    """Whether a dotted name is the standard library's."""
    module = dotted.split(".")[0]
    return _ALIASES.get(module, module) in sys.stdlib_module_names


def is_path_method(name: str) -> bool:
    """Whether a method changes a file: of a path, and not of strings as well."""
    return name != "replace" and _PATH_METHODS.fullmatch(name) is not None


def opens_for_writing(node: ast.Call) -> bool:
    """Whether a call of `open` has a mode, written as a literal, that writes."""
    modes = [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "mode")]
    literals = (one.value for one in modes if isinstance(one, ast.Constant) and isinstance(one.value, str))
    return any(set("wax+") & set(mode) for mode in literals)


def sql_verb(node: ast.Call) -> str | None:
    """Returns the verb of the SQL statement that a call's first argument begins with as a literal, if any."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    if isinstance(first, ast.Call) and first.args:  # sqlalchemy.text("...")
        first = first.args[0]
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return None
    match = _STATEMENT.match(first.value)
    verb = match[2].lower() if match and " " in first.value.strip() else ""
    return verb if verb in READING_SQL | WRITING_SQL else None
