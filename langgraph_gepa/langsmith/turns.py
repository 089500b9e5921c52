"""Puts the turns of a conversation that came before a logged run in front of its input.

A graph with a checkpointer is given the newest message of a thread alone and remembers the others. A rollout starts
without a memory, so that an example needs them all. They stand in the run's outputs, before the message that was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAME = ("role", "content", "tool_calls", "tool_call_id")
"""What tells messages apart, whatever else one of the two has noted, such as an id."""
_ROLES = {"human": "user", "ai": "assistant"}


def with_earlier_turns(inputs: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """The inputs of a run, with the earlier turns that its outputs hold.

    Messages are role dicts; in the inputs also text, and pairs of a role and a text, as LangGraph takes them. A turn is
    something that a model said: a system message that the graph itself put first is none.
    """
    ends = outputs if isinstance(outputs, Mapping) else {}
    return {name: _with_earlier(value, ends.get(name)) for name, value in inputs.items()}


def _with_earlier(value: Any, end: Any) -> Any:
    if not isinstance(end, list):
        return value
    given = value if isinstance(value, list) else [value]
    sought, known = [_key(one) for one in given], [_key(one) for one in end]
    if not sought or None in sought:
        return value
    starts = (at for at in range(len(known) - len(sought), -1, -1) if known[at : at + len(sought)] == sought)
    at = next(starts, 0)
    return [*end[:at], *given] if any(key and key[0] == "assistant" for key in known[:at]) else value


def _key(message: Any) -> list[Any] | None:
    """What tells a message from others; `None` for anything else."""
    match message:
        case str():
            message = {"role": "user", "content": message}
        case [str(role), str(content)]:
            message = {"role": role, "content": content}
        case {"role": str(), "content": _}:
            pass
        case _:
            return None
    return [_ROLES.get(message["role"], message["role"]), *(message.get(name) or "" for name in _SAME[1:])]
