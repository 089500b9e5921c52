"""New texts into a Python file, everything else byte for byte as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from string import Formatter

from langgraph_gepa.search.module import Style
from langgraph_gepa.source.layout import Writer
from langgraph_gepa.source.reading import (
    Chain,
    Fragments,
    Hole,
    SourceFile,
    Spot,
    View,
    as_docstring,
    is_python,
    merged,
    parsed,
)
from langgraph_gepa.source.spelling import Holes, Speller


class UnwritableError(Exception):
    """A text that cannot be put into its file; the message says why, in words that end a sentence."""


class GoneError(UnwritableError):
    """The file does not hold the text any more."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One text to change: `old` and `new` as `Module.text` gives them, `line` as `Module.line`."""

    old: str
    new: str
    line: int | None = None
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Found:
    """An edit's place in the file, `span` in UTF-8 bytes.

    `names` are the expressions by placeholder. For a text put together before it was met, `values` are the
    expressions by what they said.
    """

    edit: Edit
    view: View
    names: Mapping[str, Hole]
    values: Mapping[str, Hole] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        return self.view.chain.start, self.view.chain.end


def rewritten(source: str, edits: Sequence[Edit], encoding: str = "utf-8") -> str:
    """The source of a Python file with every edit made.

    Raises `UnwritableError` for a text that cannot be written there, `GoneError` for one that is not there.
    """
    file = parsed(source)
    # From the end, so that lines above stay where they are; what lies within another goes first.
    for found in sorted((find(file, edit) for edit in edits), key=lambda found: (-found.span[0], found.span[1])):
        source = _changed(source, found.edit, encoding)
    return source


def find(file: SourceFile, edit: Edit) -> Found:
    """The one place in the file that is meant.

    It is the expression at the edit's line; else one in the statement that starts there; else,
    for a file that has moved on, the only one with this text.
    """
    matches = [(spot, names) for spot in file.spots if (names := _read(spot.view, edit)) is not None]
    here = [spot for spot in file.spots if edit.line is not None and edit.line in spot.around]
    made = {} if matches else {spot: values for spot in here if (values := _made(spot.view, edit))}
    matches = matches or [(spot, {}) for spot in made]
    if not matches:
        raise GoneError("the text is not there any more")
    near = [(s, n) for s, n in matches if edit.line == s.line]
    around = [(s, n) for s, n in matches if edit.line is not None and edit.line in s.around]
    tier = near or around or matches
    if len({spot.view.chain.start for spot, _ in tier if not _within(spot, tier)}) > 1:
        lines = ", ".join(str(line) for line in sorted({spot.line for spot, _ in tier}))
        raise UnwritableError(
            f"the same text stands there more than once (lines {lines}): it is unclear which is meant"
        )
    spot, names = min(tier, key=_preference)
    return Found(edit, spot.view, names, made.get(spot, {}))


def _preference(match: tuple[Spot, dict[str, Hole]]) -> tuple[bool, int]:
    """Docstrings as their readers see them, then the widest expression."""
    view = match[0].view
    return not view.fixed, view.start - view.end


def _within(spot: Spot, tier: Sequence[tuple[Spot, dict[str, Hole]]]) -> bool:
    """Whether a wider expression of the tier holds this one."""
    own = spot.view.chain
    others = (other.view.chain for other, _ in tier if other.view.chain != own)
    return any(other.start <= own.start and own.end <= other.end for other in others)


def _read(view: View, edit: Edit) -> dict[str, Hole] | None:
    """The expressions by placeholder if the view shows the edit's old text, else `None`."""
    fragments = view.fragments
    if fragments is None:
        return None
    if edit.style != "fstring":
        raw = view.fixed and view.chain.fragments == merged([edit.old])
        return {} if raw or fragments == merged([edit.old]) else None
    try:
        shown = list(_parts(edit.old))
    except ValueError:
        return None
    names: dict[str, Hole] = {}
    literals = [name if literal is None else literal for literal, name in shown]
    if len(literals) != len(fragments):
        return None
    for (literal, name), fragment in zip(shown, fragments, strict=True):
        if isinstance(fragment, Hole):
            if literal is not None or names.setdefault(name, fragment).code != fragment.code:
                return None
        elif fragment != literal:
            return None
    return names or None


def _parts(text: str) -> Iterator[tuple[str, str] | tuple[None, str]]:
    """`(literal, "")` and `(None, placeholder)` in order; neighbouring literals joined. Raises `ValueError`."""
    held = ""
    for literal, name, spec, conversion in Formatter().parse(text):
        held += literal
        if name is not None:
            if held:
                yield held, ""
            held = ""
            yield None, name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    if held:
        yield held, ""


def _changed(source: str, edit: Edit, encoding: str) -> str:
    file = parsed(source)
    found = find(file, edit)
    new = _fragments(found)
    chain = found.view.chain
    speller = Speller(Holes.among(new, chain.fragments), lambda char: _encodable(char, encoding))
    writer = Writer(file, speller, _limit(source))
    start, end, code = _placed(writer, found, new)
    breaks = "\r\n" if "\r\n" in source else "\n"
    code = code.replace("\r\n", "\n").replace("\n", breaks)
    changed = (file.data[:start] + code.encode("utf-8") + file.data[end:]).decode("utf-8")
    if not is_python(changed):
        raise UnwritableError("it cannot be written there as Python")
    return changed


def _made(view: View, edit: Edit) -> dict[str, Hole]:
    """What each expression said when the edit's old text was made, where that can be told for sure."""
    written = view.chain.fragments
    holes = [fragment for fragment in written if isinstance(fragment, Hole)]
    words = " ".join(fragment for fragment in written if isinstance(fragment, str)).split()
    if edit.style == "fstring" or view.seen is not None or not holes or len(words) < _WORDS:
        return {}
    tight, wide = (
        re.fullmatch("".join(re.escape(f) if isinstance(f, str) else way for f in written), edit.old, re.DOTALL)
        for way in ("(.+?)", "(.+)")
    )
    if tight is None or wide is None or tight.groups() != wide.groups():
        return {}
    values = dict(zip(tight.groups(), holes, strict=True))
    told = all(edit.old.count(value) == tight.groups().count(value) for value in values)
    return values if told and len(values) == len(set(holes)) else {}


_WORDS = 2
"""An expression with fewer words written out could have made anything."""


def _fragments(found: Found) -> Fragments:
    edit, names = found.edit, found.names
    for value, hole in found.values.items():
        if edit.new.count(value) != edit.old.count(value):
            raise UnwritableError(
                f"`{hole.code}` is filled in when the program runs, and the new text does not keep what it says"
            )
    if found.values:
        cut = re.split(f"({'|'.join(map(re.escape, found.values))})", edit.new)
        return merged(found.values.get(part, part) for part in cut)
    if edit.style != "fstring":
        return merged([edit.new])
    try:
        parts = list(_parts(edit.new))
    except ValueError as error:
        raise UnwritableError(f"the new text is no template: {error}") from error
    unknown = [name for literal, name in parts if literal is None and name not in names]
    if unknown:
        raise UnwritableError(f"the f-string has no expression for the new text's placeholder {{{unknown[0]}}}")
    return merged(names[name] if literal is None else literal for literal, name in parts)


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
    if view.fixed:  # every reader of a docstring takes these margins off
        text = as_docstring(text) if own == found.edit.old else _BLANK.sub("", text.strip())
    for value, open_line in _values(own, text, _column(writer, chain)):
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


def computed(file: SourceFile, edit: Edit) -> int | None:
    """The line of an expression that may make the text when the program runs; `None` where none is seen."""
    for spot in sorted(file.spots, key=lambda spot: spot.line != edit.line):
        written = spot.view.chain.fragments
        literal = "".join(fragment for fragment in written if isinstance(fragment, str))
        pattern = "".join(_FIELD.sub(".*", re.escape(f)) if isinstance(f, str) else ".*" for f in written)
        if ".*" in pattern and len(literal.split()) >= _WORDS and re.fullmatch(pattern, edit.old, re.DOTALL):
            return spot.line
    return None


_FIELD = re.compile(r"\\{[^{}]*\\}|%s")
