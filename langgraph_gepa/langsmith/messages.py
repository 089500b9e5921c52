"""The forms in which LangSmith keeps chat messages, as the role dicts that LangGraph and metrics read."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from langgraph_gepa.engine.plain import flat_message

TYPES = frozenset({"human", "ai", "system", "developer", "tool", "function", "chat"})


def with_roles(value: Any) -> Any:
    """Plain JSON data with every message in it as a role dict; all else as it is.

    A message is a serialized object (`{"lc": 1, "type": "constructor", ...}`, as traces keep it), `{"type", "data"}`
    (as chat data sets do), or `{"type": "human", "content": ...}` (as a graph's state is logged).
    """
    if isinstance(value, list):
        return [with_roles(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if (fields := _message(value)) is not None:
        return flat_message(SimpleNamespace(**fields))
    return {key: with_roles(item) for key, item in value.items()}


def _message(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a message, `None` for anything else."""
    kind, said = value.get("type"), value
    if kind == "constructor" and value.get("lc") == 1:
        path, said = value.get("id") or [""], value.get("kwargs") or {}
        name = str(path[-1])
        if not name.endswith(("Message", "MessageChunk")):
            return None
        kind = said.get("type") or name.partition("Message")[0].lower()
    elif isinstance(value.get("data"), Mapping) and set(value) <= {"type", "data"}:
        said = value["data"]
    if not isinstance(kind, str) or "content" not in said:
        return None
    kind = kind.removesuffix("MessageChunk").lower()
    return {**said, "type": kind} if kind in TYPES else None
