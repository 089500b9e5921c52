"""Simulated models read and write prompts by lessons."""

from __future__ import annotations

import random

import pytest

from langgraph_gepa.demo.lessons import Habits, Lesson, Reading, covered, overdone, reflect
from langgraph_gepa.demo.wire import Request

WINDOW = Lesson(
    "window",
    patterns=("30 days",),
    phrasings=("Refuse refunds after 30 days.", "No refund when more than 30 days have passed."),
    feedback="too late for a refund",
    overreach="Never refund anything, 30 days or not.",
)
SIGN_OFF = Lesson("sign-off", ("sign",), ("Sign as the team.", "Close with the team's sign-off."), "has no sign-off")
LESSONS = (WINDOW, SIGN_OFF)
PROMPT = """<module name="writer" kind="prompt">
Node writer. Keep {name}.
</module>
<current_text>
Write to {{name}}.

Rules:
- Sign as the team.
</current_text>
<record n="1" score="0.33">
<inputs>a</inputs>
<feedback>{feedback}</feedback>
</record>"""
STEADY = Habits(notice=1, overreach=0, vague=0, forget=0, reword=0, lose_placeholder=0, prose=0)


def replies(feedback: str, habits: Habits, extra: str = "") -> list[str]:
    text = PROMPT.replace("{feedback}", feedback).replace("{{name}}", "{name}") + extra
    request = Request("reflector", ({"role": "user", "content": text},))
    return [reflect(request, random.Random(n), LESSONS, habits).text for n in range(60)]


def test_one_statement_must_say_it_all() -> None:
    """A lesson is covered by one statement with all its patterns, not by words scattered over the text."""
    lesson = Lesson("both", ("refund", "30 days"), (), "x")
    assert covered("No refunds after 30 days.", [lesson]) == {"both"}
    assert covered("Refunds are fine. We reply within 30 days.", [lesson]) == frozenset()


def test_phrasings_cover_and_overreach_overdoes() -> None:
    """What a reflector writes is what a reader finds."""
    for lesson in LESSONS:
        assert all(covered(p, [lesson]) for p in lesson.phrasings)
        assert not any(overdone(p, [lesson]) for p in lesson.phrasings)
        assert not lesson.overreach or overdone(f"Be nice.\n- {lesson.overreach}", [lesson])


def test_a_reader_follows_what_is_covered() -> None:
    """Covered lessons are nearly always heeded, silent ones seldom."""
    rng = random.Random(0)
    covering, silent = (Reading(prompt, LESSONS, rng) for prompt in ("Refuse refunds after 30 days.", "Be nice."))
    assert sum(covering.does("window") for _ in range(1000)) > 930
    assert sum(silent.does("window") for _ in range(1000)) < 150


def test_a_reflector_adds_what_the_feedback_teaches_and_nothing_else() -> None:
    """The new text covers the lesson spoken of and keeps the old text; without a hint it teaches nothing."""
    for reply in replies("It was too late for a refund.", STEADY):
        assert covered(reply, LESSONS) == {"window", "sign-off"}
        assert "Write to {name}." in reply
    assert not any(covered(reply, [WINDOW]) for reply in replies("The tone is off.", Habits()))


def test_a_reflector_is_imperfect() -> None:
    """Over many replies it misses, forgets, overreaches and loses a placeholder, each sometimes."""
    texts = replies("It was too late for a refund.", Habits(lose_placeholder=0.2, forget=0.2))
    for flaw in (
        [not covered(t, [WINDOW]) for t in texts],
        [not covered(t, [SIGN_OFF]) for t in texts],
        [bool(overdone(t, [WINDOW])) for t in texts],
        ["{name}" not in t for t in texts],
    ):
        assert 0 < sum(flaw) < len(texts) / 1.5


def test_a_reflector_often_leaves_what_needs_nothing() -> None:
    """Feedback that teaches no lesson is answered by NO CHANGE about half the time."""
    assert 15 < replies("All is well.", Habits()).count("NO CHANGE") < 45


def test_a_broken_text_is_mended() -> None:
    """Told that it lost a placeholder, the reflector keeps it."""
    texts = replies("x", Habits(lose_placeholder=1, leave=0), "\n<broken>lost {name}</broken>")
    assert all("{name}" in t for t in texts)


@pytest.mark.parametrize("n", range(20))
def test_replies_hold_one_fence(n: int) -> None:
    """The new text stands in a fenced block, with or without prose around it."""
    assert replies("It has no sign-off.", Habits(leave=0))[n].count("```") == 2
