"""One run as the live page shows it: rendered when it has changed, and no oftener than it can be afforded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from langgraph_gepa.core.example import digest
from langgraph_gepa.errors import RunError
from langgraph_gepa.report.html.page import Live, render
from langgraph_gepa.report.html.runs_page import render_waiting
from langgraph_gepa.runs.result import Result
from langgraph_gepa.store.folder import DATABASE
from langgraph_gepa.store.stop_file import is_running

OFTENEST = 2.0
"""Seconds between two renderings of the page at least."""
SHARE = 10
"""Rendering takes at most one in so many seconds: in `optimize --ui` the search goes on in the same process."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a run in the state `version`."""

    version: str
    html: str
    result: Result | None


@dataclass
class ServedRun:
    """A run that is served; used from many threads."""

    folder: Path
    home: str = ""
    _page: Page | None = None
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def running(self) -> bool:
        """Whether a process seems to be at work on the run."""
        return is_running(self.folder)

    @property
    def version(self) -> str:
        """Names the state of the run that `page` would show now."""
        return self.page().version

    def page(self) -> Page:
        """The page as it is now, or as it was a moment ago."""
        with self._lock:
            if self._page is None or (monotonic() >= self._next and self._page.version != self._state()):
                began = monotonic()
                self._page = self._rendered()
                taken = monotonic() - began
                self._next = began + max(OFTENEST, SHARE * taken)
            return self._page

    def result(self) -> Result:
        """The run as the page shows it. Raises `RunError` before there is anything to show."""
        result = self.page().result
        if result is None:
            raise RunError("The run has not begun.")
        return result

    def _rendered(self) -> Page:
        version, running = self._state(), self.running
        try:
            result = Result.open(self.folder)
            view = result.view
        except RunError as error:
            # Not begun, or begun again a moment ago; what is wrong otherwise stands on the page.
            return Page(version, render_waiting(str(error), Live(running, version, self.home)), None)
        return Page(version, render(view, Live(running, version, self.home)), result)

    def _state(self) -> str:
        """Changes with the database, and with whether somebody is at work on it."""
        states = []
        for file in (self.folder / DATABASE, self.folder / f"{DATABASE}-wal"):
            try:
                found = file.stat()
            except OSError:
                states.append("")
            else:
                states.append(f"{found.st_mtime_ns} {found.st_size}")
        return digest([*states, self.running])
