"""Writes planned changes to disk: all of them, or none when one fails or the changed project does not load."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from langgraph_gepa.errors import SourceError
from langgraph_gepa.writeback.changes import Changes, FileChange

Verify = Callable[[], str | None]
"""Loads the changed project in a process of its own and says what is wrong with it; `None` when nothing is."""


def apply(changes: Changes, verify: Verify) -> None:
    """Writes every file of `changes`, or leaves every file byte for byte as it was.

    Each file is replaced in one step and keeps its mode. After a complaint of `verify`, an exception or Ctrl-C all
    files are restored. Raises `SourceError` when a file has changed since the plan or cannot be written, and when
    `verify` complains.
    """
    for file in changes.files:
        if file.path.read_bytes() != file.before:
            raise SourceError(f"{file.name} changed while it was being looked at: nothing was written. Try again.")
    with _one_interrupt(), _restored_on_failure() as written:
        for file in changes.files:
            written.append((file, file.path.stat()))
            _write(file, file.after, written[-1][1])
        complaint = verify()
        if complaint:
            raise SourceError(f"The files are as they were: with the new texts in place, {complaint}")


@contextlib.contextmanager
def _restored_on_failure() -> Iterator[list[tuple[FileChange, os.stat_result]]]:
    written: list[tuple[FileChange, os.stat_result]] = []
    try:
        yield written
    except BaseException as failure:
        with _handled(signal.SIG_IGN):
            left = [file.name for file, before in reversed(written) if not _restored(file, before)]
        if left:
            raise SourceError(f"{', '.join(left)} could not be put back: the disk refuses to be written.") from failure
        if isinstance(failure, OSError):
            raise SourceError(f"The files are as they were: {failure.strerror} ({failure.filename}).") from failure
        raise


def _restored(file: FileChange, before: os.stat_result) -> bool:
    try:
        _write(file, file.before, before)
        os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    except OSError:
        return file.path.read_bytes() == file.before
    return True


def _write(file: FileChange, data: bytes, before: os.stat_result) -> None:
    """Replaces the file in one step.

    Its modification time moves by at least a second, as Python compares it in seconds with that of compiled files.
    """
    handle, name = tempfile.mkstemp(dir=file.path.parent, prefix=f".{file.path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(before.st_mode & 0o7777)
        if temporary.stat().st_mtime_ns // 10**9 <= before.st_mtime_ns // 10**9:
            os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
        temporary.replace(file.path)
    finally:
        temporary.unlink(missing_ok=True)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """Takes the first Ctrl-C or SIGTERM and ignores others, so that nothing interrupts the restoring of files."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt("Stopped: the files are as they were.")

    with _handled(interrupt):
        yield


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
