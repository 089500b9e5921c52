"""Texts in memory that the program filled in before the graph was there, and the templates they were made from.

A prompt that a constructor or factory fills in, `create_agent(..., system_prompt=PROMPT.format(tools=names))`, stands
in the graph's objects as the result. Its home is the template: a string or f-string of the project's files that
gives the text with some values in its placeholders. The template is the module, and a new one is filled in with the
same values.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace

from langgraph_gepa.adapter.dataflow.source_locations import SourceLocations
from langgraph_gepa.adapter.objects import literals, source_code
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Style

_SIGNS: Mapping[Style, str] = {"format": "{", "percent": "%", "dollars": "$", "jinja2": "{{"}
"""What a placeholder begins with."""


@dataclass(frozen=True, slots=True)
class _Template:
    """`written` is the text as the source has it, `text` as it was filled in."""

    written: str
    text: str
    style: Style
    values: Mapping[str, str]
    location: SourceLocation

    @property
    def letters(self) -> int:
        """Letters of the template's own words."""
        return sum(matching.letters(part.literal) for part in matching.split(self.text, self.style) or ())


def at_home(place: Place, location: SourceLocation, locations: SourceLocations) -> tuple[Place, SourceLocation]:
    """A text that no source writes out as its template, with what fills it and its location; others as they are.

    Of several templates that give the text, it is the one with most of its words, if there is one.
    """
    if location.file is not None or place.kind != "prompt" or place.style not in ("plain", "unknown") or place.tokens:
        return place, location
    found: dict[Hashable, _Template] = {}
    for one in sorted(_templates(place.text, locations), key=lambda one: -one.letters):
        found.setdefault(one.location.key, one)
    best, *others = found.values() or (None,)
    if best is None or (others and others[0].letters == best.letters):
        return place, location
    home = replace(best.location, name=locations.constant(best.written) or location.name)
    return replace(place, text=best.text, style=best.style, values=best.values), home


def _templates(text: str, locations: SourceLocations) -> Iterator[_Template]:
    first = next(iter(text.split()), "")
    for file in locations.sources:
        parsed = source_code.file(file) if first and source_code.mentions(file, first) else None
        for node in () if parsed is None else source_code.walk(parsed.tree):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                for written, read, style in _readings(node):
                    if values := _values(read, style, text):
                        line, column = source_code.position(node)[:2]
                        location = SourceLocation(("literal", file, line, column), file, line)
                        yield _Template(written, read, style, values, location)


def _readings(node: ast.expr) -> Iterator[tuple[str, str, Style]]:
    """The text that an expression writes, and the templates that may be made of it, each with its language: the text
    itself, and without space around it."""
    literal = literals.read(node)
    if literal is None:
        return
    styles: list[Style] = ["fstring"] if literal.style == "fstring" else []
    if isinstance(node, ast.Constant):
        styles = [style for style, sign in _SIGNS.items() if sign in literal.text]
    written = literal.text
    for read in dict.fromkeys((written, written.strip())):
        yield from ((written, read, style) for style in styles)


def _values(template: str, style: Style, text: str) -> Mapping[str, str]:
    """What stands in the template's placeholders in a text that it gives; nothing where it does not give it."""
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
