"""What a reflection model's reply proposes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.reply import Proposal, fenced, parse_reply

CURRENT = "You are a support agent. Answer {question}.\nBe polite to everyone."
NEW = "You are a support agent. Answer {question}.\nNever promise a refund after 30 days."

pieces = st.sampled_from(
    ["`", "```", "````", "~~~", "```json", "\n", "\r\n", " ", '"', "NO CHANGE", "{x}", "new", ":", "</current_text>",
     "<new_text>", "<current_text>", "</new_text>", "<think>", "Here is the new text:"]
)  # fmt: skip
messy = st.lists(pieces | st.text(max_size=5)).map("".join)


@given(messy)
def test_a_fenced_text_comes_back_exactly(text: str) -> None:
    """What stands in a closed block is proposed character by character, unless it is blank or wrapped in our tags."""
    proposal = parse_reply(f"I changed two things.\n\n{fenced(text)}\n", CURRENT)
    if text.lstrip().startswith(("<new_text>", "<current_text>")):
        return
    if proposal.text is None:
        assert not text.strip() or (proposal.unchanged and "no change" in text.lower())
    else:
        assert proposal.text == text


@given(messy, st.sampled_from([CURRENT, "", "```\nold\n```", "<inputs>\n{x}\n</inputs>", '{"a": 1}']))
def test_no_reply_makes_it_raise(reply: str, current: str) -> None:
    """Any string is read as exactly one of: a text that differs, no change, or unusable with a reason."""
    proposal = parse_reply(reply, current)
    assert [proposal.text is not None, proposal.unchanged, bool(proposal.reason)].count(True) == 1
    assert proposal.text is None or proposal.text.strip() not in ("", current.strip())


@pytest.mark.parametrize(
    "reply",
    [
        f"```\n{NEW}\n```",
        f"Here is the new text:\n\n```text\n{NEW}\n```\nIt forbids late refunds.",
        f"~~~markdown\n{NEW}\n~~~",
        f"```\n{NEW}",
        f"```\n{NEW}```",
        f"{NEW}\n```",
        f"```{NEW}\n```",
        f"  ```\n  {NEW.replace(chr(10), chr(10) + '  ')}\n  ```",
        f"```\n{NEW}\n```".replace("\n", "\r\n"),
        NEW,
        f"Here's the improved prompt:\n\n{NEW}",
        f"Sure! Here is it:\n{NEW}",
        f"**New prompt:**\n\n{NEW}",
        f'Here is the new instruction:\n"{NEW}"',
        f"“{NEW}”",
        f'"""\n{NEW}\n"""',
        f"<new_text>\n{NEW}\n</new_text>",
        f"Better:\n<new_text>{NEW}</new_text>\nDone.",
        f"<current_text>\n{NEW}\n</current_text>",
        f"<new_text>\n```\n{NEW}\n```\n</new_text>",
        f"```\n<current_text>\n{NEW}\n</current_text>\n```",
        f"<current_text>\n{CURRENT}\n</current_text>\n\n```\n{NEW}\n```",
        f"<think>\nTry this:\n```\n{CURRENT} Hm.\n```\n</think>\n```\n{NEW}\n```",
    ],
)
def test_the_text_is_found_however_it_is_wrapped(reply: str) -> None:
    """Fences, tildes, tags, quotes, prefaces and missing or unclosed fences all lead to the same text."""
    assert parse_reply(reply, CURRENT) == Proposal(text=NEW)


@pytest.mark.parametrize(
    "reply",
    [
        f"The text was:\n```\n{CURRENT}\n```\nIt should be:\n```\n{NEW}\n```",
        f"```\n{CURRENT}\n```\nI would rather say\n```\n{NEW}\n```",
        f"This line is too vague:\n```\nBe polite to everyone.\n```\nNew text:\n```\n{NEW}\n```",
        f"```\n{NEW}\n```\nWhat I kept:\n```\nYou are a support agent.\n```",
        f"Draft:\n```\n{NEW} And never guess.\n```\nFinal:\n```\n{NEW}\n```",
        f"New text:\n```\n{NEW}\n```\nA reply could then read:\n```\nSorry, no.\n```",
    ],
)
def test_of_several_blocks_the_new_text_is_chosen(reply: str) -> None:
    """Quotes of the current text, drafts and short afterthoughts are passed over."""
    assert parse_reply(reply, CURRENT) == Proposal(text=NEW)


@pytest.mark.parametrize("inner", ["```json\n{}\n```", "```\n{}\n```", "~~~\n{}\n~~~", "  ```\n  {}\n  ```"])
@pytest.mark.parametrize("before", ["", "Here is the new text:\n"])
def test_fences_inside_a_text_belong_to_it(inner: str, before: str) -> None:
    """A model that forgets to use a longer fence still gets its whole text read."""
    text = f"{NEW}\nAnswer in this form:\n{inner}\nand nothing else."
    assert parse_reply(f"{before}```\n{text}\n```", CURRENT).text == text


@pytest.mark.parametrize(
    "reply",
    ["NO CHANGE", "**No change.**", "```\nNO CHANGE\n```", "The records look fine.\n\nNO CHANGE",
     "All of them scored 1. NO CHANGE", "NO CHANGE: the failures come from the retriever.", f"```\n{CURRENT}\n```",
     f"\n{CURRENT}\n", f"NO CHANGE\n```\n{CURRENT}\n```"],
)  # fmt: skip
def test_being_content_is_an_answer(reply: str) -> None:
    """NO CHANGE, or the current text given back, proposes nothing and is no fault."""
    assert parse_reply(reply, CURRENT) == Proposal(unchanged=True)


def test_a_new_text_may_speak_of_no_change() -> None:
    """The words count only where they stand as the answer."""
    reply = "No change to the tone, but one rule more:\n```\nWhen nothing differs, say NO CHANGE.\n```"
    assert parse_reply(reply, CURRENT).text == "When nothing differs, say NO CHANGE."


def test_a_json_example_is_not_mistaken_for_the_text_around_it() -> None:
    """A reply without the fence asked for may hold a fenced example; the example is no prompt."""
    text = f'{NEW}\nReply like this:\n```json\n{{"answer": "..."}}\n```'
    assert parse_reply(f"Here is the new prompt:\n\n{text}", CURRENT).text == text
    assert parse_reply(f"{fenced(NEW)}\nFor example:\n```json\n{[NEW]}\n```", CURRENT).text == NEW
    assert parse_reply('```json\n{"role": "new"}\n```', '{"role": "old"}').text == '{"role": "new"}'


def test_a_shortened_text_is_new() -> None:
    """A part of the current text is a proposal when it is all that the reply holds."""
    assert parse_reply("```\nBe polite to everyone.\n```", CURRENT).text == "Be polite to everyone."


@pytest.mark.parametrize("reply", ["", " \n ", "```\n\n```", "```", "<think>hm</think>"])
def test_an_empty_reply_is_unusable(reply: str) -> None:
    """Nothing to read is said to be so."""
    assert parse_reply(reply, CURRENT).reason


def test_an_escaped_tag_of_the_current_text_is_restored() -> None:
    """A model that copies the backslash it was shown does not change the user's tag."""
    current = "Read <inputs>{x}</inputs>."
    assert (
        parse_reply(fenced(r"Read <\inputs>{x}<\/inputs> twice."), current).text == "Read <inputs>{x}</inputs> twice."
    )
    assert parse_reply(fenced(r"a <\inputs> b"), "no tags").text == r"a <\inputs> b"


@pytest.mark.parametrize("reply", ["```\n" * 4000, "`" * 60_000, "<new_text>\n" * 500, "." * 60_000, "new " * 20_000])
def test_a_hostile_reply_is_read_in_no_time(reply: str) -> None:
    """Length alone never makes reading slow; a quadratic pattern would run into the suite's limit here."""
    parse_reply(reply, CURRENT)
