"""The command, or the call, with which to go on after a run."""

from __future__ import annotations

import shlex

from langgraph_gepa.report.view import View
from langgraph_gepa.runs.saved_run import SavedRun


def next_step(saved: SavedRun, view: View) -> str:
    """The command that resumes an unfinished run, otherwise the one that shows what a finished run found."""
    run = shlex.quote(str(saved.folder))
    if not view.finished:
        if saved.config.spec or saved.config.demo:
            return f"langgraph-gepa resume {run}"
        return f"the same call of optimize with run={str(saved.folder)!r}, which goes on"
    if view.seed is None or saved.prompts == view.candidates[0].texts:
        return f"langgraph-gepa report {run}"
    chosen = "" if saved.chosen is None else f" --candidate {saved.chosen}"
    return f"langgraph-gepa diff {run}{chosen}"
