"""Texts found again in what was said, and said anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.adapter import templates
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Style

LONG = "Answer the visitor's question about the museum"

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="#"), max_size=12)


@given(before=VALUES, name=VALUES, room=VALUES)
@pytest.mark.parametrize(
    ("text", "style"),
    [
        (LONG + "#1 {name}#2{room}#3", "format"),
        (LONG + "#1 {{name}}#2{{ room }}#3", "mustache"),
        (LONG + "#1 {{ name }}#2{{room}}{# a remark #}#3", "jinja2"),
    ],
)
def test_what_filled_a_template_is_known_from_what_was_said(
    text: str, style: Style, before: str, name: str, room: str
) -> None:
    """Filling a text and finding it again gives back the values, wherever in a message it stands."""
    said = matching.filled(text, style, {"name": name, "room": room})
    pattern = matching.pattern(text, style)
    assert said is not None
    assert pattern is not None
    (match,) = pattern.matches(before + said)
    assert (match.start, match.values) == (len(before), {"name": name, "room": room})
    assert "".join(said[a - len(before) : b - len(before)] for a, b in match.literal_spans()) == f"{LONG}#1 #2#3"


@given(before=VALUES, name=VALUES, room=VALUES)
@pytest.mark.parametrize(
    ("text", "style", "tokens", "keys"),
    [
        (LONG + "#1 100%% %s#2%d#3", "percent", (), ("#1", "#2")),
        (LONG + "#1 100%% %(name)s#2%(room)s#3", "percent", (), ("name", "room")),
        (LONG + "#1 100%% $name#2${room}#3", "dollars", (), ("name", "room")),
        (LONG + "#1 100%% <name>#2ROOM#3", "plain", ("<name>", "ROOM"), ("<name>", "ROOM")),
    ],
)
def test_what_signs_and_tokens_stood_for_is_known_too(
    text: str, style: Style, tokens: tuple[str, ...], keys: tuple[str, ...], before: str, name: str, room: str
) -> None:
    """What `%`, `string.Template` and `replace` fill is found again and said anew like any template."""
    values = dict(zip(keys, (name, room), strict=True))
    said = matching.filled(text, style, values, tokens)
    pattern = matching.pattern(text, style, tokens)
    percent = "%" if style == "percent" else "%%"
    assert said == f"{LONG}#1 100{percent} {name}#2{room}#3"
    assert pattern is not None
    (match,) = pattern.matches(before + said)
    assert (match.start, match.values) == (len(before), values)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("{% if name %}Hello {{ name }}{% endif %}", "jinja2"),
        ("Hello {{ name | upper }}, and welcome to the museum", "jinja2"),
        ("{{#names}}Hello{{/names}} and welcome to the museum", "mustache"),
        ("Hello {name", "format"),
        ("{name}", "format"),
        ("...", "plain"),
    ],
)
def test_templates_with_logic_or_without_words_are_not_looked_for(text: str, style: Style) -> None:
    """What cannot be told from the message is not guessed at."""
    assert matching.pattern(text, style) is None


def test_a_short_text_is_only_known_as_a_whole_message() -> None:
    """A few letters may stand anywhere by chance."""
    pattern = matching.pattern("Be brief.\n")
    assert pattern is not None
    assert [m.start for m in pattern.matches("  Be brief. ")] == [2]
    assert list(pattern.matches("Be brief. And kind.")) == []


def test_a_repeated_placeholder_is_one_value() -> None:
    """Both of its places say the same, or the text does not stand there."""
    pattern = matching.pattern(f"{LONG} {{name}} for {{name}}.", "format")
    assert pattern is not None
    assert [m.values for m in pattern.matches(f"{LONG} Ada for Ada.")] == [{"name": "Ada"}]
    assert list(pattern.matches(f"{LONG} Ada for Bob.")) == []


def test_conversion_and_format_are_part_of_what_is_filled() -> None:
    """A value is put in as it was said, whatever the new text writes after its name."""
    text = "The price of the ticket to the museum is {price:.2f} euros"
    pattern = matching.pattern(text, "format")
    assert pattern is not None
    (match,) = pattern.matches("The price of the ticket to the museum is 3.50 euros")
    assert matching.filled("{price:.2f} euros", "format", match.values) == "3.50 euros"
    assert matching.filled("{price} euros", "format", match.values) == "3.50 euros"
    assert templates.check("{price:.2f} euros", text, "format") is None
    assert matching.filled("{other}", "format", match.values) is None
