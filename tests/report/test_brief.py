"""The verdict of a run in a few lines."""

from __future__ import annotations

from typing import Any

from langgraph_gepa.report.brief import as_html, as_text, brief
from langgraph_gepa.report.summary import summarize
from langgraph_gepa.report.verdict import headline


def test_the_verdict_is_a_few_lines_with_the_next_step_last(finished: Any) -> None:
    """How sure comes first; before and after, what changed and the cost stand between."""
    view = finished.view()
    text = as_text(brief(view, "langgraph-gepa diff run")).splitlines()
    verdict, lines = text[:2], text[2:]
    assert " ".join(verdict) == headline(view)
    assert max(map(len, verdict)) <= 80
    assert len(lines) < 8
    assert [line.split()[0] for line in lines][-3:] == ["Changed", "Cost", "Next"]
    assert any(line.startswith("Held-out test") and " → " in line for line in lines)
    assert lines[-1].endswith("langgraph-gepa diff run")


def test_a_run_without_scores_has_a_verdict_too() -> None:
    """Nothing is claimed of a run in which nothing was scored."""
    assert "not scored yet" in as_text(brief(summarize((), (), {}), "wait"))


def test_what_the_user_chose_is_told_apart_from_the_best(finished: Any) -> None:
    """The seed as the choice changes nothing, and the scores above are said to be another's."""
    rows = brief(finished.view(), "", 0)
    assert (rows["Changed"], rows["Chosen"].split(",")[0]) == ("nothing", "candidate #0")


def test_names_are_no_markup_and_control_nothing() -> None:
    """The table escapes what it shows, and a terminal is not acted on."""
    rows = brief(summarize((), (), {}), "<script>\x1b[2J\u202e")
    assert "<script>" not in as_html(rows)
    assert "&lt;script&gt;␛[2J[U+202E]" in as_html(rows)
