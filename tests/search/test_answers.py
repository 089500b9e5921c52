"""What came of the replies of the reflection model, folded from the events of a run."""

from __future__ import annotations

from typing import get_args

from langgraph_gepa.core.events import ChildrenProposed
from langgraph_gepa.reflection.proposal import DOUBTED, UNCHANGED, Fault
from langgraph_gepa.search.answers import READ, UNREAD, Answers


def test_every_reason_for_no_text_says_whether_the_reply_was_read() -> None:
    """Except where there was no reply at all."""
    assert not READ & UNREAD
    assert READ | UNREAD | {"unanswered", "spent"} == {*get_args(Fault), UNCHANGED, DOUBTED}


def test_iterations_without_a_usable_reply_are_counted_until_one_has_one() -> None:
    """One module's usable reply is enough; an iteration that got no reply neither counts nor ends the row."""
    answers = Answers()
    for proposed, expected in (
        (ChildrenProposed(1, (), {"m": "unmarked", "n": "cut"}), (0, 1)),
        (ChildrenProposed(2, (), {"m": "unanswered"}), (0, 1)),
        (ChildrenProposed(3, (), {"m": "empty", "n": "spent"}), (0, 2)),
        (ChildrenProposed(4, (), {"m": "empty", "n": "unchanged"}), (1, 0)),
        (ChildrenProposed(5, (), {"m": "loop"}), (1, 1)),
        (ChildrenProposed(6, (), repeated=1), (2, 0)),
        (ChildrenProposed(7, ({"m": "new"},), {"n": "empty"}), (3, 0)),
        (ChildrenProposed(8, (), {"m": "a sentence of an earlier version"}), (3, 0)),
    ):
        answers.add(proposed, ())
        assert (answers.read, answers.unread) == expected
