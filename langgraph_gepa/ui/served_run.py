"""One run on the live page, rendered again when it has changed, but not too often."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from langgraph_gepa.core.example import digest
from langgraph_gepa.errors import RunError
from langgraph_gepa.report.comparison import Change, detailed, side_of
from langgraph_gepa.report.html.fragments import render_example, render_rollout, render_story
from langgraph_gepa.report.html.page import Live, render
from langgraph_gepa.report.html.runs_page import render_waiting
from langgraph_gepa.report.story import Stories
from langgraph_gepa.report.view import View
from langgraph_gepa.report.words import scores_between
from langgraph_gepa.runs.page_writer import until_next
from langgraph_gepa.runs.result import view_of
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.store.folder import DATABASE
from langgraph_gepa.store.stop_file import is_running

SECONDS = 2.0
"""The least time between two renderings of the page."""
TEXT = 20_000
"""The most characters that are shown of one text of a call."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a run in the state `version`."""

    version: str
    html: str
    saved: SavedRun | None = None
    view: View | None = None


@dataclass
class ServedRun:
    """A run that is served; used from many threads."""

    folder: Path
    home: str = ""
    _page: Page | None = None
    _next: float = 0.0
    _asked: float = -math.inf
    _sent: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def running(self) -> bool:
        """Whether a process seems to be carrying out the run."""
        return is_running(self.folder)

    def page(self) -> Page:
        """The page as it is now, or as it was a moment ago."""
        with self._lock:
            if self._page is None or (monotonic() >= self._next and self._page.version != self._state()):
                began = monotonic()
                self._page = self._rendered()
                taken = monotonic() - began
                self._next = began + until_next(SECONDS, taken)
            return self._page

    def send(self) -> Page:
        """Returns the page, and remembers that a reader has this version."""
        page = self.page()
        self._sent = page.version
        return page

    def state(self) -> dict[str, Any]:
        """Returns what an open page polls: the current version of the page, and whether the run goes on."""
        self._asked = monotonic()
        return {"version": self.page().version, "running": self.running}

    def wait_for_readers(self, patience: float) -> None:
        """Waits until readers of an open page have its final state, at most `patience` seconds."""
        until = monotonic() + patience
        while monotonic() < until and monotonic() - self._asked < patience and self._sent != self._state():
            self._next = 0.0
            sleep(0.1)

    def fragment(self, what: str, query: Mapping[str, str]) -> str | None:
        """Returns the HTML of what a reader opens on the page: an example, a rollout, or the story of a candidate."""
        page = self.page()
        if page.saved is None or page.view is None:
            return None
        with page.saved.rollouts() as load, page.saved.replies() as load_reply, scores_between(*page.view.range):
            stories = Stories(page.saved.events, load_reply, load)
            match what:
                case "example":
                    change = _change(page.view, query.get("subset", ""), query.get("id", ""))
                    return None if change is None else render_example(detailed(change, load, TEXT))
                case "rollout":
                    rollout = load(key) if (key := query.get("ledger", "")) in stories.rollouts else None
                    return None if rollout is None else render_rollout(side_of(rollout, TEXT))
                case "candidate":
                    id = _number(query.get("id", ""))
                    story = stories.of_candidate(id)
                    return None if story is None else render_story(story, stories.rollouts_of(id))
            story = stories.of_iteration(_number(query.get("number", "")))
            return None if story is None else render_story(story)

    def _rendered(self) -> Page:
        version, running = self._state(), self.running
        live = Live(running, version, self.home)
        try:
            saved = SavedRun.open(self.folder)
            view = view_of(saved, detailed=0, stories=0)  # these are loaded when a reader opens them
        except RunError as error:
            # The run has not begun, or began again a moment ago; any other error is shown on the page.
            return Page(version, render_waiting(str(error), live))
        return Page(version, render(view, live), saved, view)

    def _state(self) -> str:
        """A digest that changes with the database, and with whether the run goes on."""
        states = []
        for file in (self.folder / DATABASE, self.folder / f"{DATABASE}-wal"):
            try:
                found = file.stat()
            except OSError:
                states.append("")
            else:
                states.append(f"{found.st_mtime_ns} {found.st_size}")
        return digest([*states, self.running])


def _change(view: View, subset: str, id: str) -> Change | None:
    compared = {"pareto": view.validation, "test": view.test}.get(subset)
    return next((change for change in compared.changes if change.example == id), None) if compared else None


def _number(text: str) -> int:
    """Parses the number in a query, -1 if it is not one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
