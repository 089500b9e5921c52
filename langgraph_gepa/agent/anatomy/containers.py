"""Lists, mappings and tuples."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from langgraph_gepa.agent.anatomy.handler import Copies, Handler, Step

_LONG = 1000


class Container(Handler):
    """A list, deque or mapping that can be changed. Step: `item key`. A very long one holds data."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, dict | list | deque)

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        if len(value) > _LONG:
            return
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        yield from ((("item", key), held) for key, held in list(pairs))

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        return copy.copy(value)

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        for (_, key), part in changes.items():
            copy[key] = part


class Tuple(Handler):
    """A tuple or named tuple. Step: `item index`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, tuple)

    @override
    def parts(self, value: tuple[Any, ...]) -> Iterator[tuple[Step, Any]]:
        yield from ((("item", i), held) for i, held in enumerate(value[:_LONG]))

    @override
    def make(self, value: tuple[Any, ...], changes: Mapping[Step, Any]) -> tuple[Any, ...]:
        return tuple.__new__(type(value), [changes.get(("item", i), held) for i, held in enumerate(value)])


HANDLERS: tuple[Handler, ...] = (Container(), Tuple())
