"""What a program sees of a text in its source: docstrings cleaned and parsed for arguments, constants dedented."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import libcst as cst

from langgraph_gepa.writeback.source_text import literal_value

_METHODS = {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "expandtabs", "replace", "lower", "upper",
            "title", "capitalize"}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[str], str]] = {"dedent": textwrap.dedent, "cleandoc": inspect.cleandoc}


def wrapped_text(node: cst.Call) -> tuple[cst.BaseExpression | None, Callable[[str], str]]:
    """The expression whose text a call changes, and the change; `(None, str)` for other calls."""
    name = node.func.attr.value if isinstance(node.func, cst.Attribute) else getattr(node.func, "value", "")
    if name in _FUNCTIONS and len(node.args) == 1:
        return node.args[0].value, _FUNCTIONS[name]
    if isinstance(node.func, cst.Attribute) and name in _METHODS and not any(a.keyword or a.star for a in node.args):
        try:
            arguments = [literal_value(cst.Module([]).code_for_node(argument.value)) for argument in node.args]
            getattr("", name)(*arguments)
        except (ValueError, TypeError):
            return None, str
        return node.func.value, lambda text: cast("str", getattr(text, name)(*arguments))
    return None, str


def _described(docstring: str) -> str:
    """The description that LangChain takes from a docstring it parses: the paragraphs before the first heading."""
    kept = []
    for block in inspect.cleandoc(docstring).split("\n\n"):
        if block.startswith(("Args:", "Returns:", "Example:")):
            break
        kept.append(block)
    return " ".join(kept).strip()


READERS: tuple[Callable[[str], str], ...] = (
    lambda docstring: textwrap.dedent(docstring).strip(),
    inspect.cleandoc,
    _described,
)
"""What LangChain's tools, pydantic and LangChain's docstring parser make of a docstring."""


_BLOCK = re.compile(r"^[ \t]*Args:[ \t]*\n((?:[ \t]*\S.*(?:\n|\Z))+)", re.MULTILINE)
_LINE = re.compile(r"[^\n]+")
_ARGUMENT = re.compile(r"\s*(\w+)(?: \([^:]*\))?\s*:[ \t]*")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument's description as LangChain reads it, and where it stands in the docstring."""

    name: str
    text: str
    start: int
    end: int


def arguments(docstring: str) -> Iterator[Argument]:
    """The arguments that a docstring in Google's style describes. A line with a colon begins another argument."""
    block = _BLOCK.search(docstring)
    if block is None:
        return
    current: Argument | None = None
    for line in _LINE.finditer(docstring, block.start(1), block.end(1)):
        head = _ARGUMENT.match(docstring, line.start(), line.end())
        if ":" in line[0]:
            if current is not None:
                yield current
            text = docstring[head.end() : line.end()].strip() if head else ""
            current = Argument(head[1], text, head.end(), line.end()) if head else None
        elif current is not None:
            current = replace(current, text=f"{current.text} {line[0].strip()}".strip(), end=line.end())
    if current is not None:
        yield current


def described(docstring: str, name: str) -> str:
    """The description of one argument in a docstring that `inspect` has cleaned."""
    return next((argument.text for argument in arguments(inspect.cleandoc(docstring)) if argument.name == name), "")
