"""Records the results of tools by name and arguments in a file, and replays them: `ToolCache`."""

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
    """The recorded results of tools that are slow, paid or rate-limited and whose arguments determine their results.

    `tools` are their names; `path` is a JSONL file with one result a line, created if it does not exist, which runs may
    share. A result that is not JSON data, or an exception, is not recorded, and the tool runs again. With `replay_only`
    a call that was never recorded raises `UsageError`, and no real tool runs.
    """

    def __init__(self, path: Path | str, tools: Collection[str], *, replay_only: bool = False) -> None:
        self.path = Path(path)
        self.tools = frozenset([tools] if isinstance(tools, str) else tools)
        self.replay_only = replay_only
        self._guard = threading.Lock()
        self._known = dict(self._read())

    def key(self, tool: str, args: Any, kwargs: Any) -> str:
        """Returns the key under which a call is recorded."""
        return digest([tool, plain(args), plain(kwargs)])

    def replay(self, key: str) -> tuple[Any] | None:
        """Returns the recorded result in a tuple, or `None`. Raises `UsageError` instead with `replay_only`."""
        if key in self._known:
            return (_value(self._known[key]),)
        if self.replay_only:
            raise UsageError(f"A tool was called with arguments that {self.path} has no answer for (replay_only=True).")
        return None

    def record(self, key: str, value: T) -> T:
        """Records the result of a call, and returns it."""
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
                if number == len(lines):  # the process ended while it was written
                    continue
                raise UsageError(f"{self.path}:{number} is not a recorded tool result. Delete the line.") from error
        return entries


def _value(entry: dict[str, Any]) -> Any:
    """The result as a new object, which the tool's caller may change."""
    fresh = json.loads(json.dumps(entry))
    return tuple(fresh["tuple"]) if "tuple" in fresh else fresh["value"]


def _equal(one: Any, other: Any) -> bool:
    """Whether two values and all parts of them are equal and of the same types: JSON turns tuples into lists."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
