"""Parses mustache templates: variables, sections and partials."""

from __future__ import annotations

from langchain_core.utils.mustache import ChevronError, tokenize

from langgraph_gepa.adapter.templates.contract import VALUE, Block, Field, Path, Template
from langgraph_gepa.core.placeholders import BrokenTemplateError

_ADVICE = "double braces are for the placeholders only"
_OPEN = {"section": "#", "inverted section": "^"}


def mustache(text: str) -> Template:
    """A mustache template. A variable inside a section is a different one from outside."""
    try:
        tokens = list(tokenize(text))
    except (ChevronError, SyntaxError) as broken:
        raise BrokenTemplateError(f"the text is no mustache template: {' '.join(str(broken).split())}") from broken
    fields: list[Field] = []
    pinned: list[Field] = []
    result: list[str] = []
    path: Path = ()
    looped = 0
    for kind, key in tokens:
        if kind == "literal":
            looped += len(key) if path else 0
            result.append(key)
        elif kind == "end":
            path = path[:-1]
        elif kind in _OPEN:
            head = _OPEN[kind] + key
            fields.append(Field(head, head, f"{{{{{head}}}}}", path, block=True))
            path = (*path, Block(head))
        elif kind in ("variable", "no escape"):
            plain = kind == "variable"
            does, written = (key, f"{{{{{key}}}}}") if plain else (f"&{key}", f"{{{{{{{key}}}}}}}")
            fields.append(Field(does, key, written, path))
            result.append(VALUE)
        else:  # a partial, or other delimiters
            written = f"{{{{>{key}}}}}" if kind == "partial" else f"{{{{={key}=}}}}"
            pinned.append(Field(written, written, written, path))
    names = dict.fromkeys(field.plain.lstrip("#^") for field in fields)
    return Template(tuple(fields), tuple(names), tuple(pinned), looped, _ADVICE, "".join(result))
