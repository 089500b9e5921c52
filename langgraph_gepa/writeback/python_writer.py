"""New texts into a Python file, everything else byte for byte as it was."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from langgraph_gepa.writeback.composed import lost
from langgraph_gepa.writeback.edits import Edit, UnwritableError, as_docstring
from langgraph_gepa.writeback.layout import Writer
from langgraph_gepa.writeback.locating import Found, find, parts
from langgraph_gepa.writeback.nodes import Chain, Fragments, merged
from langgraph_gepa.writeback.python_reader import SourceFile, parsed
from langgraph_gepa.writeback.spelling import Holes, Speller
from langgraph_gepa.writeback.syntax import is_python


def rewritten(source: str, edits: Sequence[Edit], encoding: str = "utf-8") -> str:
    """The source of a Python file with every edit made.

    Raises `UnwritableError` for a text that cannot be written there, `GoneError` for one that is not there.
    """
    file = parsed(source)
    found = sorted((find(file, edit) for edit in edits), key=lambda found: (-found.view.start, found.view.end))
    if any(later.view.start < earlier.view.end for later, earlier in pairwise(found)):
        # From the end, so that lines above stay where they are; what lies within another goes first.
        for one in found:
            source = rewritten(source, [one.edit], encoding)
        return source
    data = file.data
    for one in found:
        start, end, code = _code(file, one, source, encoding)
        data = data[:start] + code.encode("utf-8") + data[end:]
    changed = data.decode("utf-8")
    if not is_python(changed):
        raise UnwritableError("it cannot be written there as Python")
    return changed


def _code(file: SourceFile, found: Found, source: str, encoding: str) -> tuple[int, int, str]:
    """What to put where for one edit, in the line breaks of the file."""
    new = _fragments(found)
    speller = Speller(Holes.among(new, found.view.chain.fragments), lambda char: _encodable(char, encoding))
    start, end, code = _placed(Writer(file, speller, _limit(source)), found, new)
    breaks = "\r\n" if "\r\n" in source else "\n"
    return start, end, code.replace("\r\n", "\n").replace("\n", breaks)


def _fragments(found: Found) -> Fragments:
    edit, names = found.edit, found.names
    for hole in lost(edit, found.values).values():
        raise UnwritableError(
            f"it is put together with `{hole.bare}`, whose words the new text does not keep: write it there yourself"
        )
    if found.values:
        cut = re.split(f"({'|'.join(map(re.escape, found.values))})", edit.new)
        return merged(found.values.get(part, part) for part in cut)
    if edit.style != "fstring":
        return merged([edit.new])
    try:
        shown = list(parts(edit.new))
    except ValueError as error:
        raise UnwritableError(f"the new text is no template: {error}") from error
    unknown = [name for literal, name in shown if literal is None and name not in names]
    if unknown:
        raise UnwritableError(f"the f-string has no expression for the new text's placeholder {{{unknown[0]}}}")
    return merged(names[name] if literal is None else literal for literal, name in shown)


def _placed(writer: Writer, found: Found, new: Fragments) -> tuple[int, int, str]:
    """What to put where, in bytes of the file."""
    view, chain = found.view, found.view.chain
    if view.seen is None:
        code = writer.written(new, chain)
        if code is not None:
            return chain.start, chain.end, code
        raise UnwritableError("it cannot be written there as a literal")
    text = "".join(map(str, new))
    own = "".join(map(str, chain.fragments))
    if view.part is not None:
        return _partly(writer, found, own, text)
    texts = [text]
    if view.fixed:  # every reader of a docstring takes these margins off
        texts = [_BLANK.sub("", text.strip()), *([as_docstring(text)] if own == found.edit.old else [])]
    for text, (value, open_line) in ((t, v) for t in texts for v in _values(own, t, _column(writer, chain))):
        if view.seen(value) == text:
            code = writer.written(merged([value]), chain, open_line=open_line)
            if code is not None:
                return chain.start, chain.end, code
    if view.fixed:
        if "\n\n" in text:
            raise UnwritableError(
                "a docstring cannot say it so that it is read back exactly (LangChain joins the paragraphs "
                "of a docstring that it parses): give the tool its description as an argument"
            )
        raise UnwritableError("a docstring cannot say it so that it is read back exactly")
    code = writer.written(new, Chain(view.start, view.end, chain.pieces[:1]))
    if code is None:
        raise UnwritableError("it cannot be written there as a literal")
    return view.start, view.end, code


def _partly(writer: Writer, found: Found, own: str, text: str) -> tuple[int, int, str]:
    """An argument's description into its docstring: over several lines where it is long and no colon forbids it."""
    view = found.view
    if view.seen is None or view.part is None:
        raise ValueError("no part of a docstring")
    start, end = view.part
    margin = own[own.rfind("\n", 0, start) + 1 : start]
    indent = margin[: len(margin) - len(margin.lstrip())] + "    "
    room = writer.limit - len(indent)
    wrapped = textwrap.fill(text, room, initial_indent=" " * (len(margin) - len(indent)), subsequent_indent="\0")
    for said in (f"\n{indent}".join(wrapped.strip(" ").split("\n\0")), text):
        value = own[:start] + said + own[end:]
        if view.seen(value) == text and (code := writer.written(merged([value]), view.chain)) is not None:
            return view.chain.start, view.chain.end, code
    raise UnwritableError("a docstring cannot say it of an argument so that it is read back exactly")


def _values(own: str, text: str, column: str) -> Iterator[tuple[str, bool | None]]:
    """Texts that may be seen as `text`, laid out like `own` where that works: indented, with its margins.

    With each goes whether it starts on the line after the quotes (see `Writer.written`).
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
    """What the text may start with, and whether its first line is indented: as in `own` first."""
    ways = [("", False), ("\n", True), ("", True), ("\n", False)]
    usual = (lead, True) if lead else ("", own[:1] in (" ", "\t") and "\n" in own)
    return [usual, *(way for way in ways if way != usual)]


def _indent(own: str) -> str:
    """The margin of a text's lines; the first counts only where it has one."""
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in own.split("\n") if line.strip()]
    return min(margins[1:] if margins and not margins[0] else margins, key=len, default="")


_BLANK = re.compile(r"^[ \t]+$", re.MULTILINE)


def _core(own: str) -> tuple[int, int]:
    """Where a text's first and last characters stand that are no space."""
    return len(own) - len(own.lstrip()), len(own.rstrip())


def _remainders(own: str) -> Iterator[str]:
    """What may follow a docstring's description: everything from a heading on."""
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


def _encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
