"""What stays the same in messages over rollouts is a text or a template."""

from __future__ import annotations

from langgraph_gepa.adapter.observed.constant_text import constants
from langgraph_gepa.adapter.observed.message_parts import KnownTexts, SentMessage

TEMPLATE = "You are the guide of {} in this house: greet every visitor, and never leave a question open."


def messages(*texts: str, role: str = "system", data: tuple[str, ...] = ()) -> list[SentMessage]:
    return [SentMessage(run, "a", role, text, data) for run, text in enumerate(texts)]


def found(sent: list[SentMessage]) -> list[tuple[str, str, bool]]:
    return [(one.text, one.style, one.once) for one in constants(sent, KnownTexts([]))]


def test_equal_messages_are_one_text_and_similar_ones_a_template() -> None:
    """What changes between rollouts becomes a placeholder."""
    same = TEMPLATE.format("the garden")
    assert found(messages(same, same)) == [(same, "plain", False)]
    assert found(messages(TEMPLATE.format("Rome"), TEMPLATE.format("Paris"))) == [
        (TEMPLATE.format("{value_1}"), "format", False)
    ]


def test_one_rollout_shows_a_whole_system_message_only() -> None:
    """What would stay the same in other rollouts is not known; a message of another role may be data."""
    assert found(messages("Guide every visitor kindly.")) == [("Guide every visitor kindly.", "plain", True)]
    assert found(messages("Guide every visitor kindly.", role="human")) == []


def test_data_is_no_text() -> None:
    """What the rollouts received, JSON, and lists of identifiers are left out."""
    text = "The east wing of the house is closed today"
    assert found(messages(text, text, data=(text,))) == []
    assert found(messages(*2 * ('{"city": "Rome", "open": true, "with": "a garden"}',))) == []
    assert found(messages(*2 * ("user_1 user_2 user_3 and user_4",))) == []


def test_short_messages_that_differ_have_nothing_in_common() -> None:
    """A few equal words are no template."""
    assert found(messages("Go to the east wing.", "Go to the west side.")) == []
