"""An example: what goes into the graph, and what is known of the right answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)  # without slots, which leave no place for what is worked out once
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
        """A name for the content, whatever the id or the position."""
        return digest([self.inputs, self.outputs, self.metadata])


class RoleDict(dict[str, Any]):
    """A message that was given as an object: plain data, of which each rollout makes a message again."""


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, default=str)


def digest(value: Any) -> str:
    """Sixteen hex digits that name a JSON value by its content."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()[:16]
