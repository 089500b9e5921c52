"""Templates in parts, in each language."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.module import Style
from langgraph_gepa.core.placeholders import escape, literals, parts

NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)
LITERALS = st.text(alphabet="ab {}\n:!", max_size=12)


@given(st.lists(st.tuples(LITERALS, NAMES), max_size=5))
def test_a_format_text_yields_the_parts_it_was_written_from(pairs: list[tuple[str, str]]) -> None:
    """Reading a template and writing it again loses no brace, no word and no placeholder."""
    text = "".join(escape(literal) + "{" + name + "}" for literal, name in pairs)
    assert "".join(escape(part.literal) + part.written for part in parts(text, "format")) == text
    assert [part.name for part in parts(text, "format")][:-1] == [name for _, name in pairs]


@pytest.mark.parametrize(
    ("style", "text", "tokens", "said", "written", "names"),
    [
        ("plain", "At <now> say %s", ["<now>"], ["At ", " say %s"], ["<now>"], ["<now>"]),
        ("format", "{{x}} {a!r:>{w}}.", [], ["{x} ", "."], ["{a!r:>{w}}"], ["a!r:>{w}"]),
        ("fstring", "{a} at {{day}}", ["a"], ["", " at {day}"], ["{a}"], ["a"]),
        ("fstring", "{a} at {{day}}", ["a", "{day}"], ["", " at ", ""], ["{a}", "{{day}}"], ["a", "{day}"]),
        ("percent", "5%% %s, %(a)5.1f", [], ["5% ", ", ", ""], ["%s", "%(a)5.1f"], ["#1", "a"]),
        ("dollars", "$$5 $a ${b}!", [], ["$5 ", " ", "!"], ["$a", "${b}"], ["a", "b"]),
        ("mustache", "{{a}} {{!no}}{{#b}}x{{/b}}", [], ["", " ", "x", ""], ["{{a}}", "{{#b}}", "{{/b}}"],
         ["a", None, None]),
        ("jinja2", "A  {{- a }} {# no -#} b {{ c|d }}", [], ["A", " b ", ""], ["{{- a }}", "{{ c|d }}"], ["a", None]),
        ("unknown", "{a} {\"b\": 1} $c %s", [], ["", " ", " ", " ", ""], ["{a}", '{"b": 1}', "$c", "%s"], [None] * 4),
    ],
)  # fmt: skip
def test_words_read_as_they_do_once_filled_in(
    style: Style, text: str, tokens: list[str], said: list[str], written: list[str], names: list[str | None]
) -> None:
    """Doubled signs are single, remarks are gone, and placeholders keep the way the text writes them."""
    found = parts(text, style, tokens)
    assert [part.literal for part in found] == said
    assert [part.written for part in found] == [*written, ""]
    assert [part.name for part in found] == [*names, None]


def test_a_broken_text_is_all_words() -> None:
    """Words are looked for in messages: a text that is no template may still stand there as it is."""
    assert literals(" {a ", "format") == ("{a",)


@pytest.mark.parametrize("style", ["format", "percent", "dollars", "mustache", "jinja2", "unknown"])
@pytest.mark.parametrize("opening", ["{{", "{%", "{#", "{", "${", "%(", "{{ {% "])
def test_a_text_of_nothing_but_openings_takes_no_time(style: Style, opening: str) -> None:
    """A model may write what no sign closes: the time to read it grows with its length, not with the square of it."""
    start = time.process_time()
    literals(opening * 50_000, style)
    assert time.process_time() - start < 2
