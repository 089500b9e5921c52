"""What is known in messages: the words of modules, and data of the rollout."""

from __future__ import annotations

import pytest

from langgraph_gepa.adapter.observed.message_parts import KnownTexts, Run, comes_from, sent_messages
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call

GUIDE = "Guide the visitors through the museum kindly."


def call(*messages: tuple[str, str], output: str = "") -> Call:
    return Call("model", "a", "m", [{"role": role, "content": text} for role, text in messages], output)


def test_messages_of_models_and_tools_are_left_out_and_others_come_once() -> None:
    """Only what the program sends is read, with the data that the rollout had received until then."""
    first = call(("system", GUIDE), ("human", "Where to?"), output="To the east wing of the house")
    second = call(("system", GUIDE), ("assistant", "To the east wing of the house"), ("human", "And then, please?"))
    messages = sent_messages([Run({"question": "Where do I begin?"}, [first, second])])
    assert [message.text for message in messages] == [GUIDE, "Where to?", "And then, please?"]
    assert [list(message.data) for message in messages] == [
        ["Where do I begin?"],
        ["Where do I begin?"],
        ["Where do I begin?", "To the east wing of the house"],
    ]


@pytest.mark.parametrize(
    ("text", "data", "known"),
    [
        ("The east wing", ["Go to: The east wing."], True),
        ("Notes: the east wing is closed today", ["the east wing is closed today"], True),
        ("- The east wing\n- is closed\n- today", ["the east wing is closed today"], True),
        ("Guide everybody to the east wing, and be kind to all of them", ["the east wing"], False),
        ("", [], False),
    ],
)
def test_a_text_comes_from_data_in_any_form(text: str, data: list[str], known: bool) -> None:
    """Most of the text has to be data: as it is, or its words in other clothes."""
    assert comes_from(text, data) is known


def test_the_rest_of_a_message_has_no_known_words() -> None:
    """The words of a template are left out and its filling stays; a short text is left out as a whole piece."""
    template = Module("t", "prompt", "Guide the visitors through {place}, and be kind to them.", style="format")
    known = KnownTexts([template, Module("s", "prompt", "Be brief.")])
    message = "Guide the visitors through the museum, and be kind to them.\nBe brief."
    assert list(known.rest(message)) == ["the museum"]
    assert known.filling(message, 27, 30) == (27, 37)
    assert known.filling(message, 0, 5) is None


def test_a_possible_text_is_known_where_its_lines_stand_alone() -> None:
    """Within a line it may be an example that another text gives."""
    known = KnownTexts([Module("p", "prompt", GUIDE, evidence="possible")])
    assert known.spans(f"Be brief.\n{GUIDE}\nBe kind.") == [(10, 10 + len(GUIDE))]
    assert known.spans(f"You may say: {GUIDE} to them") == []
