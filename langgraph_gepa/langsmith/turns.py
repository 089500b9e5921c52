"""Puts the turns of a conversation that came before a logged run in front of its input.

A graph with a checkpointer is given the newest message of a thread alone and remembers the others. A rollout starts
without a memory, so that an example needs them all. They stand in the run's outputs, before the message that was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
_SAME = ("role", "content", "tool_calls", "tool_call_id")
"""What tells messages apart, whatever else one of the two has noted, such as an id."""


def with_earlier_turns(inputs: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """The inputs of a run, with the earlier turns that its outputs hold. Messages are role dicts.

    A turn is something that a model said: a system message that the graph itself put first is none.
    """
    ends = outputs if isinstance(outputs, Mapping) else {}
    return {name: [*_earlier(value, ends.get(name)), *value] if _messages(value) else value
            for name, value in inputs.items()}  # fmt: skip


def _earlier(given: Sequence[Message], end: Any) -> Sequence[Message]:
    if not _messages(end):
        return ()
    known, sought = list(map(_key, end)), list(map(_key, given))
    starts = (at for at in range(len(known) - len(sought), -1, -1) if known[at : at + len(sought)] == sought)
    before = end[: next(starts, 0)]
    return before if any(message["role"] == "assistant" for message in before) else ()


def _messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "role" in one for one in value)


def _key(message: Message) -> list[Any]:
    return [message.get(name) or "" for name in _SAME]
