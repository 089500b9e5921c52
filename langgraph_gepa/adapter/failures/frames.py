"""Whose code an exception came up in: the user's, a library's, or the standard library's."""

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
    """` (file.py, line 3)`: the last line of the user's own before `error`; empty where there is none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _foreign(frame.filename)]
    return f" ({_shown(own[-1].filename)}, line {own[-1].lineno})" if own else ""


def frames(error: BaseException) -> Iterator[FrameType]:
    """The frames an exception came through, the one that raised it first."""
    found = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return reversed(found)


def is_library(error: BaseException) -> bool:
    """Whether an installed package raised it, by itself or through the standard library."""
    raiser = next((frame for frame in frames(error) if not is_standard(frame)), None)
    return raiser is not None and raiser.f_code.co_filename.startswith(_PACKAGES)


def is_installed(kind: type) -> bool:
    """Whether a class is an installed package's."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return isinstance(file, str) and file.startswith(_PACKAGES)


def is_standard(frame: FrameType) -> bool:
    """Whether a frame is of the standard library's code."""
    file = frame.f_code.co_filename
    return file.startswith(("<frozen", *_STANDARD)) and not file.startswith(_PACKAGES)


def _shown(file: str) -> str:
    """As the user would write it: from the working directory, where it is in there."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _foreign(file: str) -> bool:
    return file.startswith((_OURS, *_PACKAGES, *_STANDARD, "<"))
