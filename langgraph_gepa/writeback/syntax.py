"""What this Python makes of a piece of source."""

from __future__ import annotations

import ast
import warnings


def evaluated(code: str) -> ast.expr | None:
    """The tree of an expression; `None` when this Python does not take it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an old escape such as "\d" is not ours to complain of
            return ast.parse(f"({code}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def tree(source: str) -> ast.Module | None:
    """The tree of a whole file; `None` when this Python does not take it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def is_python(source: str) -> bool:
    """Whether this Python takes a whole file."""
    return tree(source) is not None


def literal_value(code: str) -> object:
    """What an expression made of literals is. Raises `ValueError` for any other."""
    tree = evaluated(code)
    if tree is None:
        raise ValueError(code)
    return ast.literal_eval(tree)
