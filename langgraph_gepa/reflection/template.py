"""Templates of the reflection prompt: texts with named places, each of which is filled with one section."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from langgraph_gepa.core.placeholders import DOUBLE_BRACES as LITERAL
from langgraph_gepa.core.placeholders import BrokenTemplateError, parts

PLACES: Mapping[str, str] = {
    "objective": "what the program is for, in the user's words",
    "module": "the module's name, kind, nodes, tools and placeholders",
    "text": "the module's current text",
    "rejected": "earlier edits of the text that did not help, with their scores",
    "records": "the records, each with its score, inputs, calls, outcome and feedback",
    "guidance": "what a good text of this kind (prompt, tool, schema) says",
    "placeholders": "which placeholders a new text must keep, and how it writes braces",
    "frozen": "the parts of the text that a new one must keep word for word",
    "notes": "the user's instructions for the module, and the goals beside the score",
    "reply": "the form of the reply, from which the new text is read",
}
"""The places that a template may have, and what stands in each. One without anything to say is filled with nothing."""


_KNOWN = f"Its places are {', '.join(f'{{{name}}}' for name in PLACES)}."

REQUIRED = ("text", "records", "reply")
"""The places without which no text can be improved, or none be read from the reply."""


def fault(template: str, needed: Collection[str] = ()) -> str:
    """Returns what is wrong with a template, and how to fix it; empty when nothing is.

    Beside the required places it has to have those that are `needed`, because something was given to stand there.
    """
    try:
        found = [part for line in template.split("\n") for part in parts(line, "format") if part.name is not None]
    except BrokenTemplateError as broken:
        return f"{broken}"
    for part in found:
        if part.name not in PLACES:
            close = get_close_matches(str(part.name), PLACES, n=1)
            meant = f"Did you mean {{{close[0]}}}? " if close else ""
            return f"{part.written} is no place in it. {meant}{_KNOWN} {LITERAL.capitalize()}."
    for name in (*REQUIRED, *needed):
        if all(part.name != name for part in found):
            return f"it lacks {{{name}}}, the place of {PLACES[name]}. Add it."
    return ""


def fill(template: str, sections: Mapping[str, str]) -> str:
    """Returns the template with a section in each place. Lines that hold empty places and nothing else are left out."""
    lines: list[str] = []
    for line in template.split("\n"):
        split = parts(line, "format")
        filled = "".join(part.literal + (sections[part.name] if part.name else "") for part in split)
        if filled.strip() or len(split) == 1:
            lines.append(filled)
    return "\n".join(lines)
