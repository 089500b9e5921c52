"""Where in the user's own code an exception came from."""

from __future__ import annotations

import site
import sysconfig
import traceback
from pathlib import Path

_OTHERS = tuple(
    {str(Path(__file__).parents[1]), *site.getsitepackages(), site.getusersitepackages()}
    | {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def raised_at(error: BaseException) -> str:
    """` (file.py, line 3)`: the last line of the user's own before `error`; empty where there is none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _foreign(frame.filename)]
    return f" ({_shown(own[-1].filename)}, line {own[-1].lineno})" if own else ""


def _shown(file: str) -> str:
    """As the user would write it: from the working directory, where it is in there."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _foreign(file: str) -> bool:
    return file.startswith((*_OTHERS, "<"))
