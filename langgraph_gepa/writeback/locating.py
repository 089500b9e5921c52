"""Finds the one place in a Python file that an edit means, by the edit's text and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from langgraph_gepa.core import placeholders
from langgraph_gepa.writeback.composed import constants, values_of_parts
from langgraph_gepa.writeback.edits import Edit, GoneError, Span, ambiguous
from langgraph_gepa.writeback.python_reader import SourceFile
from langgraph_gepa.writeback.source_text import Expression, Site, View, merged


@dataclass(frozen=True, slots=True)
class Found:
    """An edit's place in the file.

    For an f-string, `names` are the expressions by placeholder. For a text that is put together from constants and
    other expressions, `values` are the expressions by the part of the old text that each gave.
    """

    edit: Edit
    view: View
    names: Mapping[str, Expression]
    values: Mapping[str, Expression] = field(default_factory=dict)

    @property
    def span(self) -> Span:
        """In UTF-8 bytes; that of a part counts from the start of the whole."""
        start, end = self.view.chain.start, self.view.chain.end
        return (start, end) if self.view.part is None else (start + self.view.part[0], start + self.view.part[1])


def find(file: SourceFile, edit: Edit) -> Found:
    """The one place in the file that the edit means.

    It is the expression at the edit's line; otherwise the one in the statement that starts there; otherwise, as lines
    may have moved, the only one with this text. Raises `GoneError`, and `UnwritableError` when there are several.
    """
    matches = [(site, names) for site in file.sites if (names := _names(site.view, edit)) is not None]
    put_together: dict[Site, Mapping[str, Expression]] = {}
    if not matches:
        here = [site for site in file.sites if edit.line is not None and edit.line in site.lines]
        put_together = {site: v for site in here if (v := values_of_parts(site.view, edit, constants(file)))}
        matches = [(site, {}) for site in put_together]
    if not matches:
        raise GoneError("the text is not there any more")
    at_line = [match for match in matches if edit.line == match[0].line]
    in_statement = [match for match in matches if edit.line is not None and edit.line in match[0].lines]
    tier = at_line or in_statement or matches
    if len({(site.view.chain.start, site.view.part) for site, _ in tier if not _is_inside(site, tier)}) > 1:
        raise ambiguous(site.line for site, _ in tier)
    site, names = min(tier, key=_preference)
    return Found(edit, site.view, names, put_together.get(site, {}))


def _preference(match: tuple[Site, Mapping[str, Expression]]) -> tuple[bool, int]:
    """Docstrings first, then the widest expression."""
    view = match[0].view
    return not view.docstring, view.start - view.end


def _is_inside(site: Site, tier: Sequence[tuple[Site, Mapping[str, Expression]]]) -> bool:
    """Whether a wider expression of the tier encloses this one."""
    own = site.view.chain
    others = (other.view.chain for other, _ in tier if other.view.chain != own)
    return any(other.start <= own.start and own.end <= other.end for other in others)


def _names(view: View, edit: Edit) -> dict[str, Expression] | None:
    """The expressions by placeholder where the view has the edit's old text, otherwise `None`."""
    fragments = view.fragments
    if fragments is None:
        return None
    if edit.style != "fstring":
        unread = view.docstring and view.chain.fragments == merged([edit.old])
        return {} if unread or fragments == merged([edit.old]) else None
    try:
        pieces = pieces_of(edit.old)
    except placeholders.BrokenTemplateError:
        return None
    if len(pieces) != len(fragments):
        return None
    names: dict[str, Expression] = {}
    for (piece, is_placeholder), fragment in zip(pieces, fragments, strict=True):
        if isinstance(fragment, Expression):
            if not is_placeholder or names.setdefault(piece, fragment).code != fragment.code:
                return None
        elif is_placeholder or fragment != piece:
            return None
    return names or None


def pieces_of(text: str) -> list[tuple[str, bool]]:
    """The words and placeholders of an f-string's text in order, each with whether it is a placeholder.

    Raises `BrokenTemplateError`.
    """
    pieces: list[tuple[str, bool]] = []
    for part in placeholders.parts(text, "fstring"):
        pieces += [(part.literal, False)] if part.literal else []
        pieces += [(part.name, True)] if part.name is not None else []
    return pieces
