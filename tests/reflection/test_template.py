"""Templates of the reflection prompt."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.placeholders import parts
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.reflection.template import PLACES, fill


def test_the_own_template_has_every_place_once() -> None:
    """Whatever can be said of a module stands somewhere in the prompt, and once."""
    assert sorted(part.name for part in parts(PROMPT, "format") if part.name) == sorted(PLACES)


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
