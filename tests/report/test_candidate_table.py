from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from langgraph_gepa.report.candidate_table import COLUMNS, CandidateView
from langgraph_gepa.search.advantage import Advantage
from langgraph_gepa.search.score import Score

CHILD = CandidateView(7, (2, 5), 1, "merge", ("a", "b"), Score(0.5, 8, 8), {}, None, 3, True, 1200, 9.0, {})


def cells(candidate: CandidateView) -> dict[str, str]:
    return {column.heading: column.cell(candidate) for column in COLUMNS}


def test_a_row_shows_the_descent_and_the_worth_of_a_candidate() -> None:
    """Each column has a text of its own for every candidate; a merge names both parents and their ancestor."""
    assert cells(CHILD) == {
        "Score": "0.500",
        "Against the seed": "",
        "From": "merge of #2, #5 over #1",
        "Changed": "a, b",
        "Best on": "3",
        "At rollout": "1,200",
    }
    assert cells(replace(CHILD, parents=(), ancestor=None, origin="seed"))["From"] == "seed"


@pytest.mark.parametrize(("verdict", "words"), [("better", "better"), ("unknown", "not known")])
def test_the_difference_to_the_seed_has_its_verdict_and_interval(verdict: Any, words: str) -> None:
    """The one cell with elements in it is markup; what it is made of is escaped."""
    cell = cells(replace(CHILD, advantage=Advantage(verdict, 0.25, -0.1, 0.5)))["Against the seed"]
    assert isinstance(cell, Markup)
    assert f">{words}</span> ≈ +0.250" in cell
    assert "−0.100 to +0.500" in cell
    assert "&lt;b&gt;" in cells(replace(CHILD, advantage=Advantage("<b>", 0, 0, 0)))["Against the seed"]  # type: ignore[arg-type]  # no verdict
