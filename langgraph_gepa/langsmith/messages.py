"""Converts the forms in which LangSmith stores chat messages to the role dicts that LangGraph and metrics read."""

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
"""The fields of LangChain's messages. A mapping with other fields is not a message, and keeps them."""


def with_roles(value: Any) -> Any:
    """Converts every message in plain JSON data to a role dict; everything else stays as it is.

    A message is a serialized object (`{"lc": 1, "type": "constructor", ...}`, as traces keep it), `{"type", "data"}`
    (as chat data sets do), or `{"type": "human", "content": ...}` (as a graph's state is logged).
    """
    if isinstance(value, list):
        return [with_roles(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if (fields := _message(value)) is not None:
        return flat_message(SimpleNamespace(**fields, **_tool_calls(fields)))
    return {key: with_roles(item) for key, item in value.items()}


def _message(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a message, `None` for anything else."""
    kind, fields = value.get("type"), value
    if kind == "constructor" and value.get("lc") == 1:
        path, fields = value.get("id") or [""], value.get("kwargs") or {}
        name = str(path[-1])
        if not name.endswith(("Message", "MessageChunk")):
            return None
        kind = fields.get("type") or name.partition("Message")[0]
    elif isinstance(value.get("data"), Mapping) and value.keys() <= {"type", "data"}:
        fields = value["data"]
    if not isinstance(kind, str) or "content" not in fields or not fields.keys() <= FIELDS:
        return None
    kind = kind.removesuffix("MessageChunk").lower()
    return {**fields, "type": kind} if kind in TYPES else None


def _tool_calls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The tool calls of a message that has them only in OpenAI's format, as chat data sets do."""
    written = (fields.get("additional_kwargs") or {}).get("tool_calls") or []
    if "tool_calls" in fields or "invalid_tool_calls" in fields:
        return {}
    calls: dict[str, list[Any]] = {"tool_calls": [], "invalid_tool_calls": []}
    for call in written:
        function = call.get("function") or {}
        converted = {"id": call.get("id"), "name": function.get("name"), "args": function.get("arguments")}
        try:
            calls["tool_calls"].append({**converted, "args": json.loads(converted["args"])})
        except (TypeError, ValueError):
            calls["invalid_tool_calls"].append(converted)
    return calls
