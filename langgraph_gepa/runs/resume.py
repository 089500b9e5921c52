"""How a run goes on, in words: what was stopped, and what is finished."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from langgraph_gepa.core.events import RunFinished
from langgraph_gepa.report.words import NOTHING_LEFT, ending
from langgraph_gepa.runs.config import Asked
from langgraph_gepa.search.pool import Pool

FIRST_LIMIT = 500
"""What is proposed where a run of an earlier version does not say which limit ended it."""


def kept(asked: Asked, folder: Path, *, named: bool, when: str = "") -> str:
    """Where a stopped run is kept and what goes on with it. `named` says that the caller named the folder: only then
    does the very same call find it again. A run that was given objects needs the program that has them."""
    if asked.spec or asked.demo:
        command = f"`langgraph-gepa resume {folder}`"
        again = f"the same call, or {command}," if named else command
    else:
        again = "the same call" if named else f"the same call with run={str(folder)!r}"
    return f"What was paid for is kept in {folder}: {when}{again} goes on."


def finished(asked: Asked, folder: Path, over: RunFinished, pool: Pool, seconds: float) -> str:
    """That a run which was started again is finished, and how to give it more where that helps."""
    budget = asdict(asked.budget)
    why = f"This run is finished: {ending(over, budget, pool.spent, seconds)}."
    if over.ended in NOTHING_LEFT:
        return f"{why} A larger budget changes nothing: start a new run with other examples or another model."
    limit = over.ended or "rollouts"
    more = f"{2 * (budget[limit] or FIRST_LIMIT):g}"
    if asked.spec or asked.demo:
        return f"{why} To go on, raise the limit: `langgraph-gepa resume {folder} --{limit} {more}`."
    return f"{why} To go on, make the same call with a larger budget, such as Budget({limit}={more})."
