"""Reads the new text out of a reflection model's reply; an ambiguous reply is refused with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from langgraph_gepa.core.excerpt import TAGS, escape, unescape
from langgraph_gepa.reflection.fences import FENCE_LENGTH, Block, fence_for, leads_up
from langgraph_gepa.reflection.instructions import NO_CHANGE, PROMPT, is_echo
from langgraph_gepa.reflection.proposal import Ending, Proposal
from langgraph_gepa.reflection.repetition import repeats_itself
from langgraph_gepa.reflection.revision import begins_like, ends_like, quotes, words
from langgraph_gepa.reflection.segments import Prose, Segment, Tagged, Thoughts, segments


def parse_reply(reply: str, current: str, ending: Ending = "", template: str = PROMPT) -> Proposal:
    """Reads the new text out of a reply to a reflection on the text `current`. Never raises, whatever the reply.

    `template` is the template of the reflection prompt: a reply that repeats its sentences is an echo and no new text.

    The prompt asks for one fenced block, and its text is taken exactly, outer blank lines included. A text that is
    marked otherwise is taken when nothing else can be meant: the only block that does not quote `current`, the only
    pair of tags or JSON string around everything, a bare text that opens as `current` does. A reply that was cut off,
    or that can be read in two ways, is a fault.
    """
    reply = reply.lstrip("\ufeff")
    if 0 < reply.count("\n") == reply.count("\r\n"):
        reply = reply.replace("\r\n", "\n")
    found = _trimmed(segments(reply, current))
    if Thoughts(closed=False) in found:
        return Proposal(reason=ending or "thinking")
    if ending and not (found and isinstance(found[-1], Block) and found[-1].closed):
        return Proposal(reason=ending)
    proposal = _read(found, current)
    if proposal.text is None:
        return proposal
    text = _untagged(proposal.text, current)
    if escape(current) != current:  # the model saw such a text escaped and may have kept the backslashes
        text = unescape(text)
    return _judged(text, current, template)


_NO_CHANGE = re.compile(r"[\W_]*no[ _-]changes?(?: (?:is |are )?(?:needed|required|necessary))?[\W_]*", re.IGNORECASE)
_BEGINS_NO_CHANGE = re.compile(rf"\W*{NO_CHANGE}\b")
_ENDS_NO_CHANGE = re.compile(rf"[.:]\W+{NO_CHANGE}\W*\Z")
_LINE = 200  # so much of a line is looked at where a pattern would be slow on a very long one
_TEXTUAL = frozenset({"", "text", "txt", "markdown", "md", "plain", "plaintext", "prompt"})
_TAG = re.compile(r"\s*<([^\W\d_][\w.:-]*)>")
_NAMES_A_TEXT = re.compile(r"prompt|text|instruction|description|template", re.IGNORECASE)
"""What a model calls the text it was asked for, and not its thoughts about it."""

_PAGE_TAG = re.compile(rf"\s*<({'|'.join(TAGS)}|new_text|improved_text|updated_text)>", re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "「": "」", "『": "』", "`": "`", "*": "*", "_": "_"}
_MARKS = "".join(_QUOTES)


def _judged(text: str, current: str, template: str) -> Proposal:
    """Returns the text as a proposal, unless it is empty, the current text, an echo of the prompt, or a loop."""
    if not text.strip():
        return Proposal(reason="empty")
    if text.strip() == current.strip() or _is_no_change(text):
        return Proposal(unchanged=True)
    if segments(text, current)[:1] == [Thoughts(closed=False)]:
        return Proposal(reason="thinking")
    if _may_be_no_change(text, current):
        return Proposal(reason="unmarked")
    if is_echo(text, current, template):
        return Proposal(reason="echo")
    if repeats_itself(text) and not repeats_itself(current):
        return Proposal(reason="loop")
    return Proposal(text)


def _read(found: Sequence[Segment], current: str) -> Proposal:
    """Returns the text that the segments mark as the new one, before it is judged."""
    while found and found[0] == Thoughts():
        found = _trimmed(found[1:])
    if not found:
        return Proposal(reason="empty")
    blocks = [segment for segment in found if isinstance(segment, Block)]
    if any(not block.closed for block in blocks) or _opens_a_tag(found[0], current):
        return Proposal(reason="unclosed")
    prose = [segment.line for segment in found if isinstance(segment, Prose) and segment.line.strip()]
    news = [block for block in blocks if block.text.strip() and not quotes(block.text, current)]
    if _answers_no_change(prose, bare=not blocks):
        return Proposal(reason="several") if news else Proposal(unchanged=True)
    tagged = [segment for segment in found if isinstance(segment, Tagged)]
    if (marked := _of_tags(tagged, found, current)) is not None:
        return marked
    if blocks:
        return _of_blocks(blocks, news, found, current)
    lines = [segment.line for segment in found if isinstance(segment, Prose)]
    return _of_prose(lines, current) if len(lines) == len(found) else Proposal(reason="unmarked")


def _opens_a_tag(segment: Segment, current: str) -> bool:
    """Whether the reply begins with a tag that it does not close."""
    opening = _TAG.match(segment.line) if isinstance(segment, Prose) else None
    return opening is not None and opening[0].strip() not in current


def _of_tags(tagged: Sequence[Tagged], found: Sequence[Segment], current: str) -> Proposal | None:
    """Returns the text of the only pair of tags that does not quote the current text, if the pair is meant for it."""
    news = [pair for pair in tagged if pair.text.strip() and not quotes(pair.text, current)]
    if len(news) != 1:
        return Proposal(current) if tagged and not news and len(found) == len(tagged) else None
    text, inside = news[0].text, _trimmed(segments(news[0].text, current))
    if begins_like(text, current):
        return Proposal(text)
    if len(inside) == 1 and isinstance(block := inside[0], Block) and len(found) == 1:
        return _of_blocks([block], [block], inside, current)
    return Proposal(text) if len(found) == 1 and _NAMES_A_TEXT.search(news[0].name) else None


def _of_blocks(blocks: Sequence[Block], news: Sequence[Block], found: Sequence[Segment], current: str) -> Proposal:
    if not news:
        same = [block for block in blocks if words(block.text) == words(current)]
        if same or len(blocks) == 1:
            return Proposal((same or blocks)[-1].text)
        return Proposal(reason="several")
    exact = [
        block for block in news if len(block.fence) >= len(fence_for(current, FENCE_LENGTH)) and block.fence[0] == "`"
    ]
    revised = [block for block in news if begins_like(block.text, current)]
    if len(news) == 1 or len(exact) == 1:
        block = (exact if len(exact) == 1 else news)[0]
    elif len(revised) == 1:
        block = revised[0]
    elif (drafts := exact or revised) and found[-1] is drafts[-1]:
        block = drafts[-1]
    else:
        return Proposal(reason="several")
    if (wrapped := _of_json(block, current)) is not None:
        return wrapped
    if block not in exact and _may_be_an_example(block, found, current):
        return Proposal(reason="unmarked")
    return Proposal(block.text)


def _may_be_an_example(block: Block, found: Sequence[Segment], current: str) -> bool:
    """Whether the block may belong to a new text that stands around it."""
    json_too = block.language.startswith("json") and _is_json(current)
    if block.language not in _TEXTUAL and not json_too:  # a diff, YAML or code that holds the text, if it is not that
        return not block.text.startswith(current.split("\n")[0])
    if len(found) == 1 or begins_like(block.text, current):
        return False
    lines = [segment.line if isinstance(segment, Prose) else "" for segment in found]
    return 2 * len(block.text) < len(current) or any(
        begins_like("\n".join(lines[at : at + 6]), current) for at, line in enumerate(lines) if line.strip()
    )


def _of_json(block: Block | str, current: str) -> Proposal | None:
    """Returns the text in a JSON object that wraps it; `None` if there is none, or if the current text is JSON too."""
    raw = block if isinstance(block, str) else block.text
    if not raw.lstrip().startswith("{") or _is_json(current):
        return None
    if isinstance(block, Block) and len(block.fence) >= FENCE_LENGTH and not block.language.startswith("json"):
        return None
    try:
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError):
        return None
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    revised = [value for value in texts.values() if begins_like(value, current)]
    named = [value for name, value in texts.items() if _NAMES_A_TEXT.search(name)]
    meant = revised or named
    return Proposal(meant[0]) if len(meant) == 1 else Proposal(reason="unmarked")


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "["))


def _of_prose(lines: Sequence[str], current: str) -> Proposal:
    """Returns a bare text: the whole reply, or all after a line that announces it.

    It has to open as the current text does, and no explanation may follow it: it is a single paragraph, or it ends as
    the current text does.
    """
    whole = "\n".join(lines)
    if (wrapped := _of_json(whole, current)) is not None:
        return wrapped
    if words(whole) == words(current):
        return Proposal(current)
    openings = [at for at in range(len(lines)) if _opens(lines[at : at + 6], current)]
    if len(openings) != 1:
        return Proposal(reason="unmarked")
    first = openings[0]
    if first and lines[first - 1].strip() and not lines[first - 1].strip(_MARKS):  # quotation marks on their own line
        first -= 1
    before = [line for line in lines[:first] if line.strip()]
    text = _unquoted("\n".join(lines[first:]).strip(), current)
    if before and not (len(before) == 1 and leads_up(before[0])):
        return Proposal(reason="unmarked")
    if re.search(r"\n[ \t]*\n", text) and not ends_like(text, current):
        return Proposal(reason="unmarked")
    return Proposal(text)


def _opens(lines: Sequence[str], current: str) -> bool:
    """Whether the first of these lines is the first of the new text."""
    first = lines[0].strip().lstrip(_MARKS)
    return bool(first) and (
        begins_like("\n".join(lines), current) or begins_like("\n".join([first, *lines[1:]]), current)
    )


def _unquoted(text: str, current: str) -> str:
    """Returns the text without marks of quotation or emphasis around all of it, unless the current text has them."""
    if begins_like(text, current):
        return text
    inside = text.lstrip(_MARKS + " \n")
    marks = text[: len(text) - len(inside)].strip()
    closing = "".join(_QUOTES[mark] for mark in reversed(marks) if mark in _QUOTES)
    return inside[: len(inside) - len(closing)].strip() if inside.endswith(closing) else text


def _trimmed(found: Sequence[Segment]) -> Sequence[Segment]:
    """Returns the segments without blank lines at both ends."""
    filled = [at for at, one in enumerate(found) if not isinstance(one, Prose) or one.line.strip()]
    return found[filled[0] : filled[-1] + 1] if filled else ()


def _untagged(text: str, current: str) -> str:
    """Returns `text` without a pair of the prompt's tags around all of it, unless the current text has them."""
    opening = _PAGE_TAG.match(text)
    if opening is None or _PAGE_TAG.match(current) or not text.rstrip().lower().endswith(f"</{opening[1].lower()}>"):
        return text
    return text[opening.end() : text.rindex("</")].strip("\n")


def _answers_no_change(prose: Sequence[str], *, bare: bool) -> bool:
    """Whether the first or last line of the prose is `NO CHANGE`, or, without any block, begins or ends with it."""
    if not prose:
        return False
    if _is_no_change(prose[0]) or _is_no_change(prose[-1]):
        return True
    return bare and bool(_BEGINS_NO_CHANGE.match(prose[0]) or _ENDS_NO_CHANGE.search(prose[-1][-_LINE:]))


def _may_be_no_change(text: str, current: str) -> bool:
    """Whether the text may be `NO CHANGE` in another language: two or three words in capitals."""
    marker = text.split()
    capitals = text.isupper() and not current.isupper()
    return capitals and 2 <= len(marker) <= 3 and set(marker).isdisjoint(current.split())


def _is_no_change(line: str) -> bool:
    return _NO_CHANGE.fullmatch(line[:_LINE]) is not None and len(line) <= _LINE
