"""What a program sees of a text that is written out: a docstring is cleaned, a constant dedented."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import cast

import libcst as cst

from langgraph_gepa.writeback.syntax import literal_value

_METHODS = {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "expandtabs", "replace", "lower", "upper",
            "title", "capitalize"}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[str], str]] = {"dedent": textwrap.dedent, "cleandoc": inspect.cleandoc}


def change(node: cst.Call) -> tuple[cst.BaseExpression | None, Callable[[str], str]]:
    """The expression a call takes its text from, and what it does to it."""
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
    """The description LangChain keeps of a docstring it parses: the paragraphs before those with a heading."""
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
"""What LangChain's tools, pydantic and LangChain's parser of docstrings make of one."""
