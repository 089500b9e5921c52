"""Texts that a model may make up, in every style: read, or refused with a reason, and safe to fill when let through."""

from __future__ import annotations

from string import Template

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from langchain_core.utils import mustache

from langgraph_gepa.adapter import templates
from langgraph_gepa.core.module import Style

STYLES: list[Style] = ["plain", "format", "fstring", "percent", "dollars", "mustache", "jinja2", "unknown"]
PIECES = [
    "{", "}", "{{", "}}", "{%", "%}", "{#", "#}", "{{#", "{{/", "{{^", "{{&", "{{!", "{{>", "{{=", "=}}", "{name}",
    "{{name}}", "{{ name }}", "{{{name}}}", "{0}", "{}", "{a[b].c!r:>{w}}", "name", "if ", "for x in ", "endif",
    "endfor", "raw", "block ", "macro f()", "set x = ", "|upper", "(", ")", "[", "]", "'", '"', "\\", "!", ":", ".",
    "%", "%s", "%d", "%(name)s", "%%", "$", "$name", "${name}", "$$", "${", "\0", "\ud800", "\n", " ", "é", "\u2028",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
FILLED: list[tuple[str, Style]] = [
    *(("%s", "percent"), ("%(name)s", "percent"), ("$name", "dollars"), ("<name>", "plain")),
    *(("{name}", "format"), ("{name}", "fstring"), ("{{name}}", "mustache"), ("{{name}}", "jinja2")),
]


@given(TEXTS, st.sampled_from(STYLES))
def test_any_text_is_read_or_refused_with_a_reason(text: str, style: Style) -> None:
    """No text raises anything but `BrokenTemplateError`; one that can be read may take its own place."""
    try:
        found = templates.placeholders(text, style)
    except templates.BrokenTemplateError:
        assert templates.check(text, "", style)
    else:
        assert templates.check(text, text, style, found) is None


@given(TEXTS, st.sampled_from(FILLED[:4]))
def test_a_text_that_a_program_fills_by_signs_can_be_filled(text: str, how: tuple[str, Style]) -> None:
    """What passes in place of a text for `%`, `string.Template` or `replace` fills without an error."""
    token, style = how
    if templates.check(text, token, style, [token]) is not None:
        return
    if token.startswith("%"):
        assert "VALUE" in text % ({"name": "VALUE"} if "(" in token else ("VALUE",))
    elif token.startswith("$"):
        assert "VALUE" in Template(text).substitute(name="VALUE")
    else:
        assert "VALUE" in text.replace(token, "VALUE")


@given(TEXTS)
def test_a_text_with_the_placeholders_of_a_template_can_be_rendered(text: str) -> None:
    """Braces of every kind: what passes renders where the seed rendered."""
    if templates.check(text, "{{name}}", "mustache") is None:
        mustache.render(text, {"name": "VALUE"})
    if templates.check(text, "{{name}}", "jinja2") is None:
        Environment(autoescape=False).from_string(text)  # noqa: S701 - compiled, which finds what parsing does not


@pytest.mark.parametrize(("original", "style"), [*FILLED, ("{name}", "unknown"), ("{{name}}", "unknown")])
@pytest.mark.parametrize("text", ["{" * 5_000, "{{#a}}" * 5_000, "{{ " + "(" * 5_000, "%" * 5_001, "{a" * 2_000])
def test_a_text_of_nothing_but_braces_is_read_or_refused(original: str, style: Style, text: str) -> None:
    """Depth is no crash."""
    assert templates.check(text, original, style, [original])
