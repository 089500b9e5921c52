"""Reads JSON from a run's folder within bounds, since anybody may have written it.

A run writes far less than that (`plain` cuts off at a depth of 60). A compressed entry may unfold to a thousand
times its size, and a few megabytes of brackets to gigabytes of objects.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from langgraph_gepa.errors import RunError

LONGEST = 256 * 1024 * 1024
"""Bytes of one record."""
DEEPEST = 200
MOST = 3_000_000
"""Values in one record."""
MOST_TEXT = 10_000_000
"""Characters of all the texts of a graph."""
MOST_MODULES = 10_000
LARGEST = 2**63
"""All counts and ids are smaller."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BEYOND = "is more than any run writes, so the run is damaged or was made to do harm. It is not read any further."


def read_json(text: str) -> Any:
    """Returns the value of a JSON text. Raises `RunError` when it is invalid or exceeds what a run writes."""
    if len(text) > LONGEST:
        raise RunError(f"A record of {len(text):,} characters {_BEYOND}")
    if _too_many(text):
        raise RunError(f"A record of more than {MOST:,} values {_BEYOND}")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise RunError(f"A record nested thousands of levels deep {_BEYOND}") from error
    except ValueError as error:
        raise RunError(f"The run holds a record that is no JSON ({error}), so it is damaged.") from error
    if _too_deep(value):
        raise RunError(f"A record nested more than {DEEPEST} levels deep {_BEYOND}")
    return value


def unpacked(entry: bytes) -> str:
    """Returns the text of a compressed entry, decompressed up to `LONGEST` bytes. Raises `RunError`."""
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(entry, LONGEST + 1)
        text = data.decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError) as error:
        raise RunError(f"A compressed entry cannot be read ({error}), so the run is damaged.") from error
    if len(data) > LONGEST:
        raise RunError(f"A compressed entry of more than {LONGEST:,} bytes {_BEYOND}")
    if not stream.eof:
        raise RunError("A compressed entry ends too early, so the run is damaged.")
    return text


def require_short(text: str) -> None:
    """Raises `RunError` for a record that is too large to be read back."""
    if len(text) > LONGEST or _too_many(text):
        raise RunError(
            f"A rollout takes {len(text):,} characters as JSON; at most {LONGEST:,} characters and {MOST:,} values are "
            "kept. Let the graph return less, or leave the example out."
        )


def require_numbers(value: Any) -> None:
    """Raises `RunError` when plain data holds a number that cannot be a count, score or time."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            stack.extend(one.values())
        elif isinstance(one, list | tuple):
            stack.extend(one)
        elif (isinstance(one, int) and abs(one) >= LARGEST) or (isinstance(one, float) and not math.isfinite(one)):
            raise RunError("The run holds a number that is no count, score or time, so it is damaged.")


def require_texts(texts: Collection[str]) -> None:
    """Raises `RunError` for more modules, or longer texts, than any graph has."""
    if len(texts) > MOST_MODULES or sum(map(len, texts)) > MOST_TEXT:
        raise RunError(f"The run has {len(texts):,} texts of {sum(map(len, texts)):,} characters, which {_BEYOND}")


def _too_many(text: str) -> bool:
    """Whether a JSON text has too many values. Strings are left out of the count where they could matter."""
    return _values(text) > MOST and _values(_STRING.sub("", text)) > MOST


def _values(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        parts = (part for one in level for part in (one.values() if isinstance(one, dict) else one))
        level = [part for part in parts if isinstance(part, dict | list)]
        if not level:
            return False
    return True


def first_problem(error: ValidationError) -> str:
    """Returns where data does not fit its type, and why, without quoting the data."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
