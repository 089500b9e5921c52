"""The calls that fill in a template, and the template languages they read."""

from __future__ import annotations

import ast
import linecache
import re
import string
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import jinja2
from langchain_core.prompts.string import jinja2_formatter, mustache_formatter
from langchain_core.utils import mustache

from langgraph_gepa.adapter.dataflow.text_files import roots
from langgraph_gepa.adapter.dataflow.uses import Rendered, Use
from langgraph_gepa.adapter.objects import ownership

MISSING = object()
"""The value of an expression that cannot be known without running it."""

_SYNTAX = re.compile(
    r"_start_string|_end_string|line_statement_prefix|line_comment_prefix|def (?:preprocess|filter_stream)"
)
"""Names of jinja2 options, and of methods of its extensions, that change its syntax."""
_MUSTACHES = {"chevron", "pystache"}
_HARMLESS_PACKAGES = {"langsmith", "pydantic", "pydantic_core", "typing_extensions"}
"""Packages that fill in no texts."""


def filled(node: ast.Call, name: str, target: Any, receiver: Any, file: str) -> Iterator[tuple[ast.expr, Use]]:
    """The argument of a call that is a template, and its language.

    `target` is the callable and `receiver` the object or class whose method it is, each `MISSING` if unknown; `file` is
    the file of the call.
    """
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    text = node.args[0] if node.args else next((given[key] for key in ("source", "template") if key in given), None)
    if text is None:
        return
    if name == "Template" or is_subclass(target, string.Template) or is_subclass(target, jinja2.Template):
        yield text, _template(target, given)
    elif name == "from_string":
        yield text, _environment(receiver, file)
    elif is_subclass(target, jinja2.DictLoader):
        yield text, _environment(None, file)
    elif name == "vformat" or (name == "format" and _formats(receiver)):
        yield text, "format"
    elif target is mustache.render or target is mustache_formatter or (name == "render" and _top(target) in _MUSTACHES):
        yield text, "mustache"
    elif isinstance(node.func, ast.Name) and name in ("eval", "exec", "compile") and target is MISSING:
        yield text, "foreign"
    elif target is jinja2_formatter:
        yield text, Rendered(None)


def framework(target: Any) -> bool:
    """Whether a callable belongs to LangChain or LangGraph."""
    return bool(_top(target)) and ownership.framework(target.__module__)


def foreign(target: Any) -> bool:
    """Whether a callable belongs to an installed package that is not known, which may do anything with a text."""
    top = _top(target)
    known = top in sys.stdlib_module_names or top in _HARMLESS_PACKAGES or ownership.framework(top)
    return bool(top) and not known and not ownership.own(target.__module__)


def _template(target: Any, given: dict[str | None, ast.expr]) -> Use:
    if is_subclass(target, string.Template):
        return "dollars" if target.pattern is string.Template.pattern else "foreign"
    if not is_subclass(target, jinja2.Template):
        return "foreign"
    options = given.keys() - {"source"}
    return "foreign" if None in options or any(map(_changes_syntax, map(str, options))) else Rendered(None)


def _environment(receiver: Any, file: str) -> Use:
    """An unknown environment has jinja2's default syntax, unless the project changes it somewhere."""
    if issubclass(type(receiver), jinja2.Environment):
        return Rendered(receiver)
    return "foreign" if any(_syntax_changes(root, tuple(sys.modules)) for root in roots([file])) else Rendered(None)


@cache
def _syntax_changes(root: str, modules: tuple[str, ...]) -> bool:
    """Whether a module below a folder changes the syntax of jinja2."""
    found = (getattr(sys.modules.get(name), "__file__", None) for name in modules if ownership.own(name))
    files = [file for file in found if file and Path(file).is_relative_to(root)]
    return any(_changes_syntax(line) for file in files for line in linecache.getlines(file))


def _changes_syntax(words: str) -> bool:
    return _SYNTAX.search(words) is not None


def _top(target: Any) -> str:
    """The top-level package of a function or class; empty for anything else."""
    module = target.__module__ if issubclass(type(target), FunctionType | type) else None
    return module.partition(".")[0] if isinstance(module, str) else ""


def _formats(receiver: Any) -> bool:
    return receiver is str or isinstance(receiver, string.Formatter) or is_subclass(receiver, string.Formatter)


def is_subclass(target: Any, *bases: type) -> bool:
    """Whether an object is a class that derives from one of these."""
    return issubclass(type(target), type) and issubclass(target, bases)
