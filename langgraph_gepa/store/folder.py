"""Opens the folder of a run."""

from __future__ import annotations

from pathlib import Path

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.sqlite import SqliteStore

DATABASE = "run.db"
LISTED = 5
"""Runs that the message names when a folder of runs is given in place of one."""
_OURS = {DATABASE, "run.lock", "run.db-wal", "run.db-shm", "run.db-journal"}


def open_run(folder: Path | str, *, create: bool, read_only: bool = False) -> SqliteStore:
    """Opens the run in `folder`.

    With `create` a folder that is missing or empty becomes a new run's, readable by its owner
    only, since a run holds what the graph saw. An existing run is opened
    as well: its `settings()` are not empty, and the caller decides whether it is the same run.
    Without `create` the run must exist.

    Raises `RunError` when the folder holds something else, or as `SqliteStore` does.
    """
    if create and read_only:
        raise ValueError("a new run cannot be opened read-only")
    place = Path(folder)
    try:
        names = {path.name for path in place.iterdir()} if place.exists() else None
        if create and names is None:
            place.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise RunError(f"{place} cannot be used ({error.strerror}). Give another folder.") from error
    if not create and DATABASE not in (names or ()):
        raise RunError(_none_in(place))
    if create and names and DATABASE not in names and not names <= _OURS:
        raise RunError(f"{place} is not empty and holds no run ({min(names - _OURS)} is there). Give a new folder.")
    return SqliteStore(place / DATABASE, read_only=read_only)


def _none_in(place: Path) -> str:
    """Returns the message that there is no run; it names the newest if `place` is a folder of runs."""
    runs = sorted(place.glob(f"*/{DATABASE}"), key=lambda run: run.stat().st_mtime, reverse=True)
    if not runs:
        return f"{place} holds no run. Check the path, or start one there with `optimize --run {place}`."
    newest = ", ".join(str(run.parent) for run in runs[:LISTED])
    return f"{place} holds no run itself. The newest of the {len(runs)} in its folders: {newest}."
