"""Templates of the reflection prompt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from langgraph_gepa.core.placeholders import parts
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.reflection.template import PLACES, REQUIRED, fault, fill

LEAST = "{text} {records} {reply}"
GUIDE = Path(__file__).parents[2] / "docs" / "reflection.md"


def test_the_own_template_has_every_place_once() -> None:
    """Whatever can be said of a module stands somewhere in the prompt, and once, but for edits that did not help."""
    assert sorted(part.name for part in parts(PROMPT, "format") if part.name) == sorted(PLACES.keys() - {"rejected"})


def test_the_guide_lists_every_place_and_which_are_required() -> None:
    """Its table is what a user writes a template by."""
    listed = dict(re.findall(r"^\| `\{(\w+)\}` \|.*\| ([^|]*?) ?\|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(listed) == sorted(PLACES)
    assert sorted(place for place, when in listed.items() if when == "required") == sorted(REQUIRED)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Improve:\n{text}\n", "Improve:\nBe kind.\n"),
        ("{module}\n{text}\n\nEnd", "Be kind.\n\nEnd"),
        ("About {module}: {text}", "About : Be kind."),
        ('Reply as {{"text": ...}}', 'Reply as {"text": ...}'),
        ("{text} {text}", "Be kind. Be kind."),
    ],
)
def test_a_line_of_an_empty_place_is_left_out(template: str, filled: str) -> None:
    """No gap marks what there is nothing to say of; other lines stand as they are written."""
    assert fill(template, {"module": "", "text": "Be kind."}) == filled


@pytest.mark.parametrize("template", [PROMPT, LEAST, f"{LEAST}{{reply}}", f"{LEAST} {{{{not a place}}}}"])
def test_a_template_with_the_required_places_is_right(template: str) -> None:
    """Any words around them, any number of times, and braces that are doubled."""
    assert fault(template) == ""


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("Improve the text.", "it lacks {text}, the place of the module's current text. Add it."),
        ("{text} {records}", "it lacks {reply}"),
        (f"{LEAST} {{record}}", "{record} is no place in it. Did you mean {records}?"),
        (f"{LEAST} {{}}", "{} is no place in it. Its places are {objective}, {module}"),
        (f"{LEAST} {{0}}", "{0} is no place in it."),
        (f"{LEAST} {{text.upper}}", "{text.upper} is no place in it."),
        (f"{LEAST} {{text!r}}", "{text!r} is no place in it."),
        (f"{LEAST} {{text:>9}}", "{text:>9} is no place in it."),
        (f"{LEAST} {{ text }}", "{ text } is no place in it. Did you mean {text}?"),
        (f'{LEAST} Reply {{"a": 1}}', "Write {{ and }} for a literal brace."),
        (f"{LEAST} {{\n}}", "write {{ and }} for a literal brace"),
        (f"{LEAST} }}", "write {{ and }} for a literal brace"),
    ],
)
def test_what_is_wrong_with_a_template_is_named_with_the_fix(template: str, why: str) -> None:
    """A place that is missing or unknown, and braces that were meant literally."""
    assert why in fault(template)


def test_what_was_given_needs_a_place() -> None:
    """Notes that no prompt would hold are no directions."""
    assert fault(LEAST, ["notes"]).startswith(
        "it lacks {notes}, the place of the user's instructions for the module, and the goals"
    )
    assert fault(f"{LEAST} {{notes}}", ["notes"]) == ""
