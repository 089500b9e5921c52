"""Writes fenced blocks, and finds them in a reply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FENCE_LENGTH = 5
"""The fewest backticks that the prompt asks for. Models fence examples with three, which do not close such a block."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)\Z")
_ONE_LINE = re.compile(r"([ \t]*)(`{3,})(?!`)(.+?)(?<!`)\2[ \t]*\Z")
_LANGUAGE = re.compile(r"[\w+#./-]{0,24}\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the lines it spans (`last` is the closing fence, or the last line) and what it holds."""

    first: int
    last: int
    text: str
    fence: str
    language: str = ""
    closed: bool = True


def fence_for(text: str, least: int = 3) -> str:
    """Returns a fence that no line of `text` can close."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def fenced(text: str) -> str:
    """Returns `text` in a block, from which `parse_reply` reads it back exactly."""
    fence = fence_for(text, FENCE_LENGTH)
    return f"{fence}\n{text}\n{fence}"


def block_at(lines: Sequence[str], first: int) -> Block | None:
    """Returns the block that opens on line `first`, or `None`.

    Inside it a fence line with a language opens another block, which a bare one closes again. A fence at the end of
    the very last line closes the block too.
    """
    if (one_line := _ONE_LINE.match(lines[first])) is not None:
        return Block(first, first, one_line[3].strip(), one_line[2])
    opening = _FENCE.match(lines[first])
    if opening is None:
        return None
    indent, fence, info = opening.groups()
    language = info.strip()
    start = [] if _LANGUAGE.match(language) else [language]  # the text begins on the fence's own line
    language = "" if start else language.lower()
    last = _closing(lines, first, indent, fence)
    if last is not None:
        return Block(first, last, _dedented([*start, *lines[first + 1 : last]], indent), fence, language)
    text = "\n".join([*start, *lines[first + 1 :]]).rstrip()
    closed = text.endswith(fence) and text.rsplit("\n", 1)[-1].count(fence) == 1
    text = _dedented(text.removesuffix(fence).rstrip().split("\n"), indent)
    return Block(first, len(lines) - 1, text, fence, language, closed)


def _closing(lines: Sequence[str], first: int, indent: str, fence: str) -> int | None:
    open_fences = [(len(indent), len(fence))]
    for at in range(first + 1, len(lines)):
        inner = _FENCE.match(lines[at])
        if inner is None or inner[2][0] != fence[0] or len(inner[2]) < len(fence):
            continue
        width, language = len(inner[1]), inner[3].strip()
        if language and _LANGUAGE.match(language):
            open_fences.append((width, len(inner[2])))
        elif not language and width <= open_fences[-1][0] and len(inner[2]) >= open_fences[-1][1]:
            open_fences.pop()
            if not open_fences:
                return at
    return None


def spans_a_block(lines: Sequence[str], block: Block, following: Block) -> bool:
    """Whether two blocks are one text with a block inside, whose bare fences seem to separate them.

    What leads up to a block ends in a colon or is a heading: that is so before the supposed inner block and
    not before the supposed second one.
    """
    between = [line for line in lines[block.last + 1 : following.first] if line.strip()]
    if not between or following.language or not (block.closed and following.closed):
        return False
    if block.fence != following.fence or _indent(lines[block.first]) != _indent(lines[following.first]):
        return False
    return leads_up(block.text.rstrip().rsplit("\n", 1)[-1]) and not leads_up(between[-1])


def joined(lines: Sequence[str], block: Block, following: Block) -> Block:
    """Returns the single block that both make."""
    inside = lines[block.first + 1 : following.last]
    text = _dedented(inside, _indent(lines[block.first]))
    return Block(block.first, following.last, text, block.fence, block.language)


def leads_up(line: str) -> bool:
    """Whether a line announces what follows it: it ends in a colon, is a heading, or is all emphasised."""
    line = line.strip()
    bold = len(line) > 4 and line.startswith(("**", "__")) and line.endswith(("**", "__"))
    return line.rstrip("*_").endswith((":", "：")) or line.startswith("#") or bold


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _dedented(lines: Sequence[str], indent: str) -> str:
    return "\n".join(line.removeprefix(indent) for line in lines)
