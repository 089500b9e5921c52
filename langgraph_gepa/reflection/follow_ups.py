"""Writes the prompts that follow a reply: the same prompt again, with the reply and what was wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph_gepa.core.excerpt import elide, escape
from langgraph_gepa.reflection.instructions import NO_CHANGE
from langgraph_gepa.reflection.tags import tagged

_LONGEST_REPLY = 8_000
"""Characters of a reply that could not be read that are sent back with it."""


def retry_prompt(prompt: str, proposed: str, reason: str) -> str:
    """Returns the prompt that rejects a proposed text, with the reason why the module cannot take it."""
    return _again(
        prompt,
        "You have answered this before, with a text that cannot be used:",
        *tagged("rejected_text", escape(proposed)),
        f"<broken>{escape(reason)}</broken>",
        "Correct exactly that, keep the rest, and reply as asked above: the complete text in one fenced block.",
    )


def unread_prompt(prompt: str, reply_text: str, reason: str) -> str:
    """Returns the prompt that rejects a reply without a clear text. `reply_text` is empty for one that was cut off."""
    return _again(
        prompt,
        "You have answered this before, and your reply cannot be used:",
        *(tagged("rejected_text", escape(elide(reply_text, _LONGEST_REPLY))) if reply_text.strip() else ()),
        f"<broken>{escape(reason)}</broken>",
        f"Reply again, briefly and exactly as asked above: the two words {NO_CHANGE} alone, or the complete new text "
        "in one fenced block and nothing outside it.",
    )


def doubt_prompt(prompt: str, failed: int, records: int) -> str:
    """Returns the prompt that asks again when the model would change nothing although most runs failed."""
    return _again(
        prompt,
        f"You have answered this before with {NO_CHANGE}, but {failed} of the {records} runs above got the lowest "
        "score.",
        "Go through their feedback once more. If a better text could have prevented any of these failures, reply with "
        f"that text in one fenced block, as asked above; if the causes lie elsewhere, reply {NO_CHANGE} again.",
    )


def tried_prompt(prompt: str, tried: Sequence[str]) -> str:
    """Returns the prompt that asks for a text other than those `tried`, its earlier answers."""
    return _again(
        prompt,
        "You have answered this before with the texts below. They have been tried.",
        *(line for text in tried for line in tagged("rejected_text", escape(text))),
        "Propose a text that differs from them in what it tells the model, not only in its wording.",
    )


def _again(prompt: str, *lines: str) -> str:
    return "\n".join([prompt, "", *lines])
