"""Templates are found in messages, with what filled them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.adapter import templates
from langgraph_gepa.core import matching
from langgraph_gepa.core.matching import Match
from langgraph_gepa.core.module import Style
from langgraph_gepa.core.placeholders import literals

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
def test_a_filled_template_gives_back_its_values(text: str, style: Style, before: str, name: str, room: str) -> None:
    """Filling a text and finding it again gives back the values, wherever in a message it stands."""
    message = matching.filled(text, style, {"name": name, "room": room})
    pattern = matching.pattern(text, style)
    assert message is not None
    assert pattern is not None
    (match,) = pattern.matches(before + message)
    assert (match.start, match.values) == (len(before), {"name": name, "room": room})
    assert "".join(message[a - len(before) : b - len(before)] for a, b in match.literal_spans()) == f"{LONG}#1 #2#3"


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
def test_signs_and_tokens_give_back_their_values_too(
    text: str, style: Style, tokens: tuple[str, ...], keys: tuple[str, ...], before: str, name: str, room: str
) -> None:
    """What `%`, `string.Template` and `replace` fill is found again, and filled anew, like in any template."""
    values = dict(zip(keys, (name, room), strict=True))
    message = matching.filled(text, style, values, tokens)
    pattern = matching.pattern(text, style, tokens)
    percent = "%" if style == "percent" else "%%"
    assert message == f"{LONG}#1 100{percent} {name}#2{room}#3"
    assert pattern is not None
    (match,) = pattern.matches(before + message)
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
    """A value is put in as it was message, whatever the new text writes after its name."""
    text = "The price of the ticket to the museum is {price:.2f} euros"
    pattern = matching.pattern(text, "format")
    assert pattern is not None
    (match,) = pattern.matches("The price of the ticket to the museum is 3.50 euros")
    assert matching.filled("{price:.2f} euros", "format", match.values) == "3.50 euros"
    assert matching.filled("{price} euros", "format", match.values) == "3.50 euros"
    assert templates.check("{price:.2f} euros", text, "format") is None
    assert matching.filled("{other}", "format", match.values) is None


@pytest.mark.parametrize(
    ("text", "style", "parts"),
    [
        ("a {x} b {{y}} c", "format", ("a", "b {y} c")),
        ("a {x} b", "plain", ("a {x} b",)),
        ("a {{x}} b", "mustache", ("a", "b")),
        ("a {% if x %} b {{ y }}{% endif %}", "jinja2", ("a", "b")),
        ("broken {", "fstring", ("broken {",)),
        ("{x}", "format", ()),
    ],
)
def test_a_message_carries_a_text_with_anything_in_its_placeholders(
    text: str, style: Style, parts: tuple[str, ...]
) -> None:
    """A text is recognised by its literals in order; one without literals is carried by no message."""
    assert literals(text, style) == parts
    assert matching.carries("so: " + " anything ".join(parts), parts, style) is bool(parts)
    assert not matching.carries(" anything ".join(reversed(parts)), parts, style) or len(parts) < 2 or style != "format"


def test_half_of_a_template_with_branches_is_enough() -> None:
    """The branches of a mustache or jinja2 text may be left out, so its literals need not all be in a message."""
    assert matching.carries("a long beginning", ("a long beginning", "an end"), "jinja2")
    assert not matching.carries("a long beginning", ("a long beginning", "an end"), "format")


@given(st.lists(st.text("ab ", max_size=3), max_size=4), st.text("ab ", max_size=12), st.integers(0, 4))
def test_literals_in_order_are_where_they_say_and_do_not_overlap(parts: list[str], message: str, start: int) -> None:
    """Each position holds its literal, after the end of the one before."""
    starts = matching.in_order(message, parts, start)
    if starts is None:
        return
    assert len(starts) == len(parts)
    for part, at in zip(parts, starts, strict=True):
        assert message[at : at + len(part)] == part
        assert at >= start
        start = at + len(part)


@pytest.mark.parametrize(
    ("message", "parts", "found"),
    [
        ("Say: You guide visitors in Rome.", ["You guide visitors in ", "."], Match(5, 32, holes=((27, 31),))),
        ("You guide visitors. To a. To b.", ["You guide visitors. ", "."], Match(0, 31, holes=((20, 30),))),
        ("You guide visitors to {% if x %}", ["You guide visitors to ", ""], Match(0, 32, holes=((22, 32),))),
        (" Be kind. ", ["Be kind."], Match(0, 10)),
        ("Be kind. Or not.", ["Be kind."], None),
        ("Nothing of it stands here", ["You guide visitors in ", "."], None),
    ],
)
def test_a_text_is_located_by_its_literals(message: str, parts: list[str], found: Match | None) -> None:
    """The last literal is taken at the end of the message; a short text is located only as a whole message."""
    assert matching.locate(message, parts) == found


def test_a_pattern_covers_a_text_that_is_all_its_filling() -> None:
    """Space around the text does not count; words before or after it do."""
    pattern = matching.pattern(f"{LONG}, {{name}}!", "format")
    assert pattern is not None
    assert pattern.covers(f"\n{LONG}, Ada!\n")
    assert not pattern.covers(f"{LONG}, Ada! Now.")
    assert pattern.occurs_in(f"{LONG}, Ada! Now.")
