"""Reads a project's own settings: `[tool.langgraph-gepa]` in `pyproject.toml`, or the file `langgraph-gepa.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_gepa.errors import UsageError

NAME = "langgraph-gepa"
"""The table below `[tool]`, and the name of the file beside `langgraph.json`."""


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_notes(value: Any) -> bool:
    notes = value.values() if isinstance(value, dict) else [value]
    return all(isinstance(note, str) for note in notes)


def _is_frozen(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(parts, str) or _is_names(parts) for parts in value.values())


_KEYS = {
    "only": (_is_names, "a list of names"),
    "except": (_is_names, "a list of names"),
    "all": (_is_flag, "true or false"),
    "library": (_is_flag, "true or false"),
    "notes": (_is_notes, 'a text for every module, or a table such as {router = "Keep it short."}'),
    "frozen": (_is_frozen, 'a table such as {router = ["Acme Ltd."]}'),
}
"""For each key of the table, a check of its value and what the value must be."""


def project_table(folder: Path) -> tuple[Mapping[str, Any], Path | None]:
    """Returns the table of the project that `folder` is in, and its file; an empty table and `None` without one.

    The table is `[tool.langgraph-gepa]` of `pyproject.toml`, or the file `langgraph-gepa.toml` beside `langgraph.json`.
    Raises `UsageError` if it cannot be read.
    """
    for above in (folder, *folder.parents):
        own, project = above / f"{NAME}.toml", above / "pyproject.toml"
        if own.is_file():
            return _checked(_toml(own), own), own
        if project.is_file():
            return _checked(_toml(project).get("tool", {}).get(NAME, {}), project), project
        if (above / "langgraph.json").is_file():
            break
    return {}, None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error


def _checked(table: Any, file: Path) -> Mapping[str, Any]:
    where = f"`{NAME}` in {file}"
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table with some of the keys {', '.join(_KEYS)}.")
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{where} has the unknown key {key!r}. Known: {', '.join(_KEYS)}.")
        is_one, form = _KEYS[key]
        if not is_one(value):
            raise UsageError(f"{where}: {key} must be {form}.")
    return table
