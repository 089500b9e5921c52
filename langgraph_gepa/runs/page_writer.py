"""Writes the files of a run for people: `report.html`, also while the search is under way, and `prompts.json`."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from langgraph_gepa.core.events import CandidateAdmitted, Event, IterationFinished
from langgraph_gepa.errors import RunError
from langgraph_gepa.report.html.page import write_whole
from langgraph_gepa.runs.result import Result
from langgraph_gepa.runs.saved_run import PAGE, PROMPTS
from langgraph_gepa.search.pool import Pool

SECONDS = 5.0
"""The least time between two pages."""
SHARE = 10
"""Rendering pages takes at most 1/SHARE of the time, because the search runs in the same process."""

_LOG = logging.getLogger(__name__)


def until_next(least: float, taken: float) -> float:
    """Returns how many seconds after one rendering began the next may begin, when the first took `taken` seconds."""
    return max(least, SHARE * taken)


class PageWriter:
    """An observer that rewrites the page of the run in `folder` after each iteration, in a thread.

    Use it as a context manager around the search; when the context has ended, the thread has too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._grown, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="langgraph-gepa report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._grown.set()
        self._thread.join()

    def __call__(self, event: Event, pool: Pool, at: float) -> None:  # noqa: ARG002 - an observer's signature
        if pool.candidates and isinstance(event, CandidateAdmitted | IterationFinished):
            self._grown.set()

    def _work(self) -> None:
        while self._grown.wait() and not self._ended.is_set():
            self._grown.clear()
            began = monotonic()
            try:
                Result.open(self._folder).report()
            except (OSError, RunError) as error:  # a lasting failure is reported when the page is written at the end
                _LOG.debug("The page could not be written: %s", error)
            taken = monotonic() - began
            self._ended.wait(until_next(SECONDS, taken) - taken)


def write_results(folder: Path, notify: Callable[[str], None]) -> None:
    """Writes the page and the best prompts of the run in `folder`, if the graph as it is has been scored.

    A file that cannot be written is only reported, so that the run's result or failure is not hidden by it.
    """
    result = Result.open(folder)
    if not result.pool.candidates:
        return
    prompts = json.dumps(dict(result.prompts), indent=2, ensure_ascii=False) + "\n"
    for file, write in {PROMPTS: lambda: write_whole(prompts, folder / PROMPTS), PAGE: result.report}.items():
        try:
            write()
        except OSError as error:
            notify(
                f"{folder / file} could not be written ({error.strerror}). Nothing of the run is lost: once that is "
                f"fixed, `langgraph-gepa report {folder}` writes its page and `export` its prompts."
            )
