"""Locks a run, so that one process at a time writes it."""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from weakref import WeakSet

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.confinement import require_own

if sys.platform == "win32":
    import msvcrt

    def _seize(file: FileIO) -> None:
        file.seek(1 << 30)  # a byte beyond the text, which others must still be able to read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _seize(file: FileIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(path: Path) -> FileIO:
    """Locks `path` for this process until the file is closed or the process dies, however it dies.

    The file names the holder for the `RunError` of a second process; its text means nothing once
    the lock is released.
    """
    file = _open(path)
    try:
        _seize(file)
    except (BlockingIOError, PermissionError) as error:
        holder = file.read(200).decode("utf-8", "replace").strip() or "another process"
        file.close()
        raise RunError(
            f"It is in use by {holder}. Wait until that ends or stop it; `show` reads a run that is under way."
        ) from error
    except OSError as error:
        file.close()
        raise RunError(f"It cannot be locked ({error}). Put the run on a local disk.") from error
    _held.add(file)
    with suppress(OSError):  # a full disk; the lock holds without a name
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return file


def holder(path: Path) -> int | None:
    """Returns the id of the process that locked `path` last, if that was on this machine; it may be long gone."""
    try:
        with path.open("rb") as file:
            found = re.fullmatch(rb"process (\d{1,9}) on (.+)\n?", file.read(200))
    except OSError:
        return None
    if found is None or found[2] != socket.gethostname().encode():
        return None
    return int(found[1])


def _open(path: Path) -> FileIO:
    require_own(path, written=True)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        return FileIO(os.open(path, flags, 0o600), "r+")
    except OSError as error:
        raise RunError(f"Its folder cannot be written ({error.strerror}). Give a folder that can.") from error


_held: WeakSet[FileIO] = WeakSet()


def _let_go() -> None:
    for file in _held:
        file.close()


if sys.platform != "win32":
    # A forked worker of the user's graph may outlive this process; it must not keep the lock alive.
    os.register_at_fork(after_in_child=_let_go)
