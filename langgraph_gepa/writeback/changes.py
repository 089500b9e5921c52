"""Planned changes of source files and their unified diff.

Apart from `plan`, because whoever only opens a run should not wait for libcst to be imported.
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
    """The change of one file; `name` is its path from the project's root, `modules` those whose texts change in it."""

    path: Path
    name: str
    before: bytes
    after: bytes
    modules: tuple[str, ...]

    @property
    def diff(self) -> str:
        """The change as a unified diff. Bytes that are not UTF-8 are decoded with `surrogateescape`."""
        old, new = (data.decode("utf-8", "surrogateescape") for data in (self.before, self.after))
        lines = difflib.unified_diff(_lines(old), _lines(new), f"a/{self.name}", f"b/{self.name}")
        head = [line.replace("\n", "\t\n") if " " in self.name else line for line in (next(lines, ""), next(lines, ""))]
        body = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        return "".join([*head, *body])


@dataclass(frozen=True, slots=True)
class Changes:
    """All planned changes.

    By module name, `refused` says why a text cannot be written, and `stale` which place no longer holds the old text.
    `done` are the modules whose new text is in the source already. They print as a summary, `diff` as a patch.
    """

    root: Path
    files: tuple[FileChange, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """What is written where, and what is not and why, for people."""
        lines = [f"{file.name}: {', '.join(file.modules)}" for file in self.files]
        if self.done:
            lines.append(f"In the source already: {', '.join(self.done)}.")
        lines += self.left_out
        if self.left_out:
            lines.append("To use it without writing it: result.graph, or load_prompts(graph, the run's folder).")
        return "\n".join(lines) or "Nothing to write: the source has these prompts."

    @property
    def left_out(self) -> tuple[str, ...]:
        """A line with the reason for each text that is not written."""
        return tuple(f"Not written: {name}: {why}." for name, why in {**self.refused, **self.stale}.items())

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules whose texts are written."""
        return tuple(name for file in self.files for name in file.modules)

    @property
    def diff(self) -> str:
        """The unified diff of all files, for `git apply` in `root`. Encode it with `surrogateescape`."""
        return "".join(file.diff for file in self.files)

    def patch(self, *notes: str) -> str:
        """The diff with `notes` as comments before it, which `git apply` and `patch` skip."""
        lines = (line for note in notes for line in note.splitlines())
        return "".join(f"# {line}\n" for line in lines) + self.diff


def is_library(file: Path) -> bool:
    """Whether a file belongs to Python or an installed package."""
    paths = sysconfig.get_paths()
    found = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], site.getusersitepackages()]
    return any(file.resolve().is_relative_to(Path(path).resolve()) for path in found)


def _lines(text: str) -> list[str]:
    """Lines as `diff` counts them: only a line feed ends a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
