"""A rollout call by call, for people to read, and the first call in which two rollouts differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph_gepa.core.opaque import abridged, media, readable, thoughts
from langgraph_gepa.core.rollout import Call, Rollout, Usage
from langgraph_gepa.report.words import clip

Fields = tuple[tuple[str, str], ...]
"""Labels with texts, in order: a role with its message, or a state field with its value."""

CALLS = 200
"""The most calls of a rollout that are shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call. `received` leaves out the first `repeated` messages, which step `since` received or replied."""

    number: int
    kind: str
    node: str
    name: str
    modules: tuple[str, ...]
    received: Fields
    replied: Fields
    error: str
    usage: Usage
    seconds: float
    repeated: int = 0
    since: int = 0

    @property
    def size(self) -> int:
        """How many characters are shown."""
        return sum(len(label) + len(text) for label, text in (*self.received, *self.replied)) + len(self.error)


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls of a rollout in order, the first `CALLS` of `calls`."""

    steps: tuple[Step, ...]
    calls: int
    usage: Usage
    seconds: float

    @property
    def size(self) -> int:
        """How many characters are shown."""
        return sum(step.size for step in self.steps)


def trace_of(rollout: Rollout, limit: int) -> Trace:
    """The calls of a rollout. A text is shown up to `limit` characters."""
    conversations: list[tuple[int, list[Any]]] = []
    steps: list[Step] = []
    for number, call in enumerate(rollout.calls[:CALLS], 1):
        repeated, since = 0, 0
        if call.kind == "model":
            messages = list(call.inputs or ())
            repeated, since = _repeated(messages, conversations)
            conversations.append((number, [*messages, call.output]))
        steps.append(_step(number, call, limit, repeated, since))
    return Trace(tuple(steps), len(rollout.calls), rollout.usage, rollout.seconds)


def first_difference(one: Rollout, two: Rollout) -> int | None:
    """Returns the number of the first call that differs, or whose result differs; `None` if there is none.

    Inputs are not compared, because new prompts are meant to change them; nor are ids, which always differ.
    """
    outcomes = [[_outcome(call) for call in rollout.calls[:CALLS]] for rollout in (one, two)]
    for number, (old, new) in enumerate(zip(*outcomes, strict=False), 1):
        if old != new:
            return number
    shorter, longer = sorted(map(len, outcomes))
    return None if shorter == longer else shorter + 1


def _repeated(messages: Sequence[Any], conversations: Sequence[tuple[int, list[Any]]]) -> tuple[int, int]:
    """Returns how many of the first messages an earlier call already had, with its reply, and that call's number."""
    for number, earlier in reversed(conversations):
        if len(earlier) <= len(messages) and all(map(_same, earlier, messages)):
            return len(earlier), number
    return 0, 0


def _same(one: Any, two: Any) -> bool:
    return one == two or (bool(one) and bool(two) and _message(one) == _message(two))


def _step(number: int, call: Call, limit: int, repeated: int, since: int) -> Step:
    if call.kind == "model":
        received = [_message(message) for message in (call.inputs or ())[repeated:]]
        replied = [] if call.output is None else [_message(call.output)]
    elif call.kind == "tool":
        received, replied = _arguments(call.inputs), [] if call.output is None else [("returned", _plain(call.output))]
    else:
        received = [("query", _plain(call.inputs))]
        found = call.output if isinstance(call.output, list) else [call.output] if call.output is not None else []
        replied = [(f"document {n}", _document(one)) for n, one in enumerate(found, 1)]
    return Step(
        number, call.kind, call.node, call.name, call.modules, _clipped(received, limit), _clipped(replied, limit),
        clip(call.error or "", limit), call.usage, call.seconds, repeated, since,
    )  # fmt: skip


def _clipped(fields: Sequence[tuple[str, str]], limit: int) -> Fields:
    return tuple((label, clip(text, limit)) for label, text in fields)


def _message(message: Any) -> tuple[str, str]:
    """A message as its role and its text, with the tool calls that it asks for."""
    if not isinstance(message, Mapping):
        return "message", _plain(message)
    content = message.get("content")
    parts = [content] if isinstance(content, str) else list(map(_block, content or ()))
    asked = message.get("tool_calls") or ()
    calls = [f"→ {call.get('name')}({_plain(call.get('args'))})" for call in asked if isinstance(call, Mapping)]
    role = str(message.get("role", "message"))
    name = message.get("name")
    return f"{role} {name}" if name else role, "\n".join(part for part in (*parts, *calls) if part)


def _block(block: Any) -> str:
    if isinstance(block, Mapping):
        text = block.get("text")
        return text if isinstance(text, str) else media(block) or thoughts(block) or _plain(block)
    return _plain(block)


def _arguments(inputs: Any) -> list[tuple[str, str]]:
    if isinstance(inputs, Mapping):
        return [(str(name), _plain(value)) for name, value in inputs.items()]
    return [("input", _plain(inputs))]


def _document(found: Any) -> str:
    if isinstance(found, Mapping) and isinstance(found.get("text"), str):
        about = found.get("metadata")
        return f"{found['text']}\n{_plain(about)}" if about else str(found["text"])
    return _plain(found)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return readable(value)
    return json.dumps(abridged(value), ensure_ascii=False, default=str)


def _outcome(call: Call) -> Any:
    return call.kind, call.node, call.name, _without_ids(call.output), call.error


def _without_ids(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_ids(item) for key, item in value.items() if key not in ("id", "tool_call_id")}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value
