"""What the user says about the reflections on a module: the template of the prompt, notes, and frozen parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.core.json_data import brief
from langgraph_gepa.reflection.instructions import PROMPT


@dataclass(frozen=True, slots=True)
class Directions:
    """The `template` of the reflection prompt (see `template.PLACES`), `notes` for the reflection model, and the parts
    of the text that no proposal may touch."""

    template: str = PROMPT
    notes: str = ""
    frozen: tuple[str, ...] = ()


AS_USUAL = Directions()
"""The directions of a module of which the user says nothing."""


def touched(text: str, original: str, frozen: Sequence[str]) -> str | None:
    """Returns which frozen parts of `original` are not in `text` as often as there; `None` when all are."""
    lost = [part for part in frozen if text.count(part) < original.count(part)]
    if not lost:
        return None
    which = "this part is" if len(lost) == 1 else "these parts are"
    return f"{which} to stay exactly as before: {', '.join(map(brief, lost))}"
