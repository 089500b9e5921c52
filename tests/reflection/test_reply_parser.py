"""What a reflection model's reply proposes: a text that can be nothing else, or the reason why there is none."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.module import Module
from langgraph_gepa.reflection.fences import fenced
from langgraph_gepa.reflection.instructions import GUIDE, OPENING, OWN_TEXT
from langgraph_gepa.reflection.prompt import reflection_prompt
from langgraph_gepa.reflection.proposal import FAULTS, Proposal
from langgraph_gepa.reflection.reply_parser import parse_reply

CURRENT = "You are a support agent. Answer {question}.\nBe polite to everyone."
NEW = "You are a support agent. Answer {question}.\nNever promise a refund after 30 days."
OTHER = "Help the customer with {question}, and never promise a refund after 30 days."
LONG = f"{CURRENT}\n\n## Tone\n\nNever shout.\n\nSign with the name of the shop."

pieces = st.sampled_from(
    ["`", "```", "````", "`````", "~~~", "```json", "\n", "\r\n", " ", '"', "NO CHANGE", "{x}", "new", ":",
     "</current_text>", "<new_text>", "<current_text>", "</new_text>", "<think>", "</think>", "Here is the new text:",
     '{"prompt": "x"}', "<rules>", "</rules>", "**"]
)  # fmt: skip
messy = st.lists(pieces | st.text(max_size=5)).map("".join)


@given(messy)
def test_a_text_in_the_form_asked_for_comes_back_exactly(text: str) -> None:
    """What stands in the block is proposed character by character, whatever fences, tags or JSON it holds."""
    proposal = parse_reply(f"I changed two things.\n\n{fenced(text)}\n", CURRENT)
    page = ("<new_text>", "<current_text>", "</current_text>")
    if proposal.text is None:
        thoughts = proposal.reason == "thinking" and "<think>" in text
        ours = "no change" in text.lower() or text.isupper() or thoughts
        assert proposal.reason in ("loop", "echo") or not text.strip() or ours
    else:
        assert proposal.text == text or text.lstrip().startswith(page)


@given(messy, st.sampled_from([CURRENT, "", "```\nold\n```", "<inputs>\n{x}\n</inputs>", '{"a": 1}']))
def test_no_reply_makes_it_raise(reply: str, current: str) -> None:
    """Any string is read as exactly one of: a text that differs, no change, or unusable for a known reason."""
    for ending in ("", "cut", "withheld"):
        proposal = parse_reply(reply, current, ending)
        assert [proposal.text is not None, proposal.unchanged, proposal.reason in FAULTS].count(True) == 1
        assert proposal.text is None or proposal.text.strip() not in ("", current.strip())


@pytest.mark.parametrize("text", [NEW, OTHER], ids=["revised", "rewritten"])
@pytest.mark.parametrize(
    "wrap",
    [
        "`````\n{}\n`````",
        "```\n{}\n```",
        "Here is the new text:\n\n```text\n{}\n```\nIt forbids late refunds.",
        "Hier ist der neue Text:\n\n```\n{}\n```\n\nIch habe die Frist ergänzt.",
        "改善されたプロンプトです：\n~~~markdown\n{}\n~~~",
        "## Новый текст\n\n```\n{}\n```",
        "1. Texto nuevo:\n   ```\n   {}\n   ```",
        "```\n{}```",
        "<new_text>\n{}\n</new_text>",
        "<nuevo_prompt>\n{}\n</nuevo_prompt>",
        "<new_text>\n```\n{}\n```\n</new_text>",
        "```\n<current_text>\n{}\n</current_text>\n```",
        "<current_text>\n" + CURRENT + "\n</current_text>\n\n```\n{}\n```",
        "The text was:\n```\n" + CURRENT + "\n```\nIt should be:\n```\n{}\n```",
        "This line is too vague:\n```\nBe polite to everyone.\n```\nNew text:\n```\n{}\n```",
        "```\n{}\n```\nWhat I kept:\n```\nYou are a support agent.\n```",
        "Draft:\n`````\nHelp, and never guess.\n`````\nNow the final text.\n`````\n{}\n`````",
        "<think>\nTry this:\n```\n" + CURRENT + " Hm.\n```\n</think>\n```\n{}\n```",
        "Maybe\n```\nHelp the customer.\n```\nNo.\n</think>\n\n```\n{}\n```",
        "[THINK]A draft: ```x```[/THINK]```\n{}\n```",
        "Ok.\n<thinking>\n```\nHelp.\n```\n</thinking>\n```\n{}\n```",
        "<überlegung>\n```\nHelp.\n```\n</überlegung>\n```\n{}\n```",
    ],
)
def test_a_marked_text_is_found_in_any_language(wrap: str, text: str) -> None:
    """Fences and tags mark it; lead-ins, headings, closing remarks, thoughts and drafts are no part of it."""
    reply = wrap.replace("{}", text.replace("\n", "\n   " if "\n   {}" in wrap else "\n"))
    assert parse_reply(reply, CURRENT) == parse_reply(reply.replace("\n", "\r\n"), CURRENT) == Proposal(text)


@pytest.mark.parametrize(
    "wrap", [lambda text: json.dumps({"new_text": text}), lambda text: f"```json\n{json.dumps({'prompt': text})}\n```",
             lambda text: json.dumps({"prompt": text, "why": "The deadline was missing.", "score": 1})],
)  # fmt: skip
def test_a_text_wrapped_in_json_is_unwrapped(wrap: object) -> None:
    """The one string that the object is there for; of others, a remark or thoughts, none is taken."""
    assert callable(wrap)
    assert parse_reply(wrap(NEW), CURRENT).text == NEW
    assert parse_reply(wrap(OTHER), CURRENT).text == OTHER
    assert parse_reply(json.dumps({"thoughts": OTHER}), CURRENT).reason == "unmarked"
    assert parse_reply(json.dumps({"prompt": OTHER, "old_prompt": "Help."}), CURRENT).reason == "unmarked"
    assert parse_reply('```json\n{"role": "new"}\n```', '{"role": "old"}').text == '{"role": "new"}'


@pytest.mark.parametrize(
    "wrap",
    ["{}", "Here's the improved prompt:\n\n{}", "Voici le nouveau prompt :\n\n{}", "以下是改进后的提示词：\n\n{}",
     "Sure! Here is it:\n{}", "**New prompt**\n\n{}", "# Prompt\n\n{}", 'Here is the new instruction:\n"{}"', "“{}”",
     "„{}“", '"""\n{}\n"""', "\n\n{}\n"],
)  # fmt: skip
def test_a_bare_text_is_taken_where_it_opens_as_the_current_one_does(wrap: str) -> None:
    """What leads up to it, in one line, and quotation marks around it are no part of it; in any other case it is asked
    for again, as its first or last words may be the model's own."""
    assert parse_reply(wrap.format(NEW), CURRENT) == Proposal(NEW)
    assert parse_reply(wrap.format(OTHER), CURRENT) == Proposal(reason="unmarked")
    assert parse_reply(wrap.format(f"{NEW}\n\nIch habe die Frist ergänzt."), CURRENT) == Proposal(reason="unmarked")
    longer = LONG.replace("Never shout.", "Never shout, never promise.")
    assert parse_reply(wrap.format(longer), LONG) == Proposal(longer)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("```\n\n```", "empty"),
        ("<think>hm</think>", "empty"),
        ("<think>\nOkay, record 1 says", "thinking"),
        (f"<think>\nHm. I could write\n```\n{NEW}\n```\nbut that may not be enough, beca", "thinking"),
        (f"Ok.\n<reasoning>\n```\n{NEW}\n```\nbut", "thinking"),
        (f"<überlegung>\nIch könnte\n```\n{NEW}\n```\nschreiben, aber", "unclosed"),
        ("```", "unclosed"),
        (f"```\n{NEW}", "unclosed"),
        (f"{NEW}\n```", "unclosed"),
        (f"`````\n{NEW}\n```json\n{{}}\n```\n", "unclosed"),
        (f"Draft:\n```\n{OTHER}\n```\nBetter:\n```\n{NEW[:40]}", "unclosed"),
        (f"Option A:\n```\n{OTHER}\n```\nOption B:\n```\nHelp with {{question}}. Be brief.\n```", "several"),
        (f"`````\n{OTHER}\n`````\nor\n`````\nHelp with {{question}}.\n`````\nas you like", "several"),
        (f"NO CHANGE\n\nIt could read:\n```\n{OTHER}\n```", "several"),
        ("KEINE ÄNDERUNG", "unmarked"),
        ("```\nSIN CAMBIOS\n```", "unmarked"),
        (fenced("БЕЗ ИЗМЕНЕНИЙ"), "unmarked"),
        ("```\n<think>\nOkay, the records say\n```", "thinking"),
        (fenced(f"<reasoning>\n{NEW}"), "thinking"),
        (f"```yaml\nprompt: |\n  {OTHER}\n```", "unmarked"),
        (f"```diff\n {CURRENT}\n+{OTHER}\n```", "unmarked"),
        (f"```xml\n<prompt>\n{NEW}\n</prompt>\n```", "unmarked"),
        ("Aucun changement nécessaire.", "unmarked"),
        ("変更なし", "unmarked"),
        (f"<analysis_of_records>{OTHER}</analysis_of_records>", "unmarked"),
        (f"Here is the new prompt:\n\n{OTHER}\nReply like this:\n```json\n{{\"answer\": \"...\"}}\n```", "unmarked"),
        (f"{OTHER}\nReply like this:\n```\nDear customer\n```\nand sign it.", "unmarked"),
        (f"{NEW}\nReply like this:\n```\n{'Dear customer, ' * 3}\n```\nand sign it.", "unmarked"),
    ],
)  # fmt: skip
def test_what_can_be_misread_is_not_read(reply: str, reason: str) -> None:
    """A monologue, a block without an end, two candidates, a text without a mark: each is refused by its name."""
    assert parse_reply(reply, CURRENT) == Proposal(reason=reason)


@pytest.mark.parametrize(
    "reply", [f"I will add a rule.\n\n`````\n{NEW}. Then check if the ques", f"```\n{NEW}\n```\nI also considered to",
              f"{NEW} And if the", "<think>\nThe records sh", "", f"Draft:\n```\n{NEW}\n```\nFinal:\n```\n{NEW}. And"],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["cut", "withheld"])
def test_of_a_reply_without_its_end_nothing_is_taken(reply: str, ending: str) -> None:
    """A provider that cut the reply off, or withheld the rest, says so: the text may be incomplete."""
    assert parse_reply(reply, CURRENT, ending) == Proposal(reason=ending)  # type: ignore[arg-type]


def test_a_block_that_was_finished_before_the_limit_is_whole() -> None:
    """A reply that reached its limit right after the block was closed lacks nothing."""
    assert parse_reply(f"A rule was missing.\n`````\n{NEW}\n`````", CURRENT, "cut").text == NEW


@pytest.mark.parametrize(
    "text",
    [
        f"{NEW}\nReply in this form:\n```json\n{{\"answer\": 1}}\n```",
        f"{NEW}\n\n```\nx\n```\n\n```\ny\n```",
        f"{NEW}\nThink in <think> and </think> first, then answer in\n<answer>\nyour answer\n</answer>",
        "<role>\nYou help.\n</role>\n<rules>\nNever promise.\n</rules>",
        '{"role": "agent", "rules": ["never promise"]}',
        "Here is how to answer:\n\nnever promise.",
        "Answer with NO CHANGE when nothing differs.",
        "~~~\nonly a block\n~~~",
        "Use ``` for code, ```` for code in code.",
    ],
)  # fmt: skip
def test_a_text_may_hold_whatever_marks_one(text: str) -> None:
    """In the form asked for, fences, tags, JSON and lead-ins inside a text are the text's own."""
    assert parse_reply(f"Two rules were missing.\n\n{fenced(text)}", CURRENT) == Proposal(text)
    assert parse_reply(fenced(text), f"{text}\nBe brief.") == Proposal(text)


@pytest.mark.parametrize("inner", ["```json\n{}\n```", "```\n{}\n```", "~~~\n{}\n~~~", "  ```\n  {}\n  ```"])
@pytest.mark.parametrize("before", ["", "Here is the new text:\n"])
def test_fences_inside_a_text_belong_to_it(inner: str, before: str) -> None:
    """A model that forgets to use a longer fence still gets its whole text read where that leaves no doubt."""
    text = f"{NEW}\nAnswer in this form:\n{inner}\nand nothing else."
    assert parse_reply(f"{before}```\n{text}\n```", CURRENT).text == text
    assert parse_reply(f"```\n{OTHER}\n```\nHm, rather this.\n```\n{NEW}\n```", CURRENT).text == NEW


@pytest.mark.parametrize(
    "reply",
    ["NO CHANGE", "**No change.**", "```\nNO CHANGE\n```", "The records look fine.\n\nNO CHANGE",
     "All of them scored 1. NO CHANGE", "NO CHANGE: the failures come from the retriever.", f"```\n{CURRENT}\n```",
     f"\n{CURRENT}\n", f"NO CHANGE\n```\n{CURRENT}\n```", f"Der Text bleibt:\n\n{CURRENT}",
     f"<prompt>{CURRENT}</prompt>"],
)  # fmt: skip
def test_being_content_is_an_answer(reply: str) -> None:
    """NO CHANGE, or the current text given back, proposes nothing and is no fault."""
    assert parse_reply(reply, CURRENT) == Proposal(unchanged=True)


def test_a_new_text_may_speak_of_no_change() -> None:
    """The words count only where they stand as the answer."""
    reply = "No change to the tone, but one rule more:\n```\nWhen nothing differs, say NO CHANGE.\n```"
    assert parse_reply(reply, CURRENT).text == "When nothing differs, say NO CHANGE."


def test_a_shortened_text_is_new() -> None:
    """A part of the current text is a proposal when it is all that the reply holds."""
    assert parse_reply("```\nBe polite to everyone.\n```", CURRENT).text == "Be polite to everyone."


@pytest.mark.parametrize(
    "text",
    [
        reflection_prompt(Module("agent", "prompt", CURRENT), CURRENT, []),
        OPENING,
        f"{NEW}\n{GUIDE.partition('Generalise. ')[2][:120]}",
        f"<record n=\"1\" score=\"0.00\">\n{NEW}",
        f"{OWN_TEXT}\nNever promise a refund.",
        f"{NEW} [... 1,204 characters left out ...] Be brief.",
        "the text",
        "<the complete new text>",
    ],
)  # fmt: skip
def test_an_echo_of_the_reflection_prompt_is_no_text(text: str) -> None:
    """Its sentences, its structure and its notes on what was left out are for the reflection model alone, unless the
    current text has them already."""
    assert parse_reply(fenced(text), CURRENT) == Proposal(reason="echo")
    assert parse_reply(fenced(f"{text}\nMore."), f"{text}\nLess.").reason is None


@pytest.mark.parametrize(
    "loop", ["Check every digit again. " * 12, "Check it.\nThen check it again.\n" * 8, "请再次检查答案。" * 20,
             "very " * 40, f"{'and then ' * 20}answer."],
)  # fmt: skip
def test_a_sentence_that_loops_is_no_text(loop: str) -> None:
    """A model that got stuck repeats itself until its limit, or until it recovers."""
    assert parse_reply(f"```\n{NEW}\n{loop}\n```", CURRENT) == Proposal(reason="loop")
    assert parse_reply(f"```\n{NEW}\n{loop}\n```", f"{CURRENT}\n{loop}").text is not None


@pytest.mark.parametrize(
    "text", ["-" * 300, "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 20, "Q: ?\nA: _\n" * 4, "." * 500]
)
def test_rulers_tables_and_forms_do_not_loop(text: str) -> None:
    """What repeats without words, or a few times, is a layout."""
    assert parse_reply(fenced(f"{NEW}\n{text}"), CURRENT).text == f"{NEW}\n{text}"


def test_an_escaped_tag_of_the_current_text_is_restored() -> None:
    """A model that copies the backslash it was shown does not change the user's tag."""
    current = "Read <inputs>{x}</inputs>."
    assert (
        parse_reply(fenced(r"Read <\inputs>{x}<\/inputs> twice."), current).text == "Read <inputs>{x}</inputs> twice."
    )
    assert parse_reply(fenced(r"a <\inputs> b"), "no tags").text == r"a <\inputs> b"


@pytest.mark.parametrize(
    "reply",
    ["```\n" * 40_000, "`" * 600_000, "<new_text>\n" * 20_000, "<a>x</a>\n" * 20_000, "</think>" * 40_000,
     "<think>" * 40_000, "." * 600_000, "new " * 200_000, "<a>\n" * 20_000 + "</a>", "x:\n```\ny\n```\nz\n" * 5_000,
     "".join(f"<t{n}>\n" for n in range(3_000)) + "".join(f"</t{2_999 - n}>\n" for n in range(3_000))],
)  # fmt: skip
def test_a_hostile_reply_is_read_in_no_time(reply: str) -> None:
    """Length alone never makes reading slow: a quadratic pattern would take minutes here."""
    began = time.process_time()
    parse_reply(reply, CURRENT)
    assert time.process_time() - began < 5
