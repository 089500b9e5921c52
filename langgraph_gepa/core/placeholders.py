"""Templates in parts: the words of a text as they read once it is filled in, and the placeholders between them.

Every language of templates is split here and nowhere else: to find a text in a message, to show what filled it, and
to see whether a new text keeps its placeholders.

plain      nothing is filled in, but for tokens such as `<question>` that the program replaces
format     `str.format` and LangChain's f-string templates: `{question}`, `{doc.title}`, `{{` for a brace
fstring    an f-string with a name for each expression: `{question}`, `{{` for a brace; where `.format` fills it again,
           `{{day}}` is a placeholder of that, named `{day}`
percent    the `%` operator: `%s`, `%(question)s`, `%%` for a percent sign
dollars    `string.Template`: `$question`, `${question}`, `$$` for a dollar sign
mustache   `{{question}}`, `{{#items}}...{{/items}}`
jinja2     `{{ question }}`, `{% for ... %}`
unknown    no one has seen what fills the text, if anything does
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from string import Formatter, Template
from typing import NamedTuple

from langgraph_gepa.core.module import Style


class BrokenTemplateError(ValueError):
    """The text is no template of its style; the message says why."""


class Part(NamedTuple):
    """Words as they read once the text is filled in, and what follows them.

    `written` is the placeholder or tag as the text writes it, empty at the end of the text. `name` is what fills it,
    `None` for a tag that does more than stand for a value.
    """

    literal: str
    written: str = ""
    name: str | None = None


def parts(text: str, style: Style, tokens: Iterable[str] = ()) -> list[Part]:
    """The text in parts; `tokens` are what the program replaces in a plain one.

    Raises `BrokenTemplateError` when `text` is not well-formed.
    """
    wanted = tuple(tokens)
    match style:
        case "format":
            return _formatted(text)
        case "fstring":
            once = _formatted(text)
            return [part for one in once for part in _filled_again(one)] if filled_twice(style, wanted) else once
        case "percent":
            return _split(text, _percents(text), "%")
        case "dollars":
            return _split(text, _dollars(text), "$")
        case "mustache":
            return _tagged(text, _MUSTACHE)
        case "jinja2":
            return _tagged(text, _JINJA)
        case "unknown":
            return _split(text, ((*match.span(), None) for match in _ANY.finditer(text)))
        case "plain" if wanted:
            longest = "|".join(map(re.escape, sorted(wanted, key=len, reverse=True)))
            return _split(text, ((*match.span(), match[0]) for match in re.finditer(longest, text)))
    return [Part(text)]


def literals(text: str, style: Style, tokens: Iterable[str] = ()) -> tuple[str, ...]:
    """The words of a text between its placeholders, in order, without outer white space; of a broken one, all."""
    try:
        split = parts(text, style, tokens)
    except BrokenTemplateError:
        split = [Part(text)]
    return tuple(literal for part in split if (literal := part.literal.strip()))


def filled_twice(style: Style, names: Iterable[str]) -> bool:
    """Whether these are the placeholders of an f-string that `.format` fills again."""
    return style == "fstring" and any(name.startswith("{") for name in names)


def later(text: str) -> tuple[str, ...]:
    """What `.format` fills by name in what an f-string has made: `{day}` for `{{day}}`. Nothing where that cannot be
    told from the text, such as a name that is filled in itself."""
    try:
        names = [inner.name for one in _formatted(text) for inner in _formatted(one.literal) if inner.name is not None]
    except BrokenTemplateError:
        return ()
    return tuple(f"{{{name}}}" for name in dict.fromkeys(names)) if all(map(str.isidentifier, names)) else ()


def escape(literal: str) -> str:
    """`literal` as it is written inside a `format` or `fstring` text."""
    return literal.replace("{", "{{").replace("}", "}}")


def _formatted(text: str) -> list[Part]:
    found: list[Part] = []
    held = ""
    try:
        for literal, field, spec, conversion in Formatter().parse(text):
            held += literal
            if field is not None:
                name = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
                found.append(Part(held, f"{{{name}}}", name))
                held = ""
    except ValueError as broken:
        raise BrokenTemplateError(f"the text is no template: {broken}; {DOUBLE_BRACES}") from broken
    return [*found, Part(held)]


DOUBLE_BRACES = "write {{ and }} for a literal brace"


def _filled_again(one: Part) -> Iterator[Part]:
    """A part of an f-string that `.format` fills once more."""
    *inner, end = _formatted(one.literal)
    yield from (Part(each.literal, f"{{{each.written}}}", each.written) for each in inner)
    yield one._replace(literal=end.literal)


Field = tuple[int, int, str | None]
"""Where a placeholder starts and ends, and what fills it."""


def _percents(text: str) -> Iterator[Field]:
    turn = 0
    for match in PERCENT.finditer(text):
        if match[0] != "%%":
            turn += 1
            yield *match.span(), match["key"] if match["key"] is not None else f"#{turn}"


def _dollars(text: str) -> Iterator[Field]:
    for match in Template.pattern.finditer(text):
        if name := match["named"] or match["braced"]:
            yield *match.span(), name


def _split(text: str, fields: Iterable[Field], sign: str = "") -> list[Part]:
    """`sign` is written twice where it stands for itself."""
    found: list[Part] = []
    at = 0
    for start, end, name in fields:
        found.append(Part(_once(text[at:start], sign), text[start:end], name))
        at = end
    return [*found, Part(_once(text[at:], sign))]


def _once(text: str, sign: str) -> str:
    return text.replace(sign * 2, sign) if sign else text


def _tagged(text: str, tags: re.Pattern[str]) -> list[Part]:
    """A comment is no tag, and what jinja2's minus signs strip is no part of the words."""
    found: list[Part] = []
    held, at, strips = "", 0, False
    for match in tags.finditer(text):
        tag = match.groupdict()
        between = text[at : match.start()]
        between = between.lstrip() if strips else between
        held += between.rstrip() if tag.get("left") else between
        at, strips = match.end(), bool(tag.get("right"))
        if tag["comment"] is None:
            inner = tag["inner"].strip()
            named = tag["value"] is not None and _IDENTIFIER.fullmatch(inner) is not None
            found.append(Part(held, match[0], inner if named else None))
            held = ""
    rest = text[at:]
    return [*found, Part(held + (rest.lstrip() if strips else rest))]


PERCENT = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?(?P<flags>[#0\- +]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d*))?[hlL]?"
    r"(?P<type>[diouxXeEfFgGcrsa%])"
)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_MUSTACHE = re.compile(r"\{(?P<value>\{)(?P<comment>!)?\{?(?P<inner>[^{}]*)\}?\}\}")
# An opening sign is looked for again within what it opens, so that a text of nothing but these takes no time.
_JINJA = re.compile(
    r"\{(?:(?P<value>\{)|(?P<logic>%)|(?P<comment>#))(?P<left>-)?\+?(?P<inner>(?:(?!\{[{%#]).)*?)\+?(?P<right>-)?"
    r"(?(value)\}|(?(logic)%|#))\}",
    re.DOTALL,
)
_ANY = re.compile(
    r"\{(?:\{(?:(?!\{\{).)*?\}|%(?:(?!\{%).)*?%|#(?:(?!\{#).)*?#)\}|\{[^{}\n]*\}|[{}]"
    r"|\$\$|\$\w+|\$\{\w+\}|%(?:\(\w+\))?[\w%]",
    re.DOTALL,
)
