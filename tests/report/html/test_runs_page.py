"""The list of runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from langgraph_gepa.report.html.runs_page import _VERDICTS, RunEntry
from langgraph_gepa.report.view import Conclusion


def test_each_run_has_the_decimals_of_its_own_scale(finished: Any) -> None:
    """A run with scores of thousands does not add noise to the others, nor lose any."""
    view = finished.view()
    usual, large = (RunEntry("run", "run/", one, running=False) for one in (view, replace(view, range=(0.0, 1000.0))))
    assert usual.scores[0] == f"{view.seed.score.value:.3f}"
    assert large.scores[0] == "0"
    assert RunEntry("new", "new/", None, running=True).scores == ("", "")


def test_every_verdict_has_words() -> None:
    """The list shows no codes."""
    assert _VERDICTS.keys() == set(get_args(Conclusion))
