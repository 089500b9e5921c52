"""The text of a jinja2 template that was made when its module was imported: the template itself keeps none."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import jinja2

from langgraph_gepa.adapter.objects import definitions


def source(template: jinja2.Template, names: dict[str, Any], name: str) -> str | None:
    """What `template`, the global `name` among `names`, was made from: its file, or what its module's source says.

    `None` where that cannot be told, or makes another template than this one.
    """
    text = _from_file(template) or _written(names, name)
    if text is None:
        return None
    again = template.environment.from_string(text)
    return text if _code(again) == _code(template) else None


def _from_file(template: jinja2.Template) -> str | None:
    path = Path(template.filename or "")
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def _written(names: dict[str, Any], name: str) -> str | None:
    match definitions.assigned_value(names, name):
        case (_, ast.Call(args=[ast.Constant(value=str(text)), *_])):
            return text
        case (_, ast.Call(args=[ast.Name(id=held), *_])) if isinstance(names.get(held), str):
            return str(names[held])
    return None


def _code(template: jinja2.Template) -> tuple[Any, ...]:
    """What jinja2 made of a template, but for the names of files in it."""
    compiled = template.root_render_func.__code__
    return compiled.co_code, compiled.co_consts, compiled.co_names, sorted(template.blocks)
