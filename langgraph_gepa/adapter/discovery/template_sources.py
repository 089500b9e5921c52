"""Finds the template in the source from which a text in memory was made.

A prompt that a constructor or factory fills in, `create_agent(..., system_prompt=PROMPT.format(tools=names))`, is held
by the graph's objects as the result. It is written in the template: a string or f-string of the project's files that
gives the text with some values in its placeholders. The template is the module, and a new one is filled in with the
same values. A compiled jinja2 template does not keep its own text either.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from langgraph_gepa.adapter.dataflow.source_locations import SourceLocations
from langgraph_gepa.adapter.objects import definitions, source_code, text_literals
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Style

_SIGNS: Mapping[Style, str] = {"format": "{", "percent": "%", "dollars": "$", "jinja2": "{{"}
"""What a placeholder begins with."""


@dataclass(frozen=True, slots=True)
class _Template:
    """A template that gives a text with `values` in its placeholders.

    `written` is the template as the source writes it, `text` as it was filled in.
    """

    written: str
    text: str
    style: Style
    values: Mapping[str, str]
    location: SourceLocation

    @property
    def letters(self) -> int:
        """How many letters the template's own words have."""
        return sum(matching.letters(part.literal) for part in matching.split(self.text, self.style) or ())


def as_template(place: Place, location: SourceLocation, locations: SourceLocations) -> tuple[Place, SourceLocation]:
    """Returns the template of a text that is not itself in the source, and where that is written; other texts as they
    are.

    Of several templates that give the text, it is the one with the most words of it, if there is one.
    """
    if location.file is not None or place.kind != "prompt" or place.style not in ("plain", "unknown") or place.tokens:
        return place, location
    found: dict[Hashable, _Template] = {}
    for one in sorted(_templates(place.text, locations), key=lambda one: -one.letters):
        found.setdefault(one.location.key, one)
    best, *others = found.values() or (None,)
    if best is None or (others and others[0].letters == best.letters):
        return place, location
    written = replace(best.location, name=locations.constant(best.written) or location.name)
    return replace(place, text=best.text, style=best.style, values=best.values), written


def _templates(text: str, locations: SourceLocations) -> Iterator[_Template]:
    first = next(iter(text.split()), "")
    for file in locations.sources:
        parsed = source_code.file(file) if first and source_code.mentions(file, first) else None
        for node in () if parsed is None else source_code.walk(parsed.tree):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                for written, read, style in _readings(node):
                    if values := _values(read, style, text):
                        line, column = source_code.position(node)[:2]
                        location = SourceLocation.of_literal(file, line, column)
                        yield _Template(written, read, style, values, location)


def _readings(node: ast.expr) -> Iterator[tuple[str, str, Style]]:
    """The text that an expression writes, with the templates that may be made of it and their languages: the text
    itself, and the text without space around it."""
    literal = text_literals.read(node)
    if literal is None:
        return
    styles: list[Style] = ["fstring"] if literal.style == "fstring" else []
    if isinstance(node, ast.Constant):
        styles = [style for style, sign in _SIGNS.items() if sign in literal.text]
    written = literal.text
    for read in dict.fromkeys((written, written.strip())):
        yield from ((written, read, style) for style in styles)


def _values(template: str, style: Style, text: str) -> Mapping[str, str]:
    """The values of a template's placeholders in a text that it gives; empty where it does not give the text."""
    parts = matching.split(template, style)
    if parts is None or not text.startswith(parts[0].literal) or not text.endswith(parts[-1].literal):
        return {}
    if not all(part.literal in text for part in parts):
        return {}
    pattern = matching.pattern(template, style)
    if pattern is None or pattern.whole:  # too short: it may give the text by chance
        return {}
    match = next(replace(pattern, whole=True).matches(text), None)
    if match is None or matching.filled(template, style, match.values) != text:
        return {}
    return match.values


def compiled_source(template: jinja2.Template, names: dict[str, Any], name: str) -> str | None:
    """The text that `template`, the global `name` among `names`, was compiled from: a file, or a string in its module.

    `None` where that is not known, or compiles to another template than this one.
    """
    text = _in_file(template) or _in_module(names, name)
    if text is None:
        return None
    again = template.environment.from_string(text)
    return text if _code(again) == _code(template) else None


def _in_file(template: jinja2.Template) -> str | None:
    path = Path(template.filename or "")
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def _in_module(names: dict[str, Any], name: str) -> str | None:
    match definitions.assigned_value(names, name):
        case (_, ast.Call(args=[ast.Constant(value=str(text)), *_])):
            return text
        case (_, ast.Call(args=[ast.Name(id=held), *_])) if isinstance(names.get(held), str):
            return str(names[held])
    return None


def _code(template: jinja2.Template) -> tuple[Any, ...]:
    """The code that jinja2 compiled a template to, without the names of files in it."""
    compiled = template.root_render_func.__code__
    return compiled.co_code, compiled.co_consts, compiled.co_names, sorted(template.blocks)
