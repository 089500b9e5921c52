"""An example: inputs of the graph, reference outputs, metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from langgraph_gepa.core.json_data import brief


@dataclass(frozen=True)  # without slots, so that `cached_property` works
class Example:
    """LangSmith's three fields and an id that is unique in its data set.

    `inputs` is the state the graph is invoked with; `outputs` are the reference outputs
    (`None` when there are none). All three are plain JSON data.
    """

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """A name for the content, independent of the id."""
        return digest([self.inputs, self.outputs, self.metadata])


def in_message(example: Example) -> str:
    """Returns the example's id for a message, and its inputs where the id was made of them and is in nobody's file."""
    inputs = f" ({brief(dict(example.inputs))})" if example.id.startswith(example.digest) else ""
    return f"{example.id!r}{inputs}"


class RoleDict(dict[str, Any]):
    """A message that was given as an object, as plain data; each rollout makes a message object of it again."""


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, default=str)


def digest(value: Any) -> str:
    """Returns sixteen hex digits that name a JSON value by its content."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()[:16]
