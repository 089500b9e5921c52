"""Splits a reply at its outermost level into prose, fenced blocks, tagged text and thoughts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

from langgraph_gepa.reflection.fences import FENCE_LENGTH, Block, block_at, joined, spans_a_block
from langgraph_gepa.reflection.revision import begins_like, quotes

_TAG = re.compile(r"\s*<([^\W\d_][\w.:-]*)>")

_THOUGHTS = (
    r"(?:\w+:)?(?:ant)?(?:think|thinking|thoughts?|reason|reasoning|reflection|analysis|scratch_?pad"
    r"|(?:inner_?)?monologue|chain_of_thought|cot|plan|planning|drafts?)"
)
"""What chat templates and models call the part of a reply that is not meant for the reader."""


def _thought_tag(slash: str) -> str:
    return rf"(?:[<◁]\|?{slash}({_THOUGHTS})\|?[>▷]|\[{slash}(think)\])"


_THINKS = re.compile(_thought_tag(""), re.IGNORECASE)
_THOUGHT = re.compile(_thought_tag("/"), re.IGNORECASE)
_THOUGHT_ENDS_A_LINE = re.compile(rf"{_THOUGHT.pattern}[ \t]*$", re.IGNORECASE | re.MULTILINE)
_THOUGHT_BEGINS_A_LINE = re.compile(rf"^[ \t]*{_THOUGHT.pattern}", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prose:
    """A line outside everything else."""

    line: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """The text between `<name>` and `</name>`, without the line breaks next to the tags."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Thoughts:
    """Reasoning that is marked as such; not `closed` where its end is not marked."""

    closed: bool = True


Segment = Prose | Block | Tagged | Thoughts


def segments(reply: str, current: str) -> list[Segment]:
    """Splits `reply` into segments, in order. A tag that `current` contains is ordinary text."""
    text = _without_stray_thoughts(reply, current)
    lines = text.split("\n")
    starts = [*accumulate((len(line) + 1 for line in lines), initial=0)]
    unclosed: set[str] = set()
    found: list[Segment] = []
    at = 0
    while at < len(lines):
        between = _thoughts(text, starts[at], lines[at], current) or _tagged(
            text, starts[at], lines[at], current, unclosed
        )
        if between is not None:
            segment, end = between
            found.append(segment)
            at = bisect_right(starts, end) - 1
            lines[at] = text[end : starts[at] + len(lines[at])]  # what follows the closing tag on its line
            starts[at] = end
            at += not lines[at].strip()
        elif (block := block_at(lines, at)) is not None:
            _append(lines, found, block, current)
            at = block.last + 1
        else:
            found.append(Prose(lines[at]))
            at += 1
    return found


def _append(lines: Sequence[str], found: list[Segment], block: Block, current: str) -> None:
    """Appends a block, or joins it to the previous one when both are one text with a block inside."""
    place = len(found)
    while place and isinstance(found[place - 1], Prose):
        place -= 1
    before = found[place - 1] if place else None
    if (
        isinstance(before, Block)
        and spans_a_block(lines, before, block)
        and not quotes(before.text, current)
        and not begins_like(block.text, current)
    ):
        del found[place - 1 :]
        block = joined(lines, before, block)
    found.append(block)


def _thoughts(text: str, start: int, line: str, current: str) -> tuple[Thoughts, int] | None:
    """Returns the thoughts that begin with this line, and where they end; `None` if none do."""
    opening = _THINKS.match(line.lstrip())
    if opening is None:
        return None
    own = current.lstrip().startswith(opening[0]) if not text[:start].strip() else opening[0] in current
    if own:
        return None
    after = start + line.index(opening[0]) + len(opening[0])
    ends = (end.end() for end in _THOUGHT.finditer(text, after) if _name(end) == _name(opening))
    end = next(ends, None)
    return (Thoughts(closed=False), len(text)) if end is None else (Thoughts(), end)


def _tagged(text: str, start: int, line: str, current: str, unclosed: set[str]) -> tuple[Tagged, int] | None:
    """Returns the text between the tag that opens this line and its closing tag, and where that ends."""
    opening = _TAG.match(line)
    if opening is None or opening[1] in unclosed or f"<{opening[1]}>" in current:
        return None
    depth = 0
    for tag in re.compile(rf"<(/?){re.escape(opening[1])}>").finditer(text, start):
        depth += -1 if tag[1] else 1
        if not depth:
            return Tagged(opening[1], text[start + opening.end() : tag.start()].strip("\n")), tag.end()
    unclosed.add(opening[1])
    return None


def _without_stray_thoughts(reply: str, current: str) -> str:
    """Returns the reply after a closing tag of thoughts; the chat template may have written the opening tag."""
    opened: dict[str, int] = {}
    for opening in _THINKS.finditer(reply):
        opened.setdefault(_name(opening), opening.start())
    stray = [
        closing.end()
        for closing in chain(_THOUGHT_ENDS_A_LINE.finditer(reply), _THOUGHT_BEGINS_A_LINE.finditer(reply))
        if opened.get(_name(closing), len(reply)) > closing.start() and closing[0].strip() not in current
    ]
    blocks = _surely_blocks(reply) if stray else ()
    return reply[max((end for end in stray if not any(end in block for block in blocks)), default=0) :]


def _surely_blocks(reply: str) -> list[range]:
    """Returns where the blocks with a fence of `FENCE_LENGTH` are, which nothing inside them can close."""
    lines = reply.split("\n")
    starts = [*accumulate((len(line) + 1 for line in lines), initial=0)]
    found: list[range] = []
    at = 0
    while at < len(lines):
        block = block_at(lines, at) if lines[at].lstrip().startswith("`" * FENCE_LENGTH) else None
        if block is not None and block.closed:
            found.append(range(starts[at], starts[block.last]))
            at = block.last
        at += 1
    return found


def _name(tag: re.Match[str]) -> str:
    return str(tag[1] or tag[2]).lower()
