"""The stop file: touching it in a run's folder ends the run as Ctrl-C does, from any process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.folder import DATABASE, open_run
from langgraph_gepa.store.lock import lock

STOP = "stop"
"""Its name."""

LOOK = 0.5
"""Seconds between two looks for it."""


def request_stop(folder: Path) -> None:
    """Touches the stop file of the run in `folder`. Raises `RunError` when no process is at work on a run there."""
    open_run(folder, create=False, read_only=True).close()
    try:
        lock((folder / DATABASE).with_suffix(".lock")).close()
    except RunError:  # somebody holds it
        (folder / STOP).touch()
    else:
        raise RunError(f"No process is at work on {folder}: there is nothing to stop.")


async def watch(folder: Path, stop: Callable[[], None]) -> None:
    """Calls `stop` each time the stop file appears, and removes it; one from before is only removed."""
    file = folder / STOP
    with suppress(OSError):
        file.unlink()
    while True:
        if file.is_file():
            stop()
            try:
                file.unlink()
            except OSError:
                return
        await asyncio.sleep(LOOK)
