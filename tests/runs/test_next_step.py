"""What to do next with a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa import Result
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.next_step import next_step


def test_the_next_step_fits_what_the_run_found(started: Path) -> None:
    """The diff of better prompts, also of a chosen candidate's; the report of prompts that are as they were."""
    result = Result.open(started)
    assert next_step(result.saved, result.view) == f"langgraph-gepa diff {started}"
    best = result.best.id
    assert result.choose(best).summary().endswith(f"langgraph-gepa diff {started} --candidate {best}")
    assert result.choose(0).summary().endswith(f"langgraph-gepa report {started}")
    assert str(result) == result.summary()
    assert f"langgraph-gepa diff {started}" in result._repr_html_()


def test_a_run_that_has_not_ended_goes_on(started: Path) -> None:
    """By the command where it can load the graph, otherwise by the call that started the run."""
    result = Result.open(started)
    view = replace(result.view, ended=None)
    assert next_step(result.saved, view) == f"langgraph-gepa resume {started}"
    unnamed = replace(result.saved, config=replace(result.saved.config, spec={}))
    assert next_step(unnamed, view) == f"the same call of optimize with run={str(started)!r}, which goes on"


@pytest.mark.parametrize("wrong", [{"candidate": "1"}, {"candidate": 1.0}, {"by": "tokens", "within": "near"}])
def test_a_choice_of_the_wrong_type_is_refused(started: Path, wrong: Any) -> None:
    """With what it must be, as a choice that is out of range is."""
    with pytest.raises(UsageError, match=r"There is no candidate|is not a distance"):
        Result.open(started).choose(**wrong)
