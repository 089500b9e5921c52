from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.prompts.string import get_template_variables

from langgraph_gepa.agent import templates
from langgraph_gepa.search.module import Style

NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)
LITERALS = st.text(alphabet="ab {}\n:!", max_size=12)
PIECES = st.lists(st.tuples(LITERALS, NAMES), max_size=5)


def written(pieces: list[tuple[str, str]]) -> str:
    return "".join(templates.escape(literal) + "{" + name + "}" for literal, name in pieces)


@given(PIECES)
def test_a_format_text_yields_the_pieces_it_was_written_from(pieces: list[tuple[str, str]]) -> None:
    """Reading a template and writing it again loses no brace, no word and no placeholder."""
    text = written(pieces)
    values = {name: f"<{name}>" for _, name in pieces}
    assert text.format(**values) == "".join(literal + f"<{name}>" for literal, name in pieces)
    again = "".join(
        templates.escape(literal) + ("" if name is None else "{" + name + "}")
        for literal, name in templates.parts(text)
    )
    assert again == text
    assert templates.placeholders(text, "format") == tuple(dict.fromkeys(name for _, name in pieces))


@given(PIECES, PIECES, st.sampled_from(["format", "fstring"]))
def test_check_passes_exactly_the_texts_with_the_same_placeholders(
    old: list[tuple[str, str]], new: list[tuple[str, str]], style: Style
) -> None:
    """Placeholders may move and repeat; none may be lost or invented."""
    expected = templates.placeholders(written(old), style)
    fine = {name for _, name in old} == {name for _, name in new}
    assert (templates.check(written(new), style, expected) is None) == fine


@given(st.text(max_size=40))
def test_braces_mean_nothing_in_a_plain_text(text: str) -> None:
    """A plain text has no placeholders, so every text may take its place."""
    assert templates.placeholders(text, "plain") == ()
    assert templates.check(text, "plain", ()) is None


@given(st.text(alphabet="{}ab0!:[]. ", max_size=12))
def test_a_checked_format_text_can_be_formatted(text: str) -> None:
    """What check lets through without placeholders is what str.format renders without arguments."""
    try:
        text.format()
    except (ValueError, LookupError, AttributeError):
        assert templates.check(text, "format", ()) is not None
    else:
        assert templates.check(text, "format", ()) is None


@pytest.mark.parametrize(
    ("style", "text", "names"),
    [
        ("format", 'Answer {question} as {{"answer": 1}}, {question}!', ("question",)),
        ("format", "{doc.title} and {rows[0]:>{width}}", ("doc.title", "rows[0]", "width")),
        ("format", "first {} then {}", ("0", "1")),
        ("mustache", "{{q}} {{#items}}{{{name}}}{{/items}}", ("q", "items", "name")),
        ("jinja2", "{% for d in docs %}{{ d.text }} {{ q | upper }}{% endfor %}", ("docs", "q")),
    ],
)
def test_each_style_names_its_placeholders_in_order(style: Style, text: str, names: tuple[str, ...]) -> None:
    """Placeholders are named once each, in the order of first use."""
    assert templates.placeholders(text, style) == names
    if style == "mustache":
        assert set(get_template_variables(text, "mustache")) <= set(names)


@pytest.mark.parametrize(
    ("style", "text", "word"),
    [
        ("format", "no question here", "loses the placeholder {q}"),
        ("format", "{q} and {r}", "invents the placeholder {r}"),
        ("format", 'as {"a": {q}}', "literal brace"),
        ("format", "{q} {", "literal brace"),
        ("fstring", "{q!r}", "{q!r}"),
        ("mustache", "{q}", "loses the placeholder {{q}}"),
        ("mustache", "{{q}} {{#a}}", "never closed"),
        ("jinja2", "{{ q }} {% if %}", "jinja2"),
        ("jinja2", "{{ q }} {{ other }}", "{{other}}"),
    ],
)
def test_a_broken_text_is_refused_in_words(style: Style, text: str, word: str) -> None:
    """The reason names what is wrong, so that a model can mend it."""
    reason = templates.check(text, style, ("q",))
    assert reason is not None
    assert word in reason
