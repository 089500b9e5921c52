"""Converts what a graph, a tool or a user passes to plain JSON data that any store can keep."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from langgraph_gepa.core.opaque import abridged, readable

ROLES = {"human": "user", "ai": "assistant"}
DEEPEST = 60
LONGEST_REPR = 2_000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def plain(value: Any) -> Any:
    """Returns `value` as plain JSON data; never raises.

    Messages become `{"role", "content", ...}` (see `flat_message`), documents
    `{"text", "metadata"}`, dataclasses and pydantic models mappings of their fields, sets
    lists in a fixed order. Lone surrogates become U+FFFD, NaN and the infinities their
    names. Other objects become their `repr` without the memory address.
    """
    return _plain(value, ())


def is_message(value: Any) -> bool:
    """Whether `value` is a LangChain message, without importing LangChain."""
    return any(kind.__name__ == "BaseMessage" for kind in type(value).__mro__)


def flat_message(message: Any) -> dict[str, Any]:
    """Returns a LangChain message as the role dict that LangGraph accepts in its place.

    Keys: `role`, `content` (text; a list of blocks when there is more than text), and where
    present `name`, `tool_calls` (`[{"id", "name", "args"}]`, those the provider could not
    parse with `"error"`), `tool_call_id`, `status` (`"error"` only).
    """
    return _message(message, ())


def well_formed(text: str) -> str:
    """Returns `text` with every lone surrogate replaced by U+FFFD, so that UTF-8 can encode it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def unboxed(value: Any) -> Any:
    """Returns the Python value of a scalar of NumPy, PyTorch or the like (`ndim == 0`), any other value unchanged."""
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        return value.item()
    return value


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, above)
    if isinstance(value, str):
        return well_formed(str.__str__(value))
    if isinstance(value, int):
        return int(value) if value.bit_length() < 1_000 else hex(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if id(value) in above:
        return "<cycle>"
    if len(above) >= DEEPEST:
        return "<too deep>"
    try:
        return _composite(value, (*above, id(value)))
    except Exception:  # noqa: BLE001 - a foreign property, iterator or repr may raise anything
        return f"<{type(value).__name__}>"


def _composite(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, above) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, above) for item in value]
    if isinstance(value, AbstractSet):
        return sorted((_plain(item, above) for item in value), key=repr)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | PurePath | Decimal | timedelta):
        return str(value)
    if is_message(value):
        return _message(value, above)
    if hasattr(value, "page_content") and hasattr(value, "metadata"):
        return {"text": _plain(value.page_content, above), "metadata": _plain(value.metadata, above)}
    fields = _fields(value)
    if fields is not None:
        return {name: _plain(getattr(value, name, None), above) for name in fields}
    text = _ADDRESS.sub("", well_formed(repr(value)))
    return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"


def _key(key: Any) -> str:
    flat = _plain(key, ())
    return flat if isinstance(flat, str) else str(flat)


def _fields(value: Any) -> Iterator[str] | None:
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return (field.name for field in dataclasses.fields(value))
    declared = getattr(type(value), "model_fields", None)  # pydantic, without importing it
    return iter(declared) if isinstance(declared, Mapping) else None


def _message(message: Any, above: tuple[int, ...]) -> dict[str, Any]:
    kind = str(getattr(message, "role", "") or getattr(message, "type", ""))
    flat: dict[str, Any] = {
        "role": ROLES.get(kind, kind),
        "content": _content(getattr(message, "content", ""), above),
    }
    if name := getattr(message, "name", None):
        flat["name"] = _plain(name, above)
    tool_calls = [
        {"id": call.get("id"), "name": call.get("name"), "args": _plain(call.get("args"), above)}
        for call in getattr(message, "tool_calls", None) or ()
    ]
    tool_calls += [
        {
            "id": call.get("id"),
            "name": call.get("name"),
            "args": _plain(call.get("args"), above),
            "error": _plain(call.get("error") or "the arguments are no valid JSON", above),
        }
        for call in getattr(message, "invalid_tool_calls", None) or ()
    ]
    if tool_calls:
        flat["tool_calls"] = tool_calls
    if tool_call_id := getattr(message, "tool_call_id", None):
        flat["tool_call_id"] = _plain(tool_call_id, above)
    if getattr(message, "status", None) == "error":
        flat["status"] = "error"
    return flat


def _content(content: Any, above: tuple[int, ...]) -> Any:
    if not isinstance(content, list | tuple):
        return _plain(content, above)
    texts = [block if isinstance(block, str) else _text_block(block) for block in content]
    if all(text is not None for text in texts):
        return well_formed("".join(text for text in texts if text is not None))
    return [_plain(block, above) for block in content]


def _text_block(block: Any) -> str | None:
    if isinstance(block, Mapping) and block.get("type") in ("text", "output_text"):
        text = block.get("text")
        return text if isinstance(text, str) else None
    return None


def shortened(value: Any) -> Any:
    """Returns a call's JSON data as a trace keeps it: whole texts, pictures and signatures named by kind and size."""
    return readable(value) if isinstance(value, str) else abridged(value, messages=True)


def brief(value: Any) -> str:
    """Returns the `repr` of a value for a message, cut after 200 characters."""
    text = str(plain(repr(value)))
    return text if len(text) <= 200 else f"{text[:200]}…"
