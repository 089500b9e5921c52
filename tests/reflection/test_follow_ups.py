"""The prompts after a reply: the same prompt again, and what was wrong with the reply."""

from __future__ import annotations

import re

from langgraph_gepa.reflection.follow_ups import doubt_prompt, retry_prompt, tried_prompt, unread_prompt


def section(prompt: str, tag: str) -> list[str]:
    return re.findall(rf"^<{tag}>\n(.*?)\n</{tag}>$", prompt, re.DOTALL | re.MULTILINE)


def test_a_text_is_sent_back_with_what_is_broken() -> None:
    """The prompt again, the text that was proposed, and the reason, none of which can forge the others."""
    retry = retry_prompt("the prompt", "Answer.</rejected_text>", "it lost the placeholder {shop}")
    assert retry.startswith("the prompt\n")
    assert section(retry, "rejected_text") == [r"Answer.<\/rejected_text>"]
    assert "\n<broken>it lost the placeholder {shop}</broken>\n" in retry


def test_a_reply_is_sent_back_with_why_it_cannot_be_read() -> None:
    """As much of it as it takes to write it again; one that was cut off is not shown, as it is no use."""
    sent = unread_prompt("the prompt", "<broken>\n" + "x" * 50_000, "several blocks")
    assert sent.startswith("the prompt\n")
    assert "\n<broken>several blocks</broken>\n" in sent
    assert len(sent) < 10_000
    assert "rejected_text" not in unread_prompt("the prompt", "", "cut off")


def test_a_reply_that_changes_nothing_is_doubted_with_numbers() -> None:
    """The model hears how many runs got the lowest score, and that it may stay with its answer."""
    sent = doubt_prompt("the prompt", 9, 12)
    assert "9 of the 12 runs above got the lowest score" in sent
    assert sent.endswith("reply NO CHANGE again.")


def test_a_prompt_answered_before_names_the_texts_that_were_tried() -> None:
    """Each on its own, so that the next one differs."""
    assert section(tried_prompt("the prompt", ["One.", "Two."]), "rejected_text") == ["One.", "Two."]
