"""What tools answered, by name and arguments: recorded once, replayed ever after."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from langgraph_gepa.core.example import digest
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.errors import UsageError

T = TypeVar("T")


class ToolCache:
    """For tools that are slow, paid or rate-limited and answer the same to the same arguments.

    `tools` are their names; `path` is a JSONL file, one result a line, made if it is not there and
    shared by runs. A result that is no JSON data, or an exception, is not kept: the tool runs
    again. With `replay_only` a call that was never recorded fails, and nothing real runs.
    """

    def __init__(self, path: Path | str, tools: Collection[str], *, replay_only: bool = False) -> None:
        self.path = Path(path)
        self.tools = frozenset([tools] if isinstance(tools, str) else tools)
        self.replay_only = replay_only
        self._guard = threading.Lock()
        self._known = dict(self._read())

    def key(self, tool: str, args: Any, kwargs: Any) -> str:
        """The name of a call."""
        return digest([tool, plain(args), plain(kwargs)])

    def replay(self, key: str) -> tuple[Any] | None:
        """What the call answered, in a tuple, if it was recorded. Raises `UsageError` with `replay_only` if not."""
        if key in self._known:
            return (_value(self._known[key]),)
        if self.replay_only:
            raise UsageError(f"A tool was called with arguments that {self.path} has no answer for (replay_only=True).")
        return None

    def record(self, key: str, value: T) -> T:
        """Keeps what a call answered, and gives it back."""
        entry = {"tuple": list(value)} if isinstance(value, tuple) else {"value": value}
        try:
            text = json.dumps(entry, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return value
        if not _equal(json.loads(text), entry):
            return value
        with self._guard:
            if key not in self._known:
                self._known[key] = entry
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, **entry}) + "\n")
        return value

    def _read(self) -> list[tuple[str, dict[str, Any]]]:
        if not self.path.exists():
            return []
        entries = []
        lines = self.path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                entry = json.loads(line)
                entries.append((entry.pop("key"), entry))
            except (ValueError, KeyError, AttributeError) as error:
                if number == len(lines):  # cut off in the middle of writing
                    continue
                raise UsageError(f"{self.path}:{number} is no recorded tool result. Delete the line.") from error
        return entries


def _value(entry: dict[str, Any]) -> Any:
    """A fresh copy, which the tool's caller may write to."""
    fresh = json.loads(json.dumps(entry))
    return tuple(fresh["tuple"]) if "tuple" in fresh else fresh["value"]


def _equal(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: JSON makes lists of tuples and text of number keys."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
