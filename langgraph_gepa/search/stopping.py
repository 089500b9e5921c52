"""Decides why a search ends although its budget is not spent."""

from __future__ import annotations

from langgraph_gepa.core.events import Ended
from langgraph_gepa.search.acceptance import perfect
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tally import average


def nothing_left(pool: Pool, full: float) -> Ended:
    """Returns why no candidate has failures left to reflect on."""
    if any(_solves(pool, candidate.key, full) for candidate in pool.candidates):
        return "solved"
    seed = pool.candidates[0].key
    return "exhausted" if pool.feedback.keys() - {seed} else "unchanged"


def _solves(pool: Pool, texts: str, full: float) -> bool:
    """Whether these texts score perfect on the whole feedback set."""
    known = pool.known("feedback", texts)
    return len(known) == len(pool.feedback_set) and perfect([average(scores) for scores in known.values()], full)
