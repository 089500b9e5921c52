"""What changed in a text, on a few lines: the counts of lines, and the first of the new ones."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_gepa.report.html.text_diff import Line, diff
from langgraph_gepa.report.view import ModuleView
from langgraph_gepa.report.words import one_line, plural

FIRST = 2
"""New lines that are quoted of each text."""
_WORDS = 3
"""Shorter lines, such as headings, are quoted only where there are no others."""
_BEFORE = 24
"""Unchanged characters that are quoted before the first change in a line."""


def in_short(module: ModuleView, width: int) -> Iterator[str]:
    """Yields the module's name with the counts of lines, then its first new lines, each at most `width` long."""
    rows = [row for row in diff(module.seed, module.best) if row.kind != "same"]
    new = [row.new for row in rows if row.new is not None]
    gone = sum(row.old is not None for row in rows)
    quoted = [line for line in new if len(line.text.split()) >= _WORDS] or [line for line in new if line.text.strip()]
    counts = f"+{plural(len(new), 'line')}" + (f", −{plural(gone, 'line')}" if gone else "")
    yield f"{one_line(module.module.name, width - 30)}  {counts}"
    for line in quoted[:FIRST]:
        yield f"  {one_line(_from_change(line), width - 2)}"


def _from_change(line: Line) -> str:
    """The line, from shortly before its first change on."""
    same = ""
    for segment in line.segments:
        if segment.changed:
            break
        same += segment.text
    if len(same) <= _BEFORE or same == line.text:
        return line.text
    return f"…{line.text[len(same) - _BEFORE :]}"
