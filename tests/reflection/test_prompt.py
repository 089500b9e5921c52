"""What the reflection model gets to read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.excerpt import CHARS_PER_TOKEN, TAGS, elide, escape, unescape, water_level
from langgraph_gepa.core.media import TOKENS, numbers_in
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.opaque import abridged
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.reflection.prompt import (
    media_of,
    reflection_prompt,
)
from langgraph_gepa.reflection.records import Record, calls_of

TEXT = "You answer for {shop}. Look the order up before you answer."
MODULE = Module(
    "agent", "prompt", TEXT, style="format", placeholders=("shop",), nodes=("desk/agent",), tools=("lookup", "refund")
)
SYSTEM = {"role": "system", "content": TEXT.replace("{shop}", "Acme")}
USER = {"role": "user", "content": "Where is order 17?"}
FENCE_LENGTH = {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "lookup", "args": {"id": 17}}]}
TOLD = {"role": "tool", "content": '{"state":"lost"}', "tool_call_id": "c1"}
ANSWER = {"role": "assistant", "content": "It is lost, sorry."}


def model(inputs: list[Any], output: Any, *modules: str, node: str = "desk/agent") -> Call:
    return Call("model", node, "gpt", inputs, output, modules=modules)


CALLS = (
    model([{"role": "system", "content": "Route."}, USER], {"role": "assistant", "content": "to desk"}, "router"),
    model([SYSTEM, USER], FENCE_LENGTH, "agent"),
    Call("tool", "desk/tools", "lookup", {"id": 17}, {"state": "lost"}, modules=("agent",)),
    model([SYSTEM, USER, FENCE_LENGTH, TOLD], ANSWER, "agent"),
)
ROLLOUT = Rollout(
    "e1",
    {"messages": [USER, FENCE_LENGTH, TOLD, ANSWER], "urgent": True},
    Feedback(1 / 3, "No apology letter.", {"agent": "Offer a refund.", "router": "Well routed."}),
    CALLS,
)
RECORD = Record({"messages": [USER], "shop": "Acme"}, ROLLOUT)


def section(prompt: str, tag: str) -> list[str]:
    return re.findall(rf"^<{tag}(?: [^>\n]*)?>\n(.*?)\n</{tag}>$", prompt, re.DOTALL | re.MULTILINE)


def record(inputs: str = "", calls: str = "", outcome: str = "", comment: str = "") -> Record:
    call = model([{"role": "user", "content": calls}], {"role": "assistant", "content": "ok"}, "agent")
    return Record({"question": inputs}, Rollout("e", {"answer": outcome}, Feedback(0.0, comment), (call,)))


def test_a_module_sees_its_own_calls_only() -> None:
    """Calls that name another module stay out, and so do anonymous ones once one call names the module."""
    stranger = model([USER], ANSWER)
    assert calls_of(MODULE, replace(ROLLOUT, calls=(*CALLS, stranger))) == CALLS[1:]
    assert "to desk" not in reflection_prompt(MODULE, TEXT, [RECORD])
    assert "Well routed" not in reflection_prompt(MODULE, TEXT, [RECORD])


def test_retrievals_of_a_modules_node_are_its_own() -> None:
    """A retrieval carries no text, so the node says whose it is."""
    found = Call(
        "retrieval", "desk/agent", "bm25", "order 17", [{"text": "Lost orders are paid back.", "metadata": {}}]
    )
    rollout = replace(ROLLOUT, calls=(found, replace(found, node="elsewhere"), *CALLS))
    assert calls_of(MODULE, rollout) == (found, *CALLS[1:])
    assert "found 1: Lost orders are paid back." in reflection_prompt(MODULE, TEXT, [Record({}, rollout)])


def test_a_text_that_was_altered_on_its_way_is_known_by_its_node() -> None:
    """When no call names the module, the anonymous calls of its nodes are its own, and nobody else's."""
    altered = model([USER], ANSWER)
    assert calls_of(MODULE, replace(ROLLOUT, calls=(CALLS[0], altered))) == (altered,)


def test_calls_show_each_message_once_and_the_own_text_never() -> None:
    """What came in, what was said, which tools were asked for and what they returned; repetitions are counted."""
    (calls,) = section(reflection_prompt(MODULE, TEXT, [RECORD]), "calls")
    assert calls.split("\n") == [
        "call 1, model gpt in node desk/agent, got 2 messages, 1 of them shown above",
        "system: [the current text]",
        "with {shop}: (the input shop)",
        'asked for tool lookup: {"id": 17}',
        'call 2, tool lookup in node desk/tools: {"id": 17}',
        'returned: {"state": "lost"}',
        "call 3, model gpt in node desk/agent, got 4 messages, 4 of them shown above",
        "replied: It is lost, sorry.",
    ]


def test_a_message_said_twice_is_shown_twice() -> None:
    """Only what was shown before is left out, not what merely reads the same."""
    twice = model([USER, ANSWER, USER], ANSWER, "agent")
    (calls,) = section(reflection_prompt(MODULE, TEXT, [Record({}, replace(ROLLOUT, calls=(twice,)))]), "calls")
    assert calls.count("Where is order 17?") == 2


@pytest.mark.parametrize(
    ("style", "text", "sent", "shown"),
    [
        ("plain", "Answer as briefly as you can.", "Answer as briefly as you can.\nQ: 1", "[the current text]\nQ: 1"),
        ("format", "Given the JSON {{}} answer {q} now.", "Given the JSON {} answer why? now.", "[the current text]"),
        ("mustache", "Answer this question: {{q}}\n", "Answer this question: why?", "[the current text]"),
        ("jinja2", "{{ q }} is the question to answer.", "why? is the question to answer.", "[the current text]"),
        ("plain", "Be brief.", "Be brief.", "[the current text]"),
        ("plain", "Be brief.", "Be brief. Be brief.", "Be brief. Be brief."),
    ],
)
def test_the_own_text_is_recognised_inside_a_message(style: Any, text: str, sent: str, shown: str) -> None:
    """Filled in or followed by more, the text is named and not repeated; a telling part of it must be there."""
    module = replace(MODULE, text=text, style=style, placeholders=("q",))
    calls = (model([{"role": "user", "content": sent}], ANSWER, "agent"),)
    (block,) = section(reflection_prompt(module, text, [Record({}, replace(ROLLOUT, calls=calls))]), "calls")
    assert block.split("\n", 1)[1].startswith(f"user: {shown}")
    assert ("why?" in sent) == (": why?" in block)


def test_a_module_that_did_not_run_is_said_so() -> None:
    """Without calls the record says why it shows none, and how the run failed."""
    failed = Rollout("e1", None, Feedback(0.0, "crashed"), CALLS[:1], error="recursion limit of 25 reached")
    prompt = reflection_prompt(MODULE, TEXT, [Record("17", failed)])
    assert "did not run" in section(prompt, "calls")[0]
    assert section(prompt, "outcome") == ["the run failed: recursion limit of 25 reached"]


def test_feedback_names_the_modules_own_first() -> None:
    """The module's own feedback, then the whole comment, then the objectives."""
    rollout = replace(ROLLOUT, feedback=replace(ROLLOUT.feedback, objectives={"tone": 0.5}))
    (feedback,) = section(reflection_prompt(MODULE, TEXT, [Record({}, rollout)]), "feedback")
    assert feedback == "on this module: Offer a refund.\non the whole run: No apology letter.\nscores: tone 0.50"


def test_the_outcome_leaves_out_what_the_inputs_already_say() -> None:
    """The final state is shown by what the run changed in it; the final message always is."""
    same = Record({"shop": "Acme", "messages": [USER]}, replace(ROLLOUT, outputs={**ROLLOUT.outputs, "shop": "Acme"}))
    (outcome,) = section(reflection_prompt(MODULE, TEXT, [same]), "outcome")
    assert outcome.split("\n") == [
        "messages: 4 messages, 3 of them shown above", "assistant: It is lost, sorry.", "urgent: true",
        "unchanged from the inputs: shop",
    ]  # fmt: skip


def test_the_tags_stand_on_lines_of_their_own() -> None:
    """The structure that a reader may rely on: one module, one current text, and a numbered record for each rollout."""
    prompt = reflection_prompt(MODULE, TEXT, [RECORD, RECORD], objective="calm customers")
    assert section(prompt, "current_text") == [TEXT]
    assert re.findall(r"^<record .*>$", prompt, re.MULTILINE) == [f'<record n="{n}" score="0.33">' for n in (1, 2)]
    assert '\n<module name="agent" kind="prompt">\n' in prompt
    (about,) = section(prompt, "module")
    assert all(said in about for said in ("desk/agent", "lookup, refund", "{shop}"))
    assert "\nWhat the program is for: calm customers\n" in prompt
    assert [len(section(body, tag)) for body in section(prompt, "record") for tag in TAGS[3:7]] == [1] * 8


def test_answers_are_not_to_be_copied() -> None:
    """A text that repeats answers is right about the examples shown and about no other (see `search.overlap`)."""
    task = reflection_prompt(MODULE, TEXT, [RECORD]).rpartition("</record>")[2]
    assert "Do not copy answers, names, numbers or wording that belong to a single record" in task


@pytest.mark.parametrize(("kind", "asks"), [("tool", "when to use the tool"), ("schema", "for each field")])
def test_the_task_fits_the_kind(kind: Any, asks: str) -> None:
    """A tool's description and a schema's are asked for as what they are."""
    assert asks in reflection_prompt(replace(MODULE, kind=kind, style="plain"), TEXT, [RECORD])


@pytest.mark.parametrize(
    ("style", "written", "braces"),
    [("format", "{shop}", "{{"), ("mustache", "{{shop}}", "mustache"), ("jinja2", "{{shop}}", "Jinja"),
     ("plain", "shop", "exactly as written")],
)  # fmt: skip
def test_placeholders_are_asked_for_as_the_template_writes_them(style: Any, written: str, braces: str) -> None:
    """The rule names each placeholder in its own syntax and says how literal braces are written."""
    prompt = reflection_prompt(replace(MODULE, style=style), "A text without it.", [RECORD])
    assert f"Keep every placeholder exactly as written ({written})" in prompt
    assert braces in prompt.split("5. Keep")[1]


@pytest.mark.parametrize(("text", "fence"), [("a\n```\nb\n```", "`````"), ("a\n``````\nb\n``````", "```````")])
def test_the_fence_asked_for_is_longer_than_any_in_the_text(text: str, fence: str) -> None:
    """It is longer than models write by themselves too, so that an example they add closes nothing."""
    assert f"a line {fence}, the text, a line {fence}." in reflection_prompt(MODULE, text, [RECORD])


tags = st.sampled_from(TAGS)
forgery = st.lists(
    st.sampled_from(["<", "</", "<\\", "< /", "\\", ">", "\n", " ", "X"])
    | tags
    | tags.map(str.upper)
    | st.text(max_size=3)
).map("".join)


@given(forgery)
def test_escaping_is_undone_and_leaves_no_tag(text: str) -> None:
    """No escaped text reads as a tag, and no two texts escape to the same."""
    escaped = escape(text)
    assert unescape(escaped) == text
    assert not re.search(rf"<\s*/?\s*({'|'.join(TAGS)})\b", escaped, re.IGNORECASE)
    assert escape(escaped) == escaped or escaped != text


@given(st.lists(forgery, min_size=6, max_size=6), st.integers(300, 2000))
def test_no_data_can_forge_the_structure(data: list[str], tokens: int) -> None:
    """Whatever stands in a record or in the text, each tag opens and closes as often as it should."""
    text, key, inputs, calls, outcome, comment = data
    forged = record(inputs, calls, outcome, comment)
    prompt = reflection_prompt(MODULE, text, [replace(forged, inputs={key: inputs})], tokens=tokens, objective=key)
    for tag in TAGS[:7]:
        assert len(re.findall(rf"<{tag}\b", prompt)) == len(re.findall(rf"</{tag}\b", prompt)) == 1
    assert unescape(section(prompt, "current_text")[0]) == text


def long(sizes: list[int]) -> list[Record]:
    return [record("in " * (n // 3), "call " * (n // 10), "out " * (n // 2), f"comment {n}" * 20) for n in sizes]


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6), st.integers(3_000, 24_000))
def test_the_budget_holds_and_feedback_is_whole(sizes: list[int], tokens: int) -> None:
    """A prompt takes at most its tokens, keeps all feedback and the text, and is the same each time."""
    prompt = reflection_prompt(MODULE, TEXT, long(sizes), tokens=tokens)
    assert len(prompt) <= tokens * CHARS_PER_TOKEN
    assert section(prompt, "feedback") == [f"comment {n}" * 20 for n in sizes]
    assert section(prompt, "current_text") == [TEXT]
    assert prompt == reflection_prompt(MODULE, TEXT, long(sizes), tokens=tokens)


def test_the_budget_is_used() -> None:
    """Cutting takes no more than it must: a prompt that had to be cut fills nearly all of its budget."""
    prompt = reflection_prompt(MODULE, TEXT, long([30_000] * 4), tokens=10_000)
    assert 0.97 * 40_000 < len(prompt) <= 40_000


def test_the_long_is_cut_and_the_short_stays_whole() -> None:
    """One endless tool output costs no other piece of its record, nor of any other, a character."""
    flood = Call("tool", "desk/tools", "dump", {"table": "orders"}, "row " * 50_000, modules=("agent",))
    flooded = replace(RECORD, rollout=replace(ROLLOUT, calls=(*CALLS, flood)))
    prompt = reflection_prompt(MODULE, TEXT, [flooded, RECORD], tokens=4_000)
    assert re.findall(r"\[\.\.\. [\d,]+ characters left out \.\.\.\]", prompt) != []
    assert prompt.count("characters left out") == 1
    assert prompt.count("replied: It is lost, sorry.") == 2
    assert 'dump in node desk/tools: {"table": "orders"}' in prompt


def test_feedback_is_cut_last_and_never_to_nothing() -> None:
    """It is whole as long as it fits into half of the room, however long the rest; and it always says the most."""
    prompt = reflection_prompt(
        MODULE, TEXT, [record("i " * 9_000, "c " * 900, "o " * 900, "fine " * 700)], tokens=3_200
    )
    assert section(prompt, "feedback") == ["fine " * 700]
    prompt = reflection_prompt(MODULE, TEXT, [record("i " * 900, "c " * 900, "o " * 900, "fine " * 9_000)], tokens=10)
    assert 900 < len(section(prompt, "feedback")[0]) <= 1_000
    assert prompt.count("characters left out") == 4
    prompt = reflection_prompt(MODULE, TEXT, [record(comment="fine " * 90_000)] * 4)
    assert len(prompt) <= 24_000 * CHARS_PER_TOKEN


SEALED = "QUJD" * 2_000
PNG = "data:image/png;base64," + "iVBORw0KGgo" * 3_000


def test_what_cannot_be_read_fills_no_reflection() -> None:
    """Signatures and pictures stand nowhere: inputs, messages, tools, the final state, the error, the reference."""
    seen = {
        "role": "user",
        "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": PNG}}],
    }
    thought = [
        {"type": "thinking", "thinking": "I wonder. " * 3_000, "signature": SEALED},
        {"type": "text", "text": "A cat"},
    ]
    said = {"role": "assistant", "content": thought}
    tool = Call("tool", "desk/tools", "draw", {"of": PNG}, f'{{"drawn": "{PNG}"}}', modules=("agent",))
    state = {"messages": [seen, said], "nested": {"steps": [{"raw": [said, PNG]}]}, "chart": PNG}
    rollout = Rollout(
        "e", state, Feedback(0.0), (model([SYSTEM, seen], said, "agent"), tool), error=f"no use for {PNG}"
    )
    prompt = reflection_prompt(MODULE, TEXT, [Record({"messages": [seen], "all": [seen]}, rollout, {"chart": PNG})] * 3)
    assert "QUJDQUJDQUJD" not in prompt
    assert "iVBORw0KGgoiVBORw0KGgo" not in prompt
    assert "user: Look\n[image, png, left out]" in prompt
    assert "replied: A cat" in prompt
    assert len(prompt) < 40_000


def test_a_final_message_that_was_traced_is_not_shown_again() -> None:
    """A trace names what it does not keep, the final state holds it whole: both read the same."""
    answer = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm. " * 5_000, "signature": SEALED},
                                               {"type": "text", "text": "It is lost."}]}  # fmt: skip
    seen = {"role": "user", "content": [{"type": "image", "mime_type": "image/png", "data": PNG}]}
    call = model([SYSTEM, abridged(seen, messages=True)], abridged(answer, messages=True), "agent")
    shown = Record({"messages": [seen]}, Rollout("e", {"messages": [seen, answer]}, Feedback(0.0), (call,)))
    prompt = reflection_prompt(MODULE, TEXT, [shown])
    assert section(prompt, "calls")[0].count("1 of them shown above") == 1
    assert section(prompt, "outcome")[0].startswith("messages: 2 messages, 1 of them shown above\nthought: Hm.")


def test_where_the_metric_says_nothing_the_expected_output_is_shown() -> None:
    """A bare score teaches little; words of the metric, for whichever module, are enough."""
    silent = Record(
        {}, replace(ROLLOUT, feedback=Feedback(0.0, objectives={"tone": 0.5})), {"answer": "B<", "why": None}
    )
    (feedback,) = section(reflection_prompt(MODULE, TEXT, [silent]), "feedback")
    assert feedback == "scores: tone 0.50\n(none in words) This was expected:\nanswer: B<\nwhy: null"
    for spoken in (Feedback(0.0, "Too long."), Feedback(0.0, by_module={"router": "Too long."})):
        assert "expected" not in reflection_prompt(
            MODULE, TEXT, [replace(silent, rollout=replace(ROLLOUT, feedback=spoken))]
        )
    assert "expected" not in reflection_prompt(MODULE, TEXT, [replace(silent, reference=None)])


@given(st.text(min_size=1), st.integers(0, 3_000), st.integers(1, 40))
def test_elision_keeps_both_ends_and_counts_what_it_drops(unit: str, limit: int, times: int) -> None:
    """What stands before and after the marker and the number in it add up to the whole."""
    text = unit * times * 10
    short = elide(text, limit)
    assert len(short) <= max(limit, min(len(text), 50))
    if short != text:
        head, count, tail = re.split(r" \[\.\.\. ([\d,]+) characters left out \.\.\.\] ", short)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + len(tail) + int(count.replace(",", "")) == len(text)


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(0, 2_000))
def test_water_finds_the_highest_level(lengths: list[int], total: int) -> None:
    """Cut to the level the lengths fit; one higher and they would not."""
    level = water_level(lengths, total)
    assert sum(min(n, level) for n in lengths) <= total
    assert level == max(lengths) or sum(min(n, level + 1) for n in lengths) > total


def test_pictures_that_are_sent_along_keep_their_numbers_and_take_room() -> None:
    """The largest are left out where together they would take more than half of the tokens, and text makes way."""
    pictures = [f"data:image/png;base64,{letter * 400}" for letter in "AB"] + ["data:image/png;base64," + "C" * 900]
    seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]} for url in pictures]
    page = "word " * 8_000
    rollout = replace(ROLLOUT, calls=(model([SYSTEM, *seen, {"role": "user", "content": page}], ANSWER, "agent"),))
    records = [Record({"pictures": pictures}, rollout)]
    media = media_of(MODULE, TEXT, records, ("image",))
    assert len(media) == 3
    assert media_of(MODULE, TEXT, records, ()) == {}
    prompt = reflection_prompt(MODULE, TEXT, records, tokens=2 * 2 * TOKENS, media=media)
    assert {media[number].data[0] for number in numbers_in(prompt)} == {"A", "B"}
    assert "[image, png, left out]" in prompt
    assert len(prompt) <= 2 * TOKENS * CHARS_PER_TOKEN
    alone = reflection_prompt(MODULE, TEXT, records, tokens=2 * 2 * TOKENS)
    assert numbers_in(alone) == []
    assert 2 * TOKENS * CHARS_PER_TOKEN < len(alone) <= 4 * TOKENS * CHARS_PER_TOKEN
