"""A file of the project as text: what it says, where, and what of it would change."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.writeback.composed import computed, maker, stems
from langgraph_gepa.writeback.data_files import filled
from langgraph_gepa.writeback.edits import Edit, UnwritableError
from langgraph_gepa.writeback.locating import Found, find
from langgraph_gepa.writeback.python_reader import parsed
from langgraph_gepa.writeback.python_writer import rewritten

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """A file as text, and how to make bytes of one."""

    name: str
    text: str
    encoding: str
    crlf: bool = False

    @classmethod
    def of(cls, name: str, data: bytes) -> Content:
        """Raises `UnicodeDecodeError`, and `SyntaxError` for Python that is none."""
        if name.endswith((".py", ".pyi")):
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
            parsed(text := data.decode(encoding))
            return cls(name, text, encoding)
        encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
        text = data.decode(encoding)
        crlf = "\r\n" in text and not re.search(r"(?<!\r)\n", text)
        return cls(name, text.replace("\r\n", "\n") if crlf else text, encoding, crlf)

    @property
    def python(self) -> bool:
        return self.name.endswith((".py", ".pyi"))

    def bytes(self, text: str) -> bytes:
        return (text.replace("\n", "\r\n") if self.crlf else text).encode(self.encoding)

    def edited(self, edits: Sequence[Edit]) -> str:
        """The text with every edit made. Raises `UnwritableError`."""
        if self.python:
            return rewritten(self.text, edits, self.encoding)
        return filled(self.name, self.text, edits)

    def says(self, edit: Edit) -> bool:
        """Whether the file says the new text already."""
        try:
            self.edited([Edit(edit.new, edit.new, edit.line, edit.style)])
        except UnwritableError:
            return False
        return True

    def found(self, edit: Edit) -> Found | None:
        """The place of a text that a Python file writes out, in one piece or in parts."""
        if not self.python:
            return None
        try:
            return find(parsed(self.text), edit)
        except UnwritableError:
            return None

    def place(self, edit: Edit) -> Span | None:
        """Where a text stands, if it can be found."""
        if not self.python:
            return edit.line or 0, hash(edit.old)
        found = self.found(edit)
        return None if found is None else found.span

    def parts(self, edit: Edit) -> frozenset[Span]:
        """Where the constants stand that a text is made of."""
        found = self.found(edit)
        if found is None:
            return frozenset()
        constants = stems(parsed(self.text), found.values.values())
        places = (self.place(Edit(one.text, one.text, one.line)) for one in constants)
        return frozenset(place for place in places if place is not None)

    def computes(self, edit: Edit) -> bool:
        """Whether a Python file is seen to put a text together when it runs."""
        return self.python and computed(parsed(self.text), edit) is not None

    def maker(self, edit: Edit) -> tuple[int, str] | None:
        """The line and code that may put a text together when the program runs."""
        return maker(parsed(self.text), edit) if self.python else None
