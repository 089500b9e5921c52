"""The place in a Python file that is meant by a text and its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter

from langgraph_gepa.writeback.composed import constants, made
from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError
from langgraph_gepa.writeback.nodes import Hole, Spot, View, merged
from langgraph_gepa.writeback.python_reader import SourceFile


@dataclass(frozen=True, slots=True)
class Found:
    """An edit's place in the file, `span` in UTF-8 bytes (of a part, counted from the start of the whole).

    `names` are the expressions by placeholder. For a text put together before it was met, `values` are the
    expressions by what they said.
    """

    edit: Edit
    view: View
    names: Mapping[str, Hole]
    values: Mapping[str, Hole] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        start, end = self.view.chain.start, self.view.chain.end
        return (start, end) if self.view.part is None else (start + self.view.part[0], start + self.view.part[1])


def find(file: SourceFile, edit: Edit) -> Found:
    """The one place in the file that is meant.

    It is the expression at the edit's line; else one in the statement that starts there; else,
    for a file that has moved on, the only one with this text.
    """
    matches = [(spot, names) for spot in file.spots if (names := _read(spot.view, edit)) is not None]
    here = [spot for spot in file.spots if edit.line is not None and edit.line in spot.around]
    filled = {} if matches else {spot: v for spot in here if (v := made(spot.view, edit, constants(file)))}
    matches = matches or [(spot, {}) for spot in filled]
    if not matches:
        raise GoneError("the text is not there any more")
    near = [(s, n) for s, n in matches if edit.line == s.line]
    around = [(s, n) for s, n in matches if edit.line is not None and edit.line in s.around]
    tier = near or around or matches
    if len({(spot.view.chain.start, spot.view.part) for spot, _ in tier if not _within(spot, tier)}) > 1:
        lines = ", ".join(str(line) for line in sorted({spot.line for spot, _ in tier}))
        raise UnwritableError(
            f"the same text stands there more than once (lines {lines}): it is unclear which is meant"
        )
    spot, names = min(tier, key=_preference)
    return Found(edit, spot.view, names, filled.get(spot, {}))


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
        shown = list(parts(edit.old))
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


def parts(text: str) -> Iterator[tuple[str, str] | tuple[None, str]]:
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
