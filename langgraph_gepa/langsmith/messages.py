"""The forms in which LangSmith keeps chat messages, as the role dicts that LangGraph and metrics read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from langgraph_gepa.core.json_data import flat_message

TYPES = frozenset({"human", "ai", "system", "developer", "tool", "function", "chat"})
FIELDS = {
    "type", "content", "id", "name", "role", "example", "additional_kwargs", "response_metadata", "usage_metadata",
    "tool_calls", "invalid_tool_calls", "tool_call_chunks", "chunk_position", "tool_call_id", "status", "artifact",
}  # fmt: skip
"""What messages of LangChain have; something with more is no message, and is not to lose it."""


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
        return flat_message(SimpleNamespace(**fields, **_asked(fields)))
    return {key: with_roles(item) for key, item in value.items()}


def _message(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a message, `None` for anything else."""
    kind, said = value.get("type"), value
    if kind == "constructor" and value.get("lc") == 1:
        path, said = value.get("id") or [""], value.get("kwargs") or {}
        name = str(path[-1])
        if not name.endswith(("Message", "MessageChunk")):
            return None
        kind = said.get("type") or name.partition("Message")[0]
    elif isinstance(value.get("data"), Mapping) and value.keys() <= {"type", "data"}:
        said = value["data"]
    if not isinstance(kind, str) or "content" not in said or not said.keys() <= FIELDS:
        return None
    kind = kind.removesuffix("MessageChunk").lower()
    return {**said, "type": kind} if kind in TYPES else None


def _asked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The tool calls of a message that has them only as OpenAI writes them, as chat data sets do."""
    written = (fields.get("additional_kwargs") or {}).get("tool_calls") or []
    if "tool_calls" in fields or "invalid_tool_calls" in fields:
        return {}
    calls: dict[str, list[Any]] = {"tool_calls": [], "invalid_tool_calls": []}
    for one in written:
        function = one.get("function") or {}
        call = {"id": one.get("id"), "name": function.get("name"), "args": function.get("arguments")}
        try:
            calls["tool_calls"].append({**call, "args": json.loads(call["args"])})
        except (TypeError, ValueError):
            calls["invalid_tool_calls"].append(call)
    return calls
