"""Splits a template of any language into its literals, as they read once the template is filled, and its placeholders.

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
unknown    it is not known what fills the text, if anything does
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from string import Formatter, Template
from typing import NamedTuple

from langgraph_gepa.core.json_data import well_formed
from langgraph_gepa.core.module import Style

DOUBLE_BRACES = "write {{ and }} for a literal brace"


class BrokenTemplateError(ValueError):
    """The text is not a template of its style; the message says why."""


class Part(NamedTuple):
    """A literal as it reads once the text is filled, and the placeholder after it.

    `written` is the placeholder or tag as the text writes it, empty at the end of the text. `name` is the name of what
    fills it, `None` for a tag that does more than stand for a value.
    """

    literal: str
    written: str = ""
    name: str | None = None


def parts(text: str, style: Style, tokens: Iterable[str] = ()) -> list[Part]:
    """Splits a text; `tokens` are what the program replaces in a plain one.

    Raises `BrokenTemplateError` when `text` is not well-formed.
    """
    wanted = tuple(tokens)
    match style:
        case "format":
            return _formatted(text)
        case "fstring":
            found = _formatted(text)
            return [each for part in found for each in _split_again(part)] if filled_twice(style, wanted) else found
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


def parts_or_whole(text: str, style: Style, tokens: Iterable[str] = ()) -> list[Part]:
    """Splits a text; a broken one is one literal."""
    try:
        return parts(text, style, tokens)
    except BrokenTemplateError:
        return [Part(text)]


def literals(text: str, style: Style, tokens: Iterable[str] = ()) -> tuple[str, ...]:
    """The literals of a text in order, as well-formed Unicode, without outer white space and empty ones."""
    split = parts_or_whole(well_formed(text), style, tokens)
    return tuple(literal for part in split if (literal := part.literal.strip()))


def filled_twice(style: Style, names: Iterable[str]) -> bool:
    """Whether these are the placeholders of an f-string that `.format` fills again."""
    return style == "fstring" and any(name.startswith("{") for name in names)


def later(text: str) -> tuple[str, ...]:
    """The placeholders that `.format` fills by name in the value of an f-string: `{day}` for `{{day}}`. Empty where
    the text does not show them, such as for a name that is itself filled in."""
    try:
        names = [each.name for part in _formatted(text) for each in _formatted(part.literal) if each.name is not None]
    except BrokenTemplateError:
        return ()
    return tuple(f"{{{name}}}" for name in dict.fromkeys(names)) if all(map(str.isidentifier, names)) else ()


def escape(literal: str) -> str:
    """Writes `literal` for the inside of a `format` or `fstring` text."""
    return literal.replace("{", "{{").replace("}", "}}")


def _formatted(text: str) -> list[Part]:
    found: list[Part] = []
    literal = ""
    try:
        for words, field, spec, conversion in Formatter().parse(text):
            literal += words
            if field is not None:
                name = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
                found.append(Part(literal, f"{{{name}}}", name))
                literal = ""
    except ValueError as broken:
        raise BrokenTemplateError(f"the text is no template: {broken}; {DOUBLE_BRACES}") from broken
    return [*found, Part(literal)]


def _split_again(part: Part) -> Iterator[Part]:
    """Splits a part of an f-string that `.format` fills once more."""
    *inner, end = _formatted(part.literal)
    yield from (Part(each.literal, f"{{{each.written}}}", each.written) for each in inner)
    yield part._replace(literal=end.literal)


Field = tuple[int, int, str | None]
"""Where a placeholder starts and ends, and its name."""


def _percents(text: str) -> Iterator[Field]:
    conversions = (match for match in PERCENT.finditer(text) if match[0] != "%%")
    for number, match in enumerate(conversions, 1):
        yield *match.span(), match["key"] if match["key"] is not None else f"#{number}"


def _dollars(text: str) -> Iterator[Field]:
    for match in Template.pattern.finditer(text):
        if name := match["named"] or match["braced"]:
            yield *match.span(), name


def _split(text: str, fields: Iterable[Field], sign: str = "") -> list[Part]:
    """`sign` is written twice where it stands for itself."""
    found: list[Part] = []
    at = 0
    for start, end, name in fields:
        found.append(Part(_unescaped(text[at:start], sign), text[start:end], name))
        at = end
    return [*found, Part(_unescaped(text[at:], sign))]


def _unescaped(text: str, sign: str) -> str:
    return text.replace(sign * 2, sign) if sign else text


def _tagged(text: str, tags: re.Pattern[str]) -> list[Part]:
    """Splits at tags. A comment is no tag, and the space that jinja2's minus signs strip is in no literal."""
    found: list[Part] = []
    literal, at, strips = "", 0, False
    for match in tags.finditer(text):
        tag = match.groupdict()
        between = text[at : match.start()]
        between = between.lstrip() if strips else between
        literal += between.rstrip() if tag.get("left") else between
        at, strips = match.end(), bool(tag.get("right"))
        if tag["comment"] is None:
            inner = tag["inner"].strip()
            named = tag["value"] is not None and _IDENTIFIER.fullmatch(inner) is not None
            found.append(Part(literal, match[0], inner if named else None))
            literal = ""
    rest = text[at:]
    return [*found, Part(literal + (rest.lstrip() if strips else rest))]


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
