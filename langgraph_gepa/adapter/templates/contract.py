"""Compares two templates: whether the new one keeps the contract of the original."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from langgraph_gepa.core.placeholders import Part

LONGEST = 200_000
"""Characters that any text may have; a text may also have `GROWTH` times the length of the original."""
GROWTH = 4
REPEATS = 8
"""How many more times than the original a text may use a placeholder."""
LOOPED = 2_000
"""Characters of literal text that any template may have inside loops, where they are multiplied."""

VALUE = "\ue000"
"""Stands for the value of a field."""


class Block(NamedTuple):
    """A branch of a loop, condition or other block around a field.

    `part` counts the pinned statements in the branch before the field. A `passing` block renders its content at most
    once, with the same names inside.
    """

    head: str
    branch: str = ""
    part: int = 0
    passing: bool = False


Path = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A placeholder of a template, or the head of a block.

    `does` identifies it exactly, `plain` without conversion, format or filter. A field with `once` calls code, and so
    may not be repeated more often than in the original.
    """

    does: str
    plain: str
    written: str
    path: Path = ()
    block: bool = False
    once: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text.

    - `names`: its placeholders in order of first use.
    - `pinned`: statements that must stay unchanged and in order, such as assignments, macros and includes.
    - `looped`: the characters of literal text that a loop may repeat.
    - `advice`: how to write literally what looks like a field.
    - `result`: the filled text, with `VALUE` for each field.
    """

    fields: tuple[Field, ...] = ()
    names: tuple[str, ...] = ()
    pinned: tuple[Field, ...] = ()
    looped: int = 0
    advice: str = ""
    result: str = ""


def result_of(split: Iterable[Part]) -> str:
    """The filled text of its parts, with `VALUE` for each placeholder."""
    return "".join(part.literal + (VALUE if part.written else "") for part in split)


def too_long(text: str, original: str) -> str | None:
    """Why a text is too long to replace the original, in words; `None` if it is not."""
    most = max(LONGEST, GROWTH * len(original))
    return f"the text has {len(text):,} characters, and {most:,} are allowed" if len(text) > most else None


def complaint(original: Template, new: Template) -> str | None:
    """How the new template breaks the contract of the original, in words; `None` if it keeps it."""
    allowed = {(field.path, one) for field in original.fields for one in (field.does, field.plain)}
    kept = [(field, _home(field, allowed)) for field in new.fields]
    held = {(field.path, field.plain) for field, home in kept if home == field.path}
    lost = [field.written for field in original.fields if (field.path, field.plain) not in held]
    unknown = [field for field, home in kept if home is None]
    found = [
        _listed("loses", lost),
        *_misplaced(original, unknown),
        *_pinned(original, new),
        *_repeated(original, [(field, home) for field, home in kept if home is not None]),
    ]
    if new.looped > (most := max(LOOPED, GROWTH * original.looped)):
        found.append(f"its loops hold {new.looped:,} characters, and {most:,} are allowed")
    if unknown and new.advice:
        found.append(new.advice)
    return "; ".join(filter(None, found)) or None


def _home(field: Field, allowed: Collection[tuple[Path, str]]) -> Path | None:
    """The blocks around the field in the original: the same as here, or fewer if the others are passing."""
    path = field.path
    while (path, field.does) not in allowed:
        if field.block or not path or not path[-1].passing:
            return None
        path = path[:-1]
    return path


def _misplaced(original: Template, fields: Iterable[Field]) -> Iterable[str]:
    """Complaints about fields that the original does not have in the same blocks."""
    exact = {one: field.written for field in original.fields for one in (field.does, field.plain)}
    plain = {(field.path, field.plain): field.written for field in original.fields}
    moved, invented = [], []
    for field in fields:
        if field.does in exact:
            moved.append(field.written)
        elif known := plain.get((field.path, field.plain)):
            yield f"the text writes {field.written}, where {known} may only be written so or without format and filter"
        else:
            invented.append(field.written)
    yield _listed("invents", invented)
    if moved:
        yield f"the text moves {', '.join(dict.fromkeys(moved))} out of its block or into another"


def _pinned(original: Template, new: Template) -> Iterable[str]:
    kept, found = ([(field.path, field.does) for field in template.pinned] for template in (original, new))
    if kept != found and kept:
        yield f"the text must keep {', '.join(field.written for field in original.pinned)} as it is, and no others"
    elif kept != found:
        yield f"the text invents {', '.join(dict.fromkeys(field.written for field in new.pinned))}"


def _repeated(original: Template, kept: Iterable[tuple[Field, Path]]) -> Iterable[str]:
    known = Counter((field.path, field.plain) for field in original.fields)
    once = {(field.path, field.plain) for field in original.fields if field.once}
    found = Counter((home, field.plain) for field, home in kept)
    written = {(home, field.plain): field.written for field, home in kept}
    for key, count in found.items():
        most = known[key] + (0 if key in once else REPEATS)
        if count > most:
            yield f"the text repeats {written[key]} {count} times, and {most} are allowed"


def _listed(verb: str, written: Iterable[str]) -> str:
    each = list(dict.fromkeys(written))
    if not each:
        return ""
    return f"the text {verb} the placeholder{'' if len(each) == 1 else 's'} {', '.join(each)}"
