"""Placeholders: what a text must keep, in each style of template.

plain      braces mean nothing
format     str.format and LangChain's f-string templates: `{question}`, `{doc.title}`, `{{` for a brace
fstring    an f-string shown with a name for each expression: `{question}`, `{{` for a brace
           a placeholder of another kind stands for itself: `%s`, `%(name)s`, `$name`, `<name>`; so does what is
           filled later in an f-string that `.format` fills again: `{day}` for what it writes as `{{day}}`
mustache   `{{question}}`, `{{#items}}...{{/items}}`
jinja2     `{{ question }}`, `{% for ... %}`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from string import Formatter, Template

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from langchain_core.utils.mustache import ChevronError, tokenize

from langgraph_gepa.search.module import Style

_VARIABLE_TOKENS = {"variable", "no escape", "section", "inverted section"}


class BrokenTemplateError(ValueError):
    """The text is no template of its style; the message says why."""


def placeholders(text: str, style: Style) -> tuple[str, ...]:
    """The names of the placeholders in `text`, in order of first use.

    Raises `BrokenTemplateError` when `text` is not a well-formed template of its style.
    """
    return tuple(dict.fromkeys(_READERS[style](text)))


def check(text: str, style: Style, expected: Iterable[str]) -> str | None:
    """Why `text` may not take the place of a template with the `expected` placeholders, or `None` when it may."""
    if style == "plain":
        return _check_tokens(text, tuple(expected))
    try:
        found = placeholders(text, style)
    except BrokenTemplateError as broken:
        return str(broken)
    wanted = tuple(dict.fromkeys(expected))
    again = twice(style, wanted)
    if again:
        found = (*found, *later(text))
    lost = [name for name in wanted if name not in found]
    invented = [name for name in found if name not in wanted]
    complaints = []
    if lost:
        complaints.append(f"the text loses {_listed(lost, style)}")
    if invented:
        complaints.append(f"the text invents {_listed(invented, style)}")
        if style in ("format", "fstring"):
            complaints.append(f"write {'{{{{ and }}}}' if again else '{{ and }}'} for a literal brace")
    return "; ".join(complaints) or None


def later(text: str) -> tuple[str, ...]:
    """What `.format` fills by name in what an f-string has made: `{day}` for `{{day}}`. Nothing where that cannot be
    told from the text, such as a name that is filled in itself."""
    try:
        names = [name for literal, _ in whole_parts(text) for _, name in parts(literal) if name is not None]
    except BrokenTemplateError:
        return ()
    return tuple(f"{{{name}}}" for name in dict.fromkeys(names)) if all(map(str.isidentifier, names)) else ()


def twice(style: Style, names: Iterable[str]) -> bool:
    """Whether these are the placeholders of an f-string that is filled again."""
    return style == "fstring" and any(name.startswith("{") for name in names)


def percents(text: str) -> tuple[str, ...]:
    """What the `%` operator fills in a text: each once when they are named, else one after the other."""
    found = [spec for spec in _PERCENT.findall(text) if spec != "%%"]
    return tuple(dict.fromkeys(found) if all(spec.startswith("%(") for spec in found) else found)


def dollars(text: str) -> tuple[str, ...]:
    """What `string.Template` fills in a text, written `$name`."""
    return tuple(dict.fromkeys(f"${match['named'] or match['braced']}" for match in _dollars(text) if match[1] != "$"))


def token_parts(text: str, tokens: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Splits a text that the program fills by its `tokens` into (what is said, token after it or `None`).

    What the `%` operator fills in turn is numbered: `%s#1`, `%s#2`. Doubled signs are said once, as they are filled.
    """
    wanted = tuple(tokens)
    sign = _sign(wanted)
    at = 0
    for turn, (start, end, token) in enumerate(_fields(text, sign, wanted), 1):
        in_turn = sign == "%" and not token.startswith("%(")
        yield _single(text[at:start], sign), f"{token}#{turn}" if in_turn else token
        at = end
    yield _single(text[at:], sign), None


def _sign(tokens: Sequence[str]) -> str:
    """What fills the tokens: `%`, `string.Template` (`$`), or the program replaces them as they are (``)."""
    if all(_PERCENT.fullmatch(token) for token in tokens):
        return "%"
    return "$" if all(token.startswith("$") and token[1:].isidentifier() for token in tokens) else ""


def _fields(text: str, sign: str, tokens: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    if sign == "%":
        yield from ((*match.span(), match[0]) for match in _PERCENT.finditer(text) if match[0] != "%%")
    elif sign == "$":
        named = ((match, match["named"] or match["braced"]) for match in _dollars(text))
        yield from ((*match.span(), f"${name}") for match, name in named if name)
    else:
        longest = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
        yield from ((*match.span(), match[0]) for match in re.finditer(longest, text))


def _single(text: str, sign: str) -> str:
    return text.replace(sign * 2, sign) if sign else text


def _check_tokens(text: str, wanted: tuple[str, ...]) -> str | None:
    if not wanted:
        return None
    sign = _sign(wanted)
    if sign == "%":
        if _PERCENT.sub("", text).count("%"):
            return "the text is filled with the % operator; write %% for a literal percent sign"
        found = percents(text)
        if (sorted(found) == sorted(wanted)) if wanted[0].startswith("%(") else found == wanted:
            return None
        return f"the text must keep {', '.join(wanted)} as they are, in this order, and no others"
    if sign == "$":
        if any(match["invalid"] is not None for match in _dollars(text)):
            return "the text is filled by string.Template; write $$ for a literal dollar sign"
        if sorted(dollars(text)) == sorted(wanted):
            return None
        return f"the text must keep {', '.join(wanted)}, and no others"
    lost = [token for token in wanted if token not in text]
    return f"the text loses {', '.join(lost)}, which the program replaces" if lost else None


def _dollars(text: str) -> Iterator[re.Match[str]]:
    yield from Template.pattern.finditer(text)


def parts(text: str) -> Iterator[tuple[str, str | None]]:
    """Splits a `format` or `fstring` text into (literal text, placeholder after it or `None`)."""
    try:
        for literal, field, spec, conversion in Formatter().parse(text):
            if field is None:
                yield literal, None
            else:
                yield literal, field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    except ValueError as broken:
        raise BrokenTemplateError(_explained(broken)) from broken


def whole_parts(text: str) -> list[tuple[str, str | None]]:
    """The `parts` of a text, literals that only a doubled brace parted put together."""
    found: list[tuple[str, str | None]] = []
    held = ""
    for literal, name in parts(text):
        held += literal
        if name is not None:
            found.append((held, name))
            held = ""
    return [*found, (held, None)]


def escape(literal: str) -> str:
    """`literal` as it is written inside a `format` or `fstring` text."""
    return literal.replace("{", "{{").replace("}", "}}")


def _plain(_: str) -> Iterator[str]:
    return iter(())


def _format(text: str) -> Iterator[str]:
    position = 0
    automatic = manual = False
    try:
        for _, field, spec, _ in Formatter().parse(text):
            if field is None:
                continue
            if field == "":
                automatic, field, position = True, str(position), position + 1
            elif field.isdigit():
                manual = True
            if automatic and manual:
                raise BrokenTemplateError("the text mixes {} with numbered placeholders")
            yield field
            if spec:
                yield from _format(spec)
    except ValueError as broken:
        if isinstance(broken, BrokenTemplateError):
            raise
        raise BrokenTemplateError(_explained(broken)) from broken


def _fstring(text: str) -> Iterator[str]:
    for _, field in parts(text):
        if field is not None:
            yield field


def _mustache(text: str) -> Iterator[str]:
    try:
        for kind, key in tokenize(text):
            if kind in _VARIABLE_TOKENS:
                yield str(key).strip()
    except (ChevronError, SyntaxError) as broken:
        raise BrokenTemplateError(f"the text is no mustache template: {' '.join(str(broken).split())}") from broken


def _jinja2(text: str) -> Iterator[str]:
    try:
        # Nothing is rendered here: the environment only parses.
        tree = Environment(autoescape=False).parse(text)  # noqa: S701
    except TemplateSyntaxError as broken:
        raise BrokenTemplateError(f"the text is no jinja2 template: {broken.message}, line {broken.lineno}") from broken
    except RecursionError as deep:
        raise BrokenTemplateError("the text is no jinja2 template: it is nested too deep") from deep
    free = find_undeclared_variables(tree)
    for name in tree.find_all(nodes.Name):
        if name.name in free:
            yield name.name


def _explained(broken: ValueError) -> str:
    return f"the text is no template: {broken}; write {{{{ and }}}} for a literal brace"


def _listed(names: list[str], style: Style) -> str:
    left, right = ("{{", "}}") if style in ("mustache", "jinja2") else ("{", "}")
    return ("the placeholder " if len(names) == 1 else "the placeholders ") + ", ".join(
        f"{left}{name}{right}" for name in names
    )


_READERS: dict[Style, Callable[[str], Iterator[str]]] = {
    "plain": _plain,
    "format": _format,
    "fstring": _fstring,
    "mustache": _mustache,
    "jinja2": _jinja2,
}


def speaks(text: str, style: Style = "plain") -> bool:
    """Whether there is a word in `text` besides its placeholders."""
    return words(text if style == "plain" else _FILLED.sub("", text)) > 0


def words(text: str) -> int:
    """How many words a text has; in scripts that write no spaces every sign counts."""
    return len(_WORD.findall(text))


def is_name(text: str) -> bool:
    """Whether a text is one token, such as an identifier, a path or a model's name, rather than language."""
    said = text.strip()
    return (_NAME.fullmatch(said) or _KEY.fullmatch(said)) is not None


_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{2,}")
_NAME = re.compile(r"[A-Za-z0-9_.:/@#-]*")
_KEY = re.compile(r"/?(?:[\w.:@#-]|\{\w*\})+(?:/(?:[\w.:@#-]|\{\w*\})+)+/?", re.ASCII)
"""A path, or a key of a database, with placeholders."""
_PERCENT = re.compile(r"%(?:\(\w+\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?[diouxXeEfFgGcrsa%]")
_FILLED = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[^{}]*\}", re.DOTALL)
