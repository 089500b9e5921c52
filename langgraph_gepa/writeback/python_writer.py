"""Writes new texts into a Python file: literals, f-strings, sums, docstrings. Every other byte stays as it was."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from langgraph_gepa.core.placeholders import BrokenTemplateError
from langgraph_gepa.writeback.composed import lost
from langgraph_gepa.writeback.edits import Edit, UnwritableError, as_docstring
from langgraph_gepa.writeback.layout import Writer
from langgraph_gepa.writeback.locating import Found, find, pieces_of
from langgraph_gepa.writeback.python_reader import SourceFile, parsed
from langgraph_gepa.writeback.source_text import Chain, Fragments, merged, tree
from langgraph_gepa.writeback.spelling import Speller, StandIns


def rewritten(source: str, edits: Sequence[Edit], encoding: str = "utf-8") -> str:
    """The source of a Python file after every edit.

    Raises `UnwritableError` for a text that cannot be written there, `GoneError` for one that is not there.
    """
    file = parsed(source)
    found = sorted((find(file, edit) for edit in edits), key=lambda found: (-found.view.start, found.view.end))
    if any(later.view.start < earlier.view.end for later, earlier in pairwise(found)):
        # From the end, so that the lines above stay where they are; a text inside another is written first.
        for place in found:
            source = rewritten(source, [place.edit], encoding)
        return source
    data = file.data
    for place in found:
        start, end, code = _replacement(file, place, encoding)
        data = data[:start] + code.encode("utf-8") + data[end:]
    changed = data.decode("utf-8")
    module = tree(changed)
    if module is None:
        raise UnwritableError("it cannot be written there as Python")
    if any(_has_lone_surrogate(edit.new) for edit in edits) and any(map(_has_lone_surrogate, _docstrings(module))):
        raise UnwritableError("it has half of a surrogate pair, with which Python 3.13 compiles no docstring")
    return changed


Replacement = tuple[int, int, str]
"""The code to put in place of the bytes from start to end of the file."""


def _replacement(file: SourceFile, found: Found, encoding: str) -> Replacement:
    """Where and what to write for one edit, in the line breaks of the file."""
    new = _new_fragments(found)
    stand_ins = StandIns.among(new, found.view.chain.fragments)
    speller = Speller(stand_ins, lambda char: _is_encodable(char, encoding))
    start, end, code = _placed(Writer(file, speller, _limit(file.text)), found, new)
    breaks = "\r\n" if "\r\n" in file.text else "\n"
    return start, end, code.replace("\r\n", "\n").replace("\n", breaks)


def _new_fragments(found: Found) -> Fragments:
    """The new text with the expressions of the source in it."""
    edit, names = found.edit, found.names
    for expression in lost(edit, found.values).values():
        by = f"it is put together with `{expression.bare}`"
        raise UnwritableError(f"{by}, whose words the new text does not keep: write it there yourself")
    if found.values:
        cut = re.split(f"({'|'.join(map(re.escape, found.values))})", edit.new)
        return merged(found.values.get(part, part) for part in cut)
    if edit.style != "fstring":
        return merged([edit.new])
    try:
        pieces = pieces_of(edit.new)
    except BrokenTemplateError as error:
        raise UnwritableError(str(error)) from error
    unknown = [piece for piece, is_placeholder in pieces if is_placeholder and piece not in names]
    if unknown:
        raise UnwritableError(f"the f-string has no expression for the new text's placeholder {{{unknown[0]}}}")
    return merged(names[piece] if is_placeholder else piece for piece, is_placeholder in pieces)


def _placed(writer: Writer, found: Found, new: Fragments) -> Replacement:
    """The replacement in the kind of expression that holds the text."""
    view, chain = found.view, found.view.chain
    if view.transform is None:
        return _as_literal(writer, new, chain)
    own, text = ("".join(map(str, fragments)) for fragments in (chain.fragments, new))
    if view.part is not None:
        return _as_argument(writer, found, own, text)
    if (code := _as_read(writer, found, own, text)) is not None:
        return chain.start, chain.end, code
    if not view.docstring:  # a literal in place of the call that changes the text
        return _as_literal(writer, new, Chain(view.start, view.end, chain.pieces[:1]))
    if "\n\n" in text.strip():
        raise UnwritableError(
            "no docstring is read back as exactly this text (LangChain joins the paragraphs of a docstring that it "
            "parses): give the tool its description as an argument"
        )
    raise UnwritableError("no docstring is read back as exactly this text")


def _as_literal(writer: Writer, text: Fragments, chain: Chain) -> Replacement:
    code = writer.written(text, chain)
    if code is None:
        raise UnwritableError("it cannot be written there as a literal")
    return chain.start, chain.end, code


def _as_read(writer: Writer, found: Found, own: str, text: str) -> str | None:
    """A literal that the program reads as the new text, laid out like the old one where possible."""
    view, texts = found.view, [text]
    if view.docstring:  # every reader of a docstring removes these margins
        texts = [_BLANK.sub("", text.strip()), *([as_docstring(text)] if own == found.edit.old else [])]
    for wanted in texts:
        for value, open_line in _values(own, wanted, _column(writer, view.chain)):
            if view.transform is not None and view.transform(value) == wanted:
                code = writer.written(merged([value]), view.chain, open_line=open_line)
                if code is not None:
                    return code
    return None


def _as_argument(writer: Writer, found: Found, own: str, text: str) -> Replacement:
    """An argument's description in its docstring: over several lines if it is long and holds no colon."""
    view = found.view
    if view.transform is None or view.part is None:
        raise ValueError("not a part of a docstring")
    start, end = view.part
    margin = own[own.rfind("\n", 0, start) + 1 : start]
    indent = margin[: len(margin) - len(margin.lstrip())] + "    "
    room = writer.limit - len(indent)
    wrapped = textwrap.fill(text, room, initial_indent=" " * (len(margin) - len(indent)), subsequent_indent="\0")
    for description in (f"\n{indent}".join(wrapped.strip(" ").split("\n\0")), text):
        value = own[:start] + description + own[end:]
        if view.transform(value) == text and (code := writer.written(merged([value]), view.chain)) is not None:
            return view.chain.start, view.chain.end, code
    raise UnwritableError("no docstring is read back as exactly this description of an argument")


def _values(own: str, text: str, column: str) -> Iterator[tuple[str, bool | None]]:
    """Values of a literal that the program may read as `text`, those laid out like `own` first.

    Each comes with whether it starts on the line after the quotes (see `Writer.written`).
    """
    start, end = _core(own)
    lead = own[: own.rfind("\n", 0, start) + 1]
    rest = own[end:]
    indent = _indent(own[len(lead) :]) or column
    tails = [*_remainders(own), rest, rest.rpartition("\n")[2], ""]
    if "\n" in text and "\n" not in own:
        tails.insert(0, f"\n{column}")
    if indent and "\n" in text and all(line.startswith(indent) for line in text.split("\n")[1:] if line.strip()):
        yield from ((text + tail, None) for tail in tails)
    for tail, (opening, first) in product(dict.fromkeys(tails), _openings(own, lead)):
        yield opening + _indented(text, indent, first=first) + tail, (first and not opening) or None
    yield text, None


def _openings(own: str, lead: str) -> list[tuple[str, bool]]:
    """What a value may start with, and whether its first line is indented; the way of `own` comes first."""
    ways = [("", False), ("\n", True), ("", True), ("\n", False)]
    usual = (lead, True) if lead else ("", own[:1] in (" ", "\t") and "\n" in own)
    return [usual, *(way for way in ways if way != usual)]


def _indent(own: str) -> str:
    """The margin of a text's lines; that of the first line counts only if it is not empty."""
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in own.split("\n") if line.strip()]
    return min(margins[1:] if margins and not margins[0] else margins, key=len, default="")


_BLANK = re.compile(r"^[ \t]+$", re.MULTILINE)


def _core(own: str) -> tuple[int, int]:
    """Where a text starts and ends without the white space around it."""
    return len(own) - len(own.lstrip()), len(own.rstrip())


def _remainders(own: str) -> Iterator[str]:
    """What may follow a docstring's description: all from a heading on."""
    for heading in re.finditer(r"\s*\n[ \t]*\n[ \t]*(?=(?:Args|Returns|Example):)", own):
        yield own[heading.start() :]


def _indented(text: str, indent: str, *, first: bool) -> str:
    lines = text.split("\n")
    return "\n".join(indent + line if line.strip() and (number or first) else line for number, line in enumerate(lines))


def _column(writer: Writer, chain: Chain) -> str:
    before = writer.file.before(chain.start)
    return before[: len(before) - len(before.lstrip())]


def _limit(source: str) -> int:
    """The line length the file keeps to, between 88 and 120."""
    return max(88, min(120, max(map(len, source.splitlines()), default=0)))


def _docstrings(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node, clean=False) or ""


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _is_encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
