"""Says that most replies of the reflection model, or of the critic, were of no use, and what was wrong with them."""

from __future__ import annotations

from langgraph_gepa.reflection.proposal import DOUBTED, UNCHANGED, in_words
from langgraph_gepa.report.words import plural
from langgraph_gepa.search.pool import Pool

_USABLE = frozenset({UNCHANGED, DOUBTED, "repeated", "spent"})
"""Codes of reflections whose replies were as they should be, or that got none because the budget was spent."""


def fruitless(pool: Pool) -> tuple[str, ...]:
    """A sentence each for the reflection model and the critic, where more than half of the replies were of no use."""
    sentences, answers = [], pool.answers
    faults = [(code, count) for code, count in answers.without.most_common() if code not in _USABLE]
    if 2 * (failed := sum(count for _, count in faults)) > answers.reflections:
        kinds = ", ".join(f"{in_words(code)}{f' ({count:,})' if len(faults) > 1 else ''}" for code, count in faults)
        of = plural(answers.reflections, "reflection")
        sentences.append(f"{failed:,} of {of} gave no text that can be tried: {kinds}.")
    asked = pool.spent.opinions
    if 2 * (unread := asked - answers.opinions) > asked:
        replies = "1 reply" if asked == 1 else f"{asked:,} replies"
        sentences.append(f"{unread:,} of {replies} of the critic could not be read: these edits had no opinion.")
    return tuple(sentences)
