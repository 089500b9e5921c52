"""Output of a notebook's cell that is updated in place: what rich's `Live` is for a terminal."""

from __future__ import annotations

import threading
from contextvars import copy_context
from io import StringIO
from typing import Any

from rich.console import RenderableType

from langgraph_gepa.report.screen import Screen

COLUMNS = 110
LINES = 20
REDRAWN = 0.5
"""Seconds between two looks at what is drawn."""


class CellOutput:
    """Shows `drawn` below the cell that is running, again whenever it has changed, and leaves it there at the end.

    It is text without colours, which a notebook shows in those of its theme.
    """

    def __init__(self, drawn: RenderableType) -> None:
        self._drawn = drawn
        self._text = ""
        self._handle: Any = None
        self._ended = threading.Event()
        # The context says which cell the output belongs to.
        self._thread = threading.Thread(target=copy_context().run, args=(self._follow,), daemon=True)

    def start(self) -> None:
        """Shows it for the first time; to be called while the cell runs."""
        from IPython.display import display

        self._text = as_text(self._drawn)
        self._handle = display(_bundle(self._text), raw=True, display_id=True)
        self._thread.start()

    def stop(self) -> None:
        """Shows it for the last time."""
        self._ended.set()
        self._thread.join()
        self._update()

    def _follow(self) -> None:
        while not self._ended.wait(REDRAWN):
            self._update()

    def _update(self) -> None:
        text = as_text(self._drawn)
        if text != self._text:
            self._text = text
            self._handle.update(_bundle(text), raw=True)


def as_text(drawn: RenderableType) -> str:
    """Returns what is drawn as text, with the escape sequences for bold print, which notebooks understand."""
    screen = Screen(
        file=StringIO(), width=COLUMNS, height=LINES, force_jupyter=False, force_terminal=True, no_color=True,
        legacy_windows=False,
    )  # fmt: skip
    with screen.capture() as captured:
        screen.print(drawn)
    return captured.get().rstrip("\n")


def _bundle(text: str) -> dict[str, str]:
    return {"text/plain": text}
