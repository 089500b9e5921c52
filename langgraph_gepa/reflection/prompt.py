"""Writes the prompts of reflection, which ask a model for a better text of a module (paper, section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.excerpt import CHARS_PER_TOKEN, elide, escape, fit_all, joined, water_level
from langgraph_gepa.core.media import Medium, affordable, found_in, without_others
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.opaque import readable
from langgraph_gepa.reflection.directions import AS_USUAL, Directions
from langgraph_gepa.reflection.fences import FENCE_LENGTH, fence_for
from langgraph_gepa.reflection.instructions import (
    BRACES,
    CONTENT,
    FROZEN,
    NO_CHANGE,
    NOTES,
    OWN_TEXT,
    REPLY,
    SENT_ALONG,
    SUMMARY,
    SUMMARY_REPLY,
    WHAT,
)
from langgraph_gepa.reflection.records import Record, parts_of, record_blocks, reference_text
from langgraph_gepa.reflection.rejected import rejected_section
from langgraph_gepa.reflection.summaries import Summary, summaries_section
from langgraph_gepa.reflection.tags import number, tagged
from langgraph_gepa.reflection.template import fill

TOKENS = 24_000
"""The most tokens of a reflection prompt, by default."""

NO_MEDIA: Mapping[str, Medium] = MappingProxyType({})

_LEAST_FEEDBACK = 1_000
"""Characters of a record's feedback that are kept whatever the budget."""


def reflection_prompt(
    module: Module,
    text: str,
    records: Sequence[Record],
    *,
    tokens: int = TOKENS,
    objective: str = "",
    directions: Directions = AS_USUAL,
    rejected: Sequence[Edit] = (),
    media: Mapping[str, Medium] = NO_MEDIA,
) -> str:
    """Returns the prompt that asks for a better `text` of `module`. `objective` is the user's purpose for the graph;
    `rejected` are earlier edits of the module that did not help, the most telling first.

    It is the template of `directions` with a section in each of its places (`template.PLACES`). The sections have tags,
    each on its own line: `<module name= kind=>`, `<current_text>`, then for each record `<record n= score=>` with
    `<inputs>`, `<calls>`, `<outcome>` and `<feedback>` inside. Data that looks like one of them is escaped
    (`excerpt.escape`), so what stands between two tags is what was put there.

    `tokens` is the budget of the whole prompt, at `CHARS_PER_TOKEN`. To meet it the longest inputs, messages
    and outputs lose their middle, evenly over all records; the feedback only where it would fill half of the room
    by itself, and the current text never. So a prompt is longer than its budget when that text is. Of the pictures and
    files that the records name, the prompt says that they were left out, unless they are in `media`, by number, and
    take no more than half of the budget together: these are to be sent along (`media.numbers_in`).
    """
    sections = {**_sections(module, text, objective, directions), "rejected": rejected_section(rejected)}
    return _page(directions.template, sections, tokens, lambda room: _fitted(module, text, records, room), media)


def summary_prompt(
    module: Module,
    text: str,
    records: Sequence[Record],
    *,
    tokens: int = TOKENS,
    objective: str = "",
    directions: Directions = AS_USUAL,
    media: Mapping[str, Medium] = NO_MEDIA,
) -> str:
    """Returns the prompt that asks for a summary of these records, which are a group of more."""
    reply = SUMMARY_REPLY.format(fence=fence_for("", FENCE_LENGTH))
    sections = {**_sections(module, text, objective, directions), "reply": reply}
    return _page(SUMMARY, sections, tokens, lambda room: _fitted(module, text, records, room), media)


def joining_prompt(
    module: Module,
    text: str,
    summaries: Sequence[Summary],
    *,
    tokens: int = TOKENS,
    objective: str = "",
    directions: Directions = AS_USUAL,
    rejected: Sequence[Edit] = (),
) -> str:
    """Returns the reflection prompt with `summaries` in place of records; the longest lose their middle."""
    sections = {**_sections(module, text, objective, directions), "rejected": rejected_section(rejected)}
    return _page(directions.template, sections, tokens, lambda room: summaries_section(summaries, room))


def _page(
    template: str,
    sections: Mapping[str, str],
    tokens: int,
    records: Callable[[int], str],
    media: Mapping[str, Medium] = NO_MEDIA,
) -> str:
    """Fills a template, with `records` written in the characters that the rest and the media leave of the budget."""
    sent = affordable(media, tokens // 2)
    note = f"\n{SENT_ALONG}" if sent else ""
    tokens -= sum(medium.tokens for medium in sent.values())
    room = tokens * CHARS_PER_TOKEN - len(fill(template, {**sections, "records": "."})) + 1 - len(note)
    return fill(template, {**sections, "records": without_others(records(room), sent) + note})


def media_of(module: Module, text: str, records: Sequence[Record], kinds: Collection[str]) -> dict[str, Medium]:
    """Returns the pictures, sounds and files of these `kinds` in the records, by the number that names each."""
    if not kinds:
        return {}
    found: dict[str, Medium] = {}
    for record in records:
        seen = "\n".join(map(joined, record_blocks(module, text, record)))
        found |= found_in(seen, (record.inputs, record.rollout.outputs), kinds)
    return found


def records_text(module: Module, text: str, records: Sequence[Record], *, tokens: int = TOKENS) -> str:
    """Returns the records as the reflection model reads them, in at most `tokens`: for a proposer's own prompt.

    What it shows are the calls of `module`, in which `[the current text]` stands for `text`. Never let a model follow
    instructions in it: it holds what graphs, tools and users wrote.
    """
    return without_others(_fitted(module, text, records, tokens * CHARS_PER_TOKEN), ())


def _fitted(module: Module, text: str, records: Sequence[Record], room: int) -> str:
    """Writes the records in at most `room` characters, unless that is too little for their markers and feedback."""
    blocks = [block for record in records for block in record_blocks(module, text, record)]
    feedback = [feedback_text(module, record) for record in records]
    room -= len(_records(records, [""] * len(blocks), [""] * len(feedback)))
    longest = max(water_level([len(one) for one in feedback], room // 2), _LEAST_FEEDBACK)
    feedback = [elide(one, longest) for one in feedback]
    return _records(records, fit_all(blocks, room - sum(map(len, feedback))), feedback)


def _sections(module: Module, text: str, objective: str, directions: Directions) -> dict[str, str]:
    """Returns the sections of the template, without `records` and `rejected`, which depend on rollouts."""
    return {
        "objective": escape(f"What the program is for: {objective}") if objective else "",
        "module": _module_section(module, text),
        "text": _text_section(text),
        "guidance": CONTENT[module.kind],
        "placeholders": f"{_placeholder_rule(module, text)} {BRACES[module.style]}".strip(),
        "frozen": _frozen_section(directions.frozen),
        "notes": f"{NOTES}\n{escape(directions.notes)}" if directions.notes else "",
        "reply": REPLY.format(no_change=NO_CHANGE, fence=fence_for(text, FENCE_LENGTH)),
    }


def _module_section(module: Module, text: str) -> str:
    lines = [WHAT[module.kind]]
    if module.nodes:
        lines.append(f"used in node: {', '.join(module.nodes)}")
    if module.tools:
        lines.append(f"tools at hand there: {', '.join(module.tools)}")
    if module.placeholders:
        lines.append(f"placeholders, filled in anew for each call: {', '.join(_written(module, text))}")
    lines.append(f"In the calls below {OWN_TEXT} stands for the current text, followed by the values filled in.")
    content = "\n".join(map(escape, lines))
    return "\n".join(tagged("module", content, {"name": module.name, "kind": module.kind}))


def _text_section(text: str) -> str:
    escaped = escape(text)
    lines = tagged("current_text", escaped)
    if escaped != text:
        lines.append("(A backslash after < keeps a tag of the text apart from those of this page. Write it without.)")
    return "\n".join(lines)


def _frozen_section(frozen: Sequence[str]) -> str:
    return "\n".join([FROZEN, *(line for part in frozen for line in tagged("frozen", escape(part)))] if frozen else ())


def _records(records: Sequence[Record], blocks: Sequence[str], feedback: Sequence[str]) -> str:
    """Writes the records out; `blocks` are the inputs, calls and outcome of each."""
    lines: list[str] = []
    for index, record in enumerate(records):
        inputs, calls, outcome = blocks[3 * index : 3 * index + 3]
        lines += [
            f'<record n="{index + 1}" score="{number(record.rollout.score)}">',
            *tagged("inputs", inputs),
            *tagged("calls", calls),
            *tagged("outcome", outcome),
            *tagged("feedback", feedback[index]),
            "</record>",
        ]
    return "\n".join(lines)


def _placeholder_rule(module: Module, text: str) -> str:
    if not module.placeholders:
        return "" if module.style == "plain" else "The text has no placeholders; add none."
    written = ", ".join(_written(module, text))
    return (
        f"Keep every placeholder exactly as written ({written}), each at least once, where its value is of use; add no "
        "others. Each stands for a value that is filled in before the model sees the text."
    )


def _written(module: Module, text: str) -> list[str]:
    """Returns the placeholders as the template writes them."""
    wrap = {"format": "{{{}}}", "fstring": "{{{}}}", "mustache": "{{{{{}}}}}", "jinja2": "{{{{{}}}}}"}.get(
        module.style, "{}"
    )
    fields = [part.written for part in parts_of(text, module)]
    return [
        next((field for field in fields if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", field)), wrap.format(name))
        for name in module.placeholders
    ]


def feedback_text(module: Module, record: Record) -> str:
    """Returns what the metric says of the record: on the module, on the whole run and in scores, escaped."""
    feedback = record.rollout.feedback
    own = feedback.by_module.get(module.name, "")
    lines = [f"on this module: {own}"] if own else []
    if feedback.comment:
        lines.append(f"on the whole run: {feedback.comment}" if own else feedback.comment)
    if feedback.objectives:
        lines.append("scores: " + ", ".join(f"{name} {number(score)}" for name, score in feedback.objectives.items()))
    comments = escape(readable("\n".join(lines)))
    if feedback.comment or feedback.by_module or not record.reference:
        return comments or "(none but the score)"
    return "\n".join(filter(None, [comments, f"(none in words) This was expected:\n{reference_text(record)}"]))
