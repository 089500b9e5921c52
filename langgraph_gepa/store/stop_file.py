"""The stop file: touching it in a run's folder ends the run as Ctrl-C does, from any process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.folder import DATABASE, open_run
from langgraph_gepa.store.lock import holder, lock

STOP = "stop"
"""Its name."""

LOOK = 0.5
"""Seconds between two looks for it."""


def request_stop(folder: Path) -> None:
    """Touches the stop file of the run in `folder`.

    Raises `RunError` when no process is at work on a run there, or the file cannot be made.
    """
    open_run(folder, create=False, read_only=True).close()
    try:
        lock(_lock_file(folder)).close()
    except RunError:  # somebody holds it
        try:
            (folder / STOP).touch()
        except OSError as error:
            raise RunError(
                f"{folder / STOP}, the file that stops the run, cannot be made ({error.strerror}). Press Ctrl-C where "
                "the run was started, or let its owner do this."
            ) from error
    else:
        raise RunError(f"No process is at work on {folder}: there is nothing to stop.")


def is_running(folder: Path) -> bool:
    """Whether a process seems to be at work on the run in `folder`. Takes no lock, so that it is in nobody's way.

    A database in WAL mode was not closed; its process is known to have died only if that was on this machine.
    """
    if not (folder / f"{DATABASE}-wal").is_file():
        return False
    pid = holder(_lock_file(folder))
    if pid is None or sys.platform == "win32":  # where this signal would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _lock_file(folder: Path) -> Path:
    return (folder / DATABASE).with_suffix(".lock")


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
