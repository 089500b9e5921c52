"""Replaces data that nobody can read (pictures, signatures, encrypted thoughts, ids) by its kind and size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from langgraph_gepa.core.excerpt import elide
from langgraph_gepa.core.media import KINDS, kind_of, named

LONGEST = 4_000
"""Characters of a string inside a larger value; beyond that its middle is left out."""
DEEPEST = 30
"""Levels of nesting that are shown."""

_MANY = 64  # numbers in a row that are a vector or a signal
_SURE = 1_000  # characters without a space that are data, whatever they look like
_PAYLOAD = frozenset({
    "url", "data", "base64", "source", "file_id", "file_data", "inline_data", "image_url", "video_url", "input_audio",
    "file", "image", "audio", "video",
})  # fmt: skip
_MIMES = ("media_type", "mime_type", "mimeType", "format")
_BLOCK = re.compile(r"tool|function|call|reason|think|text|message|result", re.IGNORECASE)
_IDS = frozenset({"id", "call_id", "tool_call_id", "tool_use_id", "item_id", "index"})
_ABOUT_A_MESSAGE = frozenset({"additional_kwargs", "response_metadata", "usage_metadata", "extras"})
_SEALED = re.compile(r"signature|encrypted|redacted|ciphertext", re.IGNORECASE)

_LETTER = r"[A-Za-z0-9+/_-]"
_BREAK = r"(?:\s{1,2}|(?:\\{1,4}r)?\\{1,4}n)"  # JSON writes a line's end with a backslash
_DATA_URL = re.compile(rf"data:([\w.+-]+/[\w.+-]+)?[\w;=.+-]*,(?:{_LETTER}|%[0-9A-Fa-f]{{2}}){{32,}}={{0,2}}")
_RUN = re.compile(rf"{_LETTER}{{60,}}={{0,2}}(?:{_BREAK}{_LETTER}{{40,}}={{0,2}})*")
_SLASHED = re.compile(rf"{_LETTER}{{8,}}(?:\\{{1,4}}/{_LETTER}*)+={{0,2}}")  # and may write a slash with one
_NUMBERS = re.compile(rf"(?:(?<!\d)-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?,\s*){{{_MANY},}}")  # one try a number
_ESCAPES = re.compile(r"\\x[0-9a-fA-F]{2}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


def readable(text: str) -> str:
    """Returns `text` with encoded data (base64, data URLs, bytes) replaced by its kind and size."""
    if len(text) < _MANY:
        return text
    if max(10 * len(_CONTROL.findall(text)), 12 * len(_ESCAPES.findall(text))) > len(text):
        return _named("binary data", text)
    text = _NUMBERS.sub(lambda run: f"[{run[0].count(','):,} numbers] ", text)
    text = _DATA_URL.sub(lambda url: _named(url[1] or "data", url[0]), text)
    if "\\/" in text:
        text = _SLASHED.sub(lambda run: _named("encoded data", run[0]) if _is_encoded(run[0]) else run[0], text)
    return _RUN.sub(lambda run: _named("encoded data", run[0]) if _is_encoded(run[0]) else run[0], text)


def abridged(value: Any, *, messages: bool = False) -> Any:
    """Returns plain JSON data for a reader: short strings, few levels, nothing opaque.

    With `messages`, the texts of messages and of their blocks are kept at any length.
    """
    return _abridged(value, 0, messages)


def media(block: Mapping[str, Any]) -> str | None:
    """Returns the replacement of a block that holds a picture, a sound or a file; `None` for other blocks."""
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in KINDS or _PAYLOAD.isdisjoint(block):
        return None
    held = max(_strings(block, 0), key=len)
    if re.search(r"\s", held[:LONGEST]) and not _DATA_URL.match(held):  # a text in a block for files
        return None
    inside = [block, *(item for item in block.values() if isinstance(item, Mapping))]
    mime = next((one[key] for one in inside for key in _MIMES if isinstance(one.get(key), str)), "")
    encoded = len(held) >= _MANY and (";base64," in held[:200] or ":" not in held[:200])
    if encoded or held.startswith(("http://", "https://")):
        return named(kind, mime, held)
    url = _DATA_URL.match(held)
    about = ", ".join(filter(None, ((url and url[1]) or mime, f"{len(held):,} characters" * (len(held) >= _MANY))))
    return f"[{kind_of(kind, mime)}: {about}]" if about else f"[{kind_of(kind, mime)}]"


def thoughts(block: Mapping[str, Any]) -> str | None:
    """Returns the readable text of a block of reasoning; `None` for other blocks."""
    kind = block.get("type")
    if not isinstance(kind, str) or not re.search("think|reason", kind, re.IGNORECASE):
        return None
    held = [block.get(key) for key in ("thinking", "reasoning", "summary", "text")]
    found = [text for part in held for text in _strings(part, 0) if re.search(r"\s", text.strip())]
    return readable("\n".join(found))


def _abridged(value: Any, depth: int, messages: bool) -> Any:
    if isinstance(value, str):
        return elide(readable(value), LONGEST)
    if isinstance(value, Mapping | list | tuple) and depth >= DEEPEST:
        return "[nested deeper]"
    if isinstance(value, Mapping):
        named = media(value)
        return _fields(value, depth, messages) if named is None else named
    if isinstance(value, list | tuple):
        if len(value) > _MANY and all(isinstance(item, int | float) for item in value):
            return f"[{len(value):,} numbers]"
        return [_abridged(item, depth + 1, messages) for item in value]
    return value


def _fields(value: Mapping[str, Any], depth: int, messages: bool) -> dict[str, Any]:
    """Returns the fields of a mapping, without the ids that a provider gives messages and blocks."""
    kind = value.get("type")
    message = "content" in value and ("role" in value or "type" in value)
    block = message or {"name", "args"} <= value.keys() or (isinstance(kind, str) and bool(_BLOCK.search(kind)))
    fields: dict[str, Any] = {}
    for key, item in value.items():
        if (block and key in _IDS and isinstance(item, str | int)) or (message and key in _ABOUT_A_MESSAGE):
            continue
        if isinstance(item, str) and len(item) >= 16 and _SEALED.search(key) and not re.search(r"\s", item):
            fields[key] = _named(key, item)
        elif messages and isinstance(item, str) and key in ("text", "content"):
            fields[key] = item
        else:
            fields[key] = _abridged(item, depth + 1, messages)
    return fields


def _is_encoded(run: str) -> bool:
    """Whether a run without spaces is encoded data, rather than a path, slug, identifier or sequence of letters.

    In encoded data every second character differs in kind (capital, small, digit) from the one before.
    """
    if len(run) >= _SURE:
        return True
    kinds = [0 if character.isupper() else 1 if character.islower() else 2 for character in run if character.isalnum()]
    return len(run) >= 2 * _MANY and 3 * sum(one != other for one, other in pairwise(kinds)) > len(run)


def _named(kind: str, text: str) -> str:
    return f"[{kind}: {len(text):,} characters]"


def _strings(value: Any, depth: int) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    if depth >= DEEPEST or not isinstance(value, Mapping | list | tuple):
        return ()
    items = value.values() if isinstance(value, Mapping) else value
    return [text for item in items for text in _strings(item, depth + 1)]
