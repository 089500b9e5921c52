"""Finds out in whose code an exception was raised: the user's, a library's, or the standard library's."""

from __future__ import annotations

import site
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import langgraph_gepa

_PACKAGES = tuple(
    {*site.getsitepackages(), site.getusersitepackages()}
    | {sysconfig.get_path(name) for name in ("purelib", "platlib")}
)
_OURS = str(Path(langgraph_gepa.__file__).parent)
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})


def raised_at(error: BaseException) -> str:
    """Returns ` (file.py, line 3)` for the last line of the user's code in the traceback; empty if there is none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_foreign(frame.filename)]
    return f" ({_relative(own[-1].filename)}, line {own[-1].lineno})" if own else ""


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yields the frames of the traceback, beginning with the one that raised the exception."""
    return reversed([frame for frame, _ in traceback.walk_tb(error.__traceback__)])


def is_library(error: BaseException) -> bool:
    """Whether an installed package raised the exception, directly or through the standard library."""
    raiser = next((frame for frame in frames(error) if not is_standard(frame)), None)
    return raiser is not None and raiser.f_code.co_filename.startswith(_PACKAGES)


def is_installed(kind: type) -> bool:
    """Whether a class is defined in an installed package."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return isinstance(file, str) and file.startswith(_PACKAGES)


def is_standard(frame: FrameType) -> bool:
    """Whether a frame runs the standard library's code."""
    file = frame.f_code.co_filename
    return file.startswith(("<frozen", *_STANDARD)) and not file.startswith(_PACKAGES)


def _relative(file: str) -> str:
    """The path from the working directory, if the file is in it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _is_foreign(file: str) -> bool:
    return file.startswith((_OURS, *_PACKAGES, *_STANDARD, "<"))
