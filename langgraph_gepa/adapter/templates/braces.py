"""Parses templates with single braces: `str.format`, LangChain's f-string format, and Python's f-strings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from string import Formatter

from langgraph_gepa.adapter.templates.contract import VALUE, Field, Template, result_of
from langgraph_gepa.core.placeholders import DOUBLE_BRACES, BrokenTemplateError, filled_twice, later, parts

_DEEPEST = 2
"""`str.format` fills in placeholders in a format, but none within those."""


def formatted(text: str) -> Template:
    """A template of `str.format`; empty braces are numbered as `str.format` numbers them."""
    reader = _Reader()
    found = list(reader.read(text))
    fields = tuple(field for _, field in found if field is not None)
    result = "".join(literal + (VALUE if field else "") for literal, field in found)
    return Template(fields, tuple(dict.fromkeys(reader.names)), advice=DOUBLE_BRACES, result=result)


def fstring(text: str, tokens: Collection[str] = (), once: Collection[str] = ()) -> Template:
    """An f-string with names for its expressions; `tokens` are what `.format` fills in afterwards."""
    split = parts(text, "fstring")
    names = [part.name for part in split if part.name is not None]
    written = [(name, f"{{{name}}}") for name in names]
    advice = DOUBLE_BRACES
    if filled_twice("fstring", tokens):
        written += [(name, f"{{{name}}}") for name in later(text)]
        advice = "write {{{{ and }}}} for a literal brace"
    fields = tuple(Field(name, name, braces, once=name in once) for name, braces in written)
    return Template(fields, tuple(dict.fromkeys(names)), advice=advice, result=result_of(split))


class _Reader:
    """Parses one text, numbering empty braces over all of it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._counted: int | None = None
        self._numbered = False

    def read(self, text: str, depth: int = 1) -> Iterator[tuple[str, Field | None]]:
        """Literal text and the field behind it. A format belongs to its field, with the placeholders in it resolved."""
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as broken:
            raise BrokenTemplateError(f"the text is no template: {broken}; {DOUBLE_BRACES}") from broken
        for literal, written, spec, conversion in parsed:
            if written is None:
                yield literal, None
                continue
            if depth > _DEEPEST:
                raise BrokenTemplateError("the text is no template: a format within a format has placeholders")
            name = self._resolved(written)
            self.names.append(name)
            converted = f"!{conversion}" if conversion else ""
            nested = self.read(spec or "", depth + 1)
            inner = "".join(words + ("{" + field.does + "}" if field else "") for words, field in nested)
            does = name + converted + (f":{inner}" if inner else "")
            yield literal, Field(does, name, "{" + written + converted + (f":{spec}" if spec else "") + "}")

    def _resolved(self, written: str) -> str:
        """The name of a field, with a number if it has none."""
        root = re.split(r"[.\[]", written, maxsplit=1)[0]
        if root == "":
            self._counted = 0 if self._counted is None else self._counted + 1
            written = f"{self._counted}{written}"
        self._numbered = self._numbered or root.isdigit()
        if self._numbered and self._counted is not None:
            raise BrokenTemplateError("the text mixes {} with numbered placeholders")
        return written
