"""One file of the project as text, Python or not: where its texts stand, and what it is after edits."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.writeback import data_files, python_writer
from langgraph_gepa.writeback.composed import computing_code, computing_line, constants_in
from langgraph_gepa.writeback.edits import Edit, GoneError, Span, UnwritableError
from langgraph_gepa.writeback.locating import Found, find
from langgraph_gepa.writeback.python_reader import parsed


@dataclass(frozen=True, slots=True)
class Content:
    """A file as text, with what turns the text into bytes again."""

    name: str
    text: str
    encoding: str
    crlf: bool = False

    @classmethod
    def of(cls, name: str, data: bytes) -> Content:
        """Decodes a file. Raises `UnicodeDecodeError`, and `SyntaxError` for a Python file that is not Python."""
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
            return python_writer.rewritten(self.text, edits, self.encoding)
        return data_files.rewritten(self.name, self.text, edits)

    def holds_new(self, edit: Edit) -> bool:
        """Whether the file holds the new text already."""
        try:
            self.edited([Edit(edit.new, edit.new, edit.line, edit.style)])
        except UnwritableError:
            return False
        return True

    def found(self, edit: Edit) -> Found | None:
        """The place of a text in a Python file, written as a whole or put together from parts."""
        if not self.python:
            return None
        try:
            return find(parsed(self.text), edit)
        except UnwritableError:
            return None

    def span(self, edit: Edit) -> Span | None:
        """Where a text stands; `None` where it is not found."""
        if not self.python:
            return edit.line or 0, hash(edit.old)
        found = self.found(edit)
        return None if found is None else found.span

    def part_spans(self, edit: Edit) -> frozenset[Span]:
        """Where the constants stand that a text is put together from."""
        found = self.found(edit)
        if found is None:
            return frozenset()
        constants = constants_in(parsed(self.text), found.values.values())
        spans = (self.span(Edit(constant.text, constant.text, constant.line)) for constant in constants)
        return frozenset(span for span in spans if span is not None)

    def may_hold(self, edit: Edit) -> bool:
        """Whether the file may hold the text itself: the old one, the new one, or its parts."""
        if not self.python:
            return True
        try:
            find(parsed(self.text), edit)
        except GoneError:
            return self.holds_new(edit) or computing_line(parsed(self.text), edit) is not None
        except UnwritableError:
            return True  # refused later, with the reason
        return True

    def computing_code(self, edit: Edit) -> tuple[int, str] | None:
        """The line and code that may put a text together when the program runs."""
        return computing_code(parsed(self.text), edit) if self.python else None
