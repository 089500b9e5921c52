"""Makes sure that opening a run changes no file outside its folder, whatever the folder contains."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from langgraph_gepa.errors import RunError

_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def require_own(path: Path, *, written: bool) -> None:
    """Raises `RunError` when `path` exists and leads out of its folder: a link, a pipe, a device.

    A file that is `written` must have no hard link either.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise RunError(_planted(path, "is no regular file"))
    if written and found.st_nlink > 1:
        raise RunError(_planted(path, "has a second name (it is a hard link)"))


def require_own_database(path: Path, *, written: bool) -> None:
    """Checks a SQLite database, and the files that SQLite keeps beside it, like `require_own`."""
    for end in ("", "-wal", "-shm", "-journal"):
        # Readers write the shared memory file as well.
        require_own(path.with_name(path.name + end), written=written or end == "-shm")
    journal = path.with_name(f"{path.name}-journal")
    if written and journal.is_file() and _names_a_file(journal):
        raise RunError(_planted(journal, "names a file that SQLite would delete"))


def _names_a_file(journal: Path) -> bool:
    """Whether a rollback journal ends in the name of a super-journal.

    SQLite writes one for transactions over several databases, which a run has none of, and deletes the file of that
    name when it rolls the journal back.
    """
    with journal.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_JOURNAL_MAGIC)))
        return file.read() == _JOURNAL_MAGIC


def _planted(path: Path, what: str) -> str:
    return f"{path.name} {what}, so using this run could change files outside of its folder. Remove it."
