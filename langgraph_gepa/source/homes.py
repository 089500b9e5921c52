"""Files that are a text or hold it as a value, for texts that no Python file writes out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from langgraph_gepa.source.files import filled
from langgraph_gepa.source.finding import Edit, UnwritableError

_WHOLE = {
    ".md",
    ".markdown",
    ".txt",
    ".prompt",
    ".jinja",
    ".jinja2",
    ".j2",
    ".mustache",
    ".tmpl",
    ".tpl",
    ".xml",
    ".html",
}
_VALUES = {".yaml", ".yml", ".json"}
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "build", "dist"}
_LARGEST = 1_000_000
"""Bytes up to which a file is looked into."""


def homes(root: Path, text: str) -> list[Path]:
    """The files below `root` that are `text`, or else those that hold it as a value.

    Space around the text does not count. Hidden folders, installed packages and the folders of runs
    are not looked into.
    """
    whole, held = [], []
    for path in _files(root):
        try:
            content = path.read_text(encoding="utf-8-sig")
        except (UnicodeDecodeError, OSError):
            continue
        if path.suffix.lower() in _WHOLE and content.strip() == text.strip():
            whole.append(path)
        elif path.suffix.lower() in _VALUES and _holds(path.name, content, text):
            held.append(path)
    return whole or held


def _holds(name: str, content: str, text: str) -> bool:
    try:
        filled(name, content, [Edit(text, text)])
    except UnwritableError:
        return False
    return True


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        if "run.db" in names or "pyvenv.cfg" in names:
            below.clear()
            continue
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() in _WHOLE | _VALUES and path.stat().st_size <= _LARGEST:
                yield path
