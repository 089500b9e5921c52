"""What a text may do in each language of templates, and why another is refused."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.prompts.string import get_template_variables

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.templates.contract import GROWTH, LONGEST, LOOPED, REPEATS
from langgraph_gepa.core.module import Style

NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)
LITERALS = st.text(alphabet="ab {}\n:!", max_size=12)
PARTS = st.lists(st.tuples(LITERALS, NAMES), max_size=5)


def written(parts: list[tuple[str, str]]) -> str:
    return "".join(templates.escape(literal) + "{" + name + "}" for literal, name in parts)


def check(text: str, original: str, style: Style) -> str | None:
    return templates.check(text, original, style, templates.placeholders(original, style))


@given(PARTS, PARTS, st.sampled_from(["format", "fstring"]))
def test_check_passes_exactly_the_texts_with_the_same_placeholders(
    old: list[tuple[str, str]], new: list[tuple[str, str]], style: Style
) -> None:
    """Placeholders may move and repeat; none may be lost or invented."""
    fine = {name for _, name in old} == {name for _, name in new}
    assert (check(written(new), written(old), style) is None) == fine


@given(st.text(max_size=40))
def test_braces_mean_nothing_in_a_plain_text(text: str) -> None:
    """A plain text has no placeholders, so every text may take its place."""
    assert templates.placeholders(text, "plain") == ()
    assert templates.check(text, "Be brief.", "plain") is None


@given(st.text(alphabet="{}ab0!:[]. ", max_size=12))
def test_a_checked_format_text_can_be_formatted(text: str) -> None:
    """What check lets through without placeholders is what str.format renders without arguments."""
    try:
        text.format()
    except (ValueError, LookupError, AttributeError):
        assert templates.check(text, "", "format") is not None
    else:
        assert templates.check(text, "", "format") is None


@pytest.mark.parametrize(
    ("style", "text", "names"),
    [
        ("format", 'Answer {question} as {{"answer": 1}}, {question}!', ("question",)),
        ("format", "{doc.title} and {rows[0]:>{width}}", ("doc.title", "rows[0]", "width")),
        ("format", "first {} then {:>{}} then {.name}", ("0", "1", "2", "3.name")),
        ("percent", "%s of %(name)s at 5%%, %s", ("%s", "%(name)s", "%s")),
        ("dollars", "$name and ${place} for $$5, $name", ("$name", "$place")),
        ("mustache", "{{q}} {{#items}}{{{name}}}{{/items}}", ("q", "items", "name")),
        ("jinja2", "{% for d in docs %}{{ d.text }} {{ q | upper }}{% endfor %}", ("docs", "q")),
        ("unknown", 'Answer {question} at 100% as {{"answer": 1}}', ("{question}",)),
    ],
)
def test_each_style_names_its_placeholders_in_order(style: Style, text: str, names: tuple[str, ...]) -> None:
    """Placeholders are named in the order of first use: once each, unless they are filled one after the other."""
    assert templates.placeholders(text, style) == names
    if style == "mustache":
        assert set(get_template_variables(text, "mustache")) <= set(names)


LOOP = "{% for d in docs %}{{ d.title }}{% endfor %}"


@pytest.mark.parametrize(
    ("style", "original", "text", "word"),
    [
        ("format", "{q}", "no question here", "loses the placeholder {q}"),
        ("format", "{q}", "{q} and {r}", "invents the placeholder {r}"),
        ("format", "{q}", 'as {"a": {q}}', "literal brace"),
        ("format", "{q}", "{q} {", "literal brace"),
        ("format", "{q}", "{q:>200000000}", "{q:>200000000}, where {q}"),
        ("format", "{q!r:>9}", "{q!s:>9}", "where {q!r:>9} may"),
        ("format", "{q:>{w}}", "{q:>{q}}", "where {q:>{w}} may"),
        ("format", "{q.title}", "{q.title} {q}", "invents the placeholder {q}"),
        ("format", "{} {:>3}", "{:>3} {}", "{:>3}"),
        ("fstring", "{q}", "{q!r}", "{q!r}"),
        ("percent", "%(q)s 100%%", "%(q)s 100%", "write %% for"),
        ("percent", "%s of %d", "%d of %s", "%d, where %s may"),
        ("percent", "%(q)s", "%(q)200000000s", "%(q)200000000s, where"),
        ("percent", "100%%", "100%% of %(name)s", "invents the placeholder %(name)s"),
        ("percent", "%*d", "%d", "invents the placeholder %d"),
        ("dollars", "$q", "$q for $5", "write $$ for"),
        ("dollars", "just words", "$q", "invents the placeholder $q"),
        ("mustache", "{{q}}", "{q}", "loses the placeholder {{q}}"),
        ("mustache", "{{q}}", "{{q}} {{#a}}", "never closed"),
        ("mustache", "{{q}}", "{{q}} {{>file}}", "invents {{>file}}"),
        ("mustache", "{{#a}}{{q}}{{/a}}", "{{q}}{{#a}}{{/a}}", "out of its block"),
        ("jinja2", "{{ q }}", "{{ q }} {% if %}", "jinja2"),
        ("jinja2", "{{ q }}", "{{ q }} {{ other }}", "{{ other }}"),
        ("jinja2", "{{ q | upper }}", "{{ q | lower }}", "{{ q | lower }}, where {{ q | upper }}"),
        (
            "jinja2",
            "{{ q }}" + LOOP,
            "{{ q }}{{ d.title }}",
            "loses the placeholders {% for d in docs %}, {{ d.title }}",
        ),
        ("jinja2", "{{ q }}" + LOOP, LOOP.replace("{{ d.title }}", "{{ q }}{{ d.title }}"), "out of its block"),
        ("jinja2", "{% set x = 1 %}{{ q }}", "{{ q }}{% set x = 1 %}", "out of its block"),
        ("jinja2", "{% set x = 1 %}{{ q }}", "{{ q }}", "must keep {% set x = 1 %}"),
        ("jinja2", "{{ q }}", "{{ q }}{% set x = q %}", "invents {% set x = q %}"),
        ("unknown", "Be kind.", "Be kind to {{ name }}.", "is not known"),
        ("unknown", "Be kind.", "Be kind to {name}.", "is not known"),
        ("unknown", "Be kind.", "Be kind to $name or %(name)s.", "is not known"),
        ("unknown", "Be kind to {name}.", "Be kind.", "loses the placeholder {name}"),
        ("unknown", 'Say {"a": 1}.', 'Say {"a": 1}. <%! import os %>', "is not known"),
        ("unknown", 'Say {"a": 1}.', 'Say {"a": 1}. ${"x".__class__}', "is not known"),
        ("unknown", 'Say {"a": 1}.', 'Say {"a": 1}.\n% for c in "x".__class__.__mro__:\n', "is not known"),
    ],
)
def test_a_broken_text_is_refused_in_words(style: Style, original: str, text: str, word: str) -> None:
    """The reason names what is wrong, so that a model can put it right."""
    reason = check(text, original, style)
    assert reason is not None
    assert word in reason


@pytest.mark.parametrize(
    ("style", "original", "text"),
    [
        ("format", "{q!r:>9} {now:%H:%M}", "At {now} or {now:%H:%M}: {q} or {q!r:>9}"),
        ("format", "{q:>{w}}", "{q}"),
        ("format", "{} of {}", "{1} of {0}"),
        ("percent", "%(price).2f of %(q)r", "%(q)s at %(price)s"),
        ("percent", "%.2f of %s", "%s of %s"),
        ("dollars", "$q", "${q}, $$5"),
        ("mustache", "{{#a}}{{{q}}}{{/a}}{{b}}", "{{b}} {{! remark }}{{# a }}first {{q}}{{/a}}"),
        ("jinja2", "{{ q | trim | upper }}", "{{- q -}} {{ q|trim|upper }} {# remark #}{% raw %}{{ x }}{% endraw %}"),
        ("jinja2", "{{ q }}" + LOOP, "Titles:{% for d in docs -%} * {{ d.title }} {% endfor %}" + LOOP + "{{ q }}"),
        ("jinja2", "{% if a %}{{ b }}{% endif %}{{ q }}", "{{ q }}{% if a %}{{ b }}, {{ q }}{% else %}none{% endif %}"),
        ("jinja2", "{{ q }}", "{{ '{{' }} {{ q }} {{ '}}' }}"),
        ("unknown", 'Say {"a": 1} for $5 or 20% of all.', 'Say {"b": {"c": 2}} for US$ 7 or 10 % of all.'),
        ("unknown", "Be kind to {{ name }}.", "Be very kind to {{ name }}, and to {{name}}."),
    ],
)  # fmt: skip
def test_a_text_may_write_placeholders_as_the_original_does_or_plainly(style: Style, original: str, text: str) -> None:
    """Words change, placeholders move, formats and filters may go."""
    assert check(text, original, style) is None


def test_a_text_cannot_grow_without_bound() -> None:
    """Its length, the repetitions of a placeholder, and the words in loops have limits that the original moves."""
    long = "x" * (LONGEST + 1)
    assert templates.check(long, "short", "plain") is not None
    assert templates.check(long, "x" * (LONGEST // GROWTH + 1), "plain") is None
    for style, original in (("format", "{q}"), ("percent", "%(q)s"), ("dollars", "$q"), ("jinja2", "{{ q }}")):
        assert check(original * (REPEATS + 1), original, style) is None
        assert "repeats" in str(check(original * (REPEATS + 2), original, style))
    assert templates.check("<q>" * (REPEATS + 2), "<q>", "plain", ["<q>"]) is not None
    words = "{% for d in docs %}" + "x" * (LOOPED + 1) + "{{ d }}{% endfor %}"
    assert "loops hold" in str(check(words, "{% for d in docs %}{{ d }}{% endfor %}", "jinja2"))


def test_what_calls_something_is_not_repeated() -> None:
    """A call in a template, or in the expression of an f-string, costs or changes something each time."""
    assert "repeats {{ next() }} 2 times" in str(check("{{ next() }}{{ next() }}", "{{ next() }}", "jinja2"))
    assert templates.check("{q}{q}", "{q}", "fstring", ["q"], once=["q"]) is not None
    assert templates.check("{q}{q}", "{q}", "fstring", ["q"]) is None


def test_a_jinja2_text_is_read_as_its_own_environment_reads_it() -> None:
    """Other delimiters, line statements and extensions are no way around the check."""
    environment = jinja2.Environment(
        variable_start_string="<<", variable_end_string=">>", line_statement_prefix="%", extensions=["jinja2.ext.do"],
        autoescape=True,
    )  # fmt: skip
    original = "Answer << question >>."
    for text in (
        "<< question.x >>",
        "<< question >>\n% for c in question\n<< c >>\n% endfor",
        "{% do question.pop() %}",
    ):
        assert templates.check(f"<< question >> {text}", original, "jinja2", environment=environment) is not None
    assert templates.check("{{ any }}: << question >>", original, "jinja2", environment=environment) is None
