"""A model whose replies are of no use is named as the cause, with what is wrong with them."""

from __future__ import annotations

from collections import Counter

import pytest

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.report.fruitless import fruitless
from langgraph_gepa.search.answers import Answers
from langgraph_gepa.search.pool import Pool

ALL = "12 of 12 reflections gave no text that can be tried: the reply holds no text."
MOST = (
    "11 of 12 reflections gave no text that can be tried: the reply holds no text (9), the reply was cut off at the "
    "model's output limit (2)."
)
CRITIC = "{} of the critic could not be read: these edits had no opinion."


@pytest.mark.parametrize(
    ("answers", "opinions", "sentences"),
    [
        (Answers(), 0, []),
        (Answers(12, Counter(empty=12)), 0, [ALL]),
        (Answers(12, Counter(cut=2, empty=9, unchanged=1)), 0, [MOST]),
        (Answers(12, Counter(empty=6)), 0, []),
        (Answers(12, Counter(unchanged=12)), 0, []),
        (Answers(12, Counter(doubted=6, repeated=3, spent=3), opinions=6), 6, []),
        (Answers(12), 12, [CRITIC.format("12 of 12 replies")]),
        (Answers(1), 1, [CRITIC.format("1 of 1 reply")]),
        (Answers(12, opinions=6), 12, []),
    ],
)
def test_replies_without_use_are_counted_where_they_are_most_of_them(
    answers: Answers, opinions: int, sentences: list[str]
) -> None:
    """A text that is kept, doubted or known is an answer; a reply that cannot be read is none."""
    assert list(fruitless(Pool(answers=answers, spent=Spent(opinions=opinions)))) == sentences
