"""Changes of source files, planned and not yet made.

It stands apart from the planning so that whoever only opens a run does not load libcst, which takes long.
"""

from __future__ import annotations

import difflib
import re
import site
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file: its real path, its `name` from the project's root, its bytes before and after, whose texts change."""

    path: Path
    name: str
    before: bytes
    after: bytes
    modules: tuple[str, ...]

    @property
    def diff(self) -> str:
        """The change as a unified diff. Bytes that are no UTF-8 are surrogates, as `surrogateescape` makes them."""
        old, new = (data.decode("utf-8", "surrogateescape") for data in (self.before, self.after))
        lines = difflib.unified_diff(_lines(old), _lines(new), f"a/{self.name}", f"b/{self.name}")
        head = [line.replace("\n", "\t\n") if " " in self.name else line for line in (next(lines, ""), next(lines, ""))]
        body = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        return "".join([*head, *body])


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that writing texts back does, planned and not yet done.

    By module name: `refused` says in words why a text cannot be written, `stale` where the source no
    longer holds the text that was started from; `done` are those whose new text is there already.
    """

    root: Path
    files: tuple[FileChange, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules whose texts are written."""
        return tuple(name for file in self.files for name in file.modules)

    @property
    def diff(self) -> str:
        """One unified diff with paths from `root`, as `git apply` takes it; encode it with `surrogateescape`."""
        return "".join(file.diff for file in self.files)


def is_library(file: Path) -> bool:
    """Whether a file belongs to Python or an installed package."""
    paths = sysconfig.get_paths()
    found = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], site.getusersitepackages()]
    return any(file.resolve().is_relative_to(Path(path).resolve()) for path in found)


def _lines(text: str) -> list[str]:
    """Lines as `diff` counts them: only a line feed ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
