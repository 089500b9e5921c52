"""`search="racing"` through the package's call, on a real graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from langgraph_gepa import Budget, Result, optimize, resume
from langgraph_gepa.core.events import IterationFinished, RolloutFinished
from langgraph_gepa.errors import RunError, UsageError
from langgraph_gepa.report.words import candidate_score
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import score_of


def test_racing_finds_better_prompts_and_the_run_reads_back(project: Path) -> None:
    """A better graph within the budget, no pair run twice, and the folder tells the same story afterwards."""
    result = optimize(
        "letters.py:graph",
        "train.jsonl",
        "val.jsonl",
        metric="letters.py:score",
        reflection_lm="openai:simulated-editor",
        testset="test.jsonl",
        budget=Budget(rollouts=90),
        search="racing",
        run=project / "run",
        progress=False,
    )
    view = result.view
    assert view.validation is not None
    assert view.validation.difference is not None
    assert view.validation.difference.mean > 0
    assert result.pool.spent.rollouts <= 90
    paid = [event for _, event in result.saved.events if isinstance(event, RolloutFinished) and not event.reused]
    assert max(Counter((event.texts, event.example, event.subset) for event in paid).values()) == 1
    again = Result.open(project / "run")
    assert (again.best, again.view.curve) == (result.best, view.curve)
    assert (project / "run" / "report.html").is_file()


def test_each_line_names_the_best_of_its_moment(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A candidate is admitted before it is validated, and may lead when its iteration ends."""
    result = optimize(
        "letters.py:graph",
        "train.jsonl",
        "val.jsonl",
        metric="letters.py:score",
        reflection_lm="openai:simulated-editor",
        budget=Budget(rollouts=60),
        run=project / "run",
    )
    lines, pool, leads = capsys.readouterr().err.splitlines(), Pool(), []
    for _, event in result.saved.events:
        pool.apply(event)
        if isinstance(event, IterationFinished):
            leads.append(f"best #{pool.best.id}: {candidate_score(score_of(pool, pool.best.id))}")
    lines_shown = [line for line in lines if "rollouts]" in line]
    assert len(set(leads)) > 1
    assert [lead for lead, line in zip(leads, lines_shown, strict=True) if lead not in line] == []


def test_repeats_are_run_and_are_the_runs_own(project: Path) -> None:
    """Each pair is run as often as asked, by whoever goes on with the run; another number of repeats is another run."""

    def search(rollouts: int, repeats: int) -> Result:
        return optimize(
            "letters.py:graph",
            "train.jsonl",
            "val.jsonl",
            metric="letters.py:score",
            reflection_lm="openai:simulated-editor",
            budget=Budget(rollouts=rollouts),
            repeats=repeats,
            run=project / "run",
            progress=False,
        )

    search(90, 2)
    with pytest.raises(RunError, match=r"the search \(from racing with repeats=2 to racing\)"):
        search(120, 1)
    result = resume(project / "run", Budget(rollouts=120), progress=False)
    paid = [event for _, event in result.saved.events if isinstance(event, RolloutFinished) and not event.reused]
    assert set(Counter((event.texts, event.example, event.subset) for event in paid).values()) == {2}
    assert 90 < result.pool.spent.rollouts <= 120
    with pytest.raises(UsageError, match="repeats=0"):
        search(90, 0)
