"""Recognises a revision of a text: it begins like it, ends like it, or quotes it."""

from __future__ import annotations

_TELLING = 8
"""Bytes of UTF-8 in an opening that tell one text from another: eight letters, or three ideographs."""
_ENOUGH = 40
"""Characters of an opening that need to agree; where it is shorter, all of it."""
_LINES = 6


def words(text: str) -> str:
    """The text with single spaces: a model may wrap lines anew."""
    return " ".join(text.split())


def quotes(text: str, current: str) -> bool:
    """Whether `text` is the current text or a part of it."""
    return words(text) in words(current)


def begins_like(text: str, current: str) -> bool:
    """Whether `text` opens with the first line of `current`, or with so much of it that it is no chance."""
    opening = _opening(current)
    if len(opening.encode()) < _TELLING:
        return False
    own = words("\n".join(text.lstrip().split("\n", _LINES)[:_LINES])[: 4 * len(opening) + 4 * _ENOUGH])
    if len(opening) > _ENOUGH and own[:_ENOUGH] == opening[:_ENOUGH]:
        return True
    return own.startswith(opening) and not own[len(opening) : len(opening) + 1].isalnum()


def ends_like(text: str, current: str) -> bool:
    """Whether the last lines are the same."""
    return words(text.rstrip().rsplit("\n", 1)[-1]) == words(current.rstrip().rsplit("\n", 1)[-1])


def _opening(current: str) -> str:
    """The first line, and as many of those after it as it takes to be telling."""
    opening = ""
    for line in current.split("\n"):
        opening = words(f"{opening} {line}")
        if len(opening.encode()) >= _TELLING:
            break
    return opening
