"""Searches the files of a project: which hold a text, as a whole or as a value, and which name a constant."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from langgraph_gepa.core.file_kinds import PROGRAM_ENDINGS, TEXT_ENDINGS, VALUE_ENDINGS, ending, project_files
from langgraph_gepa.writeback.data_files import rewritten
from langgraph_gepa.writeback.edits import Edit, UnwritableError

_LARGEST = 1_000_000
"""Bytes of the largest file that is searched."""


def files_with(root: Path, text: str) -> list[Path]:
    """The files below `root` whose whole content is `text`, or else those that hold it as a value.

    White space around the text does not count. Hidden folders, installed packages and the folders of runs are left out.
    """
    whole, held = [], []
    for path in _files(root, TEXT_ENDINGS | VALUE_ENDINGS):
        try:
            content = path.read_text(encoding="utf-8-sig")
        except (UnicodeDecodeError, OSError):
            continue
        if ending(path.name) in TEXT_ENDINGS and content.strip() == text.strip():
            whole.append(path)
        elif ending(path.name) in VALUE_ENDINGS and _holds(path.name, content, text):
            held.append(path)
    return whole or held


def _holds(name: str, content: str, text: str) -> bool:
    try:
        rewritten(name, content, [Edit(text, text)])
    except UnwritableError:
        return False
    return True


def files_naming(root: Path, name: str) -> list[Path]:
    """The programs below `root` that contain a name."""
    word = re.compile(rf"\b{re.escape(name)}\b".encode())
    return [path for path in _files(root, PROGRAM_ENDINGS) if word.search(path.read_bytes())]


def _files(root: Path, endings: Collection[str]) -> Iterator[Path]:
    for folder, name in project_files(os.walk(root), endings):
        path = Path(folder, name)
        if path.is_file() and path.stat().st_size <= _LARGEST:
            yield path
