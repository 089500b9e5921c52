"""Templates of the reflection prompt: texts with named places, each of which is filled with one section."""

from __future__ import annotations

from collections.abc import Mapping

from langgraph_gepa.core.placeholders import parts

PLACES: Mapping[str, str] = {
    "objective": "what the program is for, in the user's words",
    "module": "the module's name, kind, nodes, tools and placeholders",
    "text": "the module's current text",
    "records": "the records, each with its score, inputs, calls, outcome and feedback",
    "guidance": "what a good text of this kind (prompt, tool, schema) says",
    "placeholders": "which placeholders a new text must keep, and how it writes braces",
    "reply": "the form of the reply, from which the new text is read",
}
"""The places that a template may have, and what stands in each. One without anything to say is filled with nothing."""


def fill(template: str, sections: Mapping[str, str]) -> str:
    """Returns the template with a section in each place. Lines that hold empty places and nothing else are left out."""
    lines: list[str] = []
    for line in template.split("\n"):
        split = parts(line, "format")
        filled = "".join(part.literal + (sections[part.name] if part.name else "") for part in split)
        if filled.strip() or len(split) == 1:
            lines.append(filled)
    return "\n".join(lines)
