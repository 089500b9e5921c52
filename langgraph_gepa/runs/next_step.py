"""What to do next with a run: the command, or the call, that a person would look for."""

from __future__ import annotations

import shlex

from langgraph_gepa.report.view import View
from langgraph_gepa.runs.saved_run import SavedRun


def next_step(saved: SavedRun, view: View) -> str:
    """The command that goes on with a run which has not ended, or shows what to do with what it found."""
    run = shlex.quote(str(saved.folder))
    if not view.finished:
        if saved.config.spec or saved.config.demo:
            return f"langgraph-gepa resume {run}"
        return f"the same call of optimize with run={str(saved.folder)!r}, which goes on"
    if view.seed is None or saved.prompts == view.candidates[0].texts:
        return f"langgraph-gepa report {run}"
    chosen = "" if saved.chosen is None else f" --candidate {saved.chosen}"
    return f"langgraph-gepa diff {run}{chosen}"
