"""What a reflection model's reply proposes. Models quote, draft, nest and forget fences; this reads past it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.search.excerpt import escape, unescape

NO_CHANGE = "NO CHANGE"
"""The reply to records that give no reason for a new text."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The new `text`, or `None` and why: `unchanged` (the model is content with the current one) or a `reason`."""

    text: str | None = None
    unchanged: bool = False
    reason: str = ""

    @property
    def why(self) -> str:
        """Why there is no new text, in words."""
        return "nothing to change" if self.unchanged else self.reason


def fence_for(text: str) -> str:
    """Backticks that no line of `text` can close."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def fenced(text: str) -> str:
    """`text` in a block from which `parse_reply` reads it back, character by character."""
    fence = fence_for(text)
    return f"{fence}\n{text}\n{fence}"


def parse_reply(reply: str, current: str) -> Proposal:
    """Reads the proposed text out of a reply. Never raises, whatever the reply.

    Blocks that merely quote `current` are passed over, and of the others the last counts unless it is
    less than half the longest (an afterthought, such as an example of an output). Without a fence the
    whole reply counts, less a first line like "Here is the new prompt:". The text of a closed block is
    taken as it stands, outer blank lines included.
    """
    reply = _THOUGHT.sub("", reply)
    if 0 < reply.count("\n") == reply.count("\r\n"):
        reply = reply.replace("\r\n", "\n")
    lines = reply.split("\n")
    blocks = _blocks(lines, current)
    if _says_no_change(lines, blocks):
        return Proposal(unchanged=True)
    text = _tagged_text(lines, blocks, current)
    if text is None:
        text = _chosen(lines, blocks, current)
    text = _untagged(text, current)
    if escape(current) != current:  # the model saw such a text escaped and may have kept the backslashes
        text = unescape(text)
    if not text.strip():
        return Proposal(reason="The reply holds no text." if reply.strip() else "The reply is empty.")
    if text.strip() == current.strip() or _is_no_change(text):
        return Proposal(unchanged=True)
    return Proposal(text=text)


@dataclass(frozen=True, slots=True)
class _Block:
    """A fenced block: the lines it spans (`last` is the closing fence, or the reply's end) and what it holds."""

    first: int
    last: int
    text: str
    language: str = ""


_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)\Z")
_ONE_LINE = re.compile(r"[ \t]*(`{3,})(?!`)(.+?)(?<!`)\1[ \t]*\Z")
_LANGUAGE = re.compile(r"[\w+#./-]{0,24}\Z")
_PREFACE = re.compile(
    r"\W*(?:sure|certainly|of course|okay|ok|absolutely|great|here(?:'s|’s| is| are)|below is|"
    r"(?:the |my |a )?(?:new|improved|updated|revised|rewritten|final|better|complete)\b[\w -]*"
    r"(?:text|prompt|instructions?|description|version))\b[^\n]*[:!.][\s*_]*\Z",
    re.IGNORECASE,
)
_OPENS = re.compile(r"\s*<(new_text|current_text|improved_text|updated_text)>", re.IGNORECASE)
_NO_CHANGE = re.compile(r"[\W_]*no[ _-]changes?(?: (?:is |are )?(?:needed|required|necessary))?[\W_]*", re.IGNORECASE)
_BEGINS_NO_CHANGE = re.compile(rf"\W*{NO_CHANGE}\b")
_ENDS_NO_CHANGE = re.compile(rf"[.:]\W+{NO_CHANGE}\W*\Z")
_LINE = 200  # so much of a line is looked at where a pattern would be slow on a very long one
_QUOTES = (('"""', '"""'), ("'''", "'''"), ('"', '"'), ("'", "'"), ("“", "”"), ("`", "`"))


def _blocks(lines: Sequence[str], current: str) -> list[_Block]:
    """The outermost fenced blocks, in order; a stray fence at the end of the reply is none."""
    blocks: list[_Block] = []
    at = 0
    while at < len(lines):
        block = _block_at(lines, at)
        at = at + 1 if block is None else block.last + 1
        if block is not None and (block.text.strip() or block.last < len(lines)):
            if blocks and _words(blocks[-1].text) != _words(current) and _is_nested(lines, blocks[-1], block):
                first = blocks.pop().first
                block = _Block(first, block.last, "\n".join(lines[first + 1 : block.last]))
            blocks.append(block)
    return blocks


def _block_at(lines: Sequence[str], first: int) -> _Block | None:
    """The block that opens on line `first`. A fence line with a language opens a block inside it, a bare one closes."""
    one_line = _ONE_LINE.match(lines[first])
    if one_line is not None:
        return _Block(first, first, one_line[2].strip())
    opening = _FENCE.match(lines[first])
    if opening is None:
        return None
    indent, fence, info = opening.groups()
    start = [] if _LANGUAGE.match(info.strip()) else [info.strip()]  # the text began on the fence's own line
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
                return _Block(first, at, _dedented([*start, *lines[first + 1 : at]], indent), info.strip().lower())
    text = "\n".join([*start, *lines[first + 1 :]]).rstrip()
    return _Block(
        first, len(lines), _dedented(text.removesuffix(fence).rstrip().split("\n"), indent), info.strip().lower()
    )


def _is_nested(lines: Sequence[str], block: _Block, following: _Block) -> bool:
    """Whether the bare fences that part two blocks are rather a block inside one text that spans both.

    What leads up to a block ends in a colon or is a heading: if that is so before the supposed inner
    block and not before the supposed second one, they are one text. So are they when the reply
    is fenced from its first line to its last, unless prose leads up to the second block.
    """
    between = [line for line in lines[block.last + 1 : following.first] if line.strip()]
    opening, closing = _FENCE.match(lines[block.first]), _FENCE.match(lines[following.first])
    if not between or opening is None or closing is None or closing[3].strip() or following.last >= len(lines):
        return False
    if opening[2] != closing[2] or opening[1] != closing[1] or _leads_up(between[-1]):
        return False
    whole = not any(line.strip() for line in [*lines[: block.first], *lines[following.last + 1 :]])
    return whole or _leads_up(block.text.rstrip().rsplit("\n", 1)[-1])


def _leads_up(line: str) -> bool:
    line = line.strip()
    return line.rstrip("*_").endswith(":") or line.startswith("#") or (line.startswith("**") and line.endswith("**"))


def _chosen(lines: Sequence[str], blocks: Sequence[_Block], current: str) -> str:
    # Blocks of JSON are no prompt, unless the current one is JSON too: they are examples inside one that has no fence.
    json_too = current.lstrip().startswith(("{", "["))
    texts = [block.text for block in blocks if json_too or not block.language.startswith("json")]
    if not texts:
        return _bare_text(lines, current)
    known = _words(current)
    news = [text for text in texts if _words(text) not in known] or texts
    longest = max(map(len, news))
    return next(text for text in reversed(news) if 2 * len(text) >= longest)


def _tagged_text(lines: Sequence[str], blocks: Sequence[_Block], current: str) -> str | None:
    """The text between tags that stand outside every fence; `None` if there is none, or if a fence stands elsewhere."""
    for first in reversed(range(len(lines))):
        opening = _OPENS.match(lines[first])
        if opening is None or any(block.first <= first for block in blocks):
            continue
        rest = "\n".join([lines[first][opening.end() :], *lines[first + 1 :]])
        end = rest.lower().rfind(f"</{opening[1].lower()}>")
        inside = rest if end < 0 else rest[:end]
        if blocks and (end < 0 or blocks[-1].last > first + inside.count("\n")):
            continue
        text = inside.strip("\n")
        alone = _blocks(text.split("\n"), current)
        if len(alone) == 1 and alone[0].first == 0 and alone[0].last == text.count("\n"):
            text = alone[0].text
        if _words(text) not in _words(current):
            return text
    return None


def _untagged(text: str, current: str) -> str:
    """`text` without a pair of our tags around all of it, unless the current text has them too."""
    opening = _OPENS.match(text)
    if opening is None or _OPENS.match(current) or not text.rstrip().lower().endswith(f"</{opening[1].lower()}>"):
        return text
    return text[opening.end() : text.rindex("</")].strip("\n")


def _bare_text(lines: Sequence[str], current: str) -> str:
    text = "\n".join(lines).strip()
    if text.count("```") == 1 and text.endswith("```"):
        text = text.removesuffix("```").rstrip()
    while (first := text.partition("\n"))[2].strip() and _PREFACE.match(first[0][:_LINE]):
        text = first[2].strip()
    for opening, closing in _QUOTES:
        inner = text[len(opening) : len(text) - len(closing)]
        quoted = len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing)
        if quoted and opening not in inner and closing not in inner and not current.strip().startswith(opening):
            return inner.strip()
    return text


def _says_no_change(lines: Sequence[str], blocks: Sequence[_Block]) -> bool:
    """Whether the first or last line of the prose is `NO CHANGE`, or, without any block, begins or ends with it."""
    fenced_lines = {at for block in blocks for at in range(block.first, block.last + 1)}
    prose = [line for at, line in enumerate(lines) if at not in fenced_lines and line.strip()]
    if not prose:
        return False
    if _is_no_change(prose[0]) or _is_no_change(prose[-1]):
        return True
    return not blocks and bool(_BEGINS_NO_CHANGE.match(prose[0]) or _ENDS_NO_CHANGE.search(prose[-1][-_LINE:]))


def _is_no_change(line: str) -> bool:
    return _NO_CHANGE.fullmatch(line) is not None


def _words(text: str) -> str:
    return " ".join(text.split())


def _dedented(lines: Sequence[str], indent: str) -> str:
    return "\n".join(line.removeprefix(indent) for line in lines)
