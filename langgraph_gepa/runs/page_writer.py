"""Keeps `report.html` up to date while a search is under way, without taking much of its time."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from langgraph_gepa.core.events import CandidateAdmitted, Event, IterationFinished
from langgraph_gepa.errors import RunError
from langgraph_gepa.runs.result import Result
from langgraph_gepa.search.pool import Pool

OFTENEST = 5.0
"""The least time between two pages, in seconds."""
SHARE = 20
"""Writing pages takes at most 1/SHARE of the time."""

_LOG = logging.getLogger(__name__)


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
            self._ended.wait(max(OFTENEST, SHARE * taken) - taken)
