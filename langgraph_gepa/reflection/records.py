"""Writes a record for the reflection prompt: what one rollout shows about one module."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from langgraph_gepa.core import matching
from langgraph_gepa.core.excerpt import Block, Piece, elide, escape, joined
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.opaque import abridged, readable, thoughts
from langgraph_gepa.core.placeholders import Part, parts_or_whole
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.reflection.instructions import OWN_TEXT

_ROLES = {"human": "user", "ai": "assistant"}
Written = Counter[tuple[str, ...]]
_LONGEST_THOUGHT = 1_000  # characters of a model's own reasoning: enough to see where it went wrong


@dataclass(frozen=True, slots=True)
class Record:
    """One rollout to reflect on: the example's `inputs`, what became of them, and the example's `reference` outputs.

    A reflection model reads the reference only where the metric gives no words.
    """

    inputs: Any
    rollout: Rollout
    reference: Any = None


def calls_of(module: Module, rollout: Rollout) -> tuple[Call, ...]:
    """Returns the module's own calls in order: those credited to it, and retrievals of the nodes that use it.

    When no call is credited to it (its text was altered on the way to the model and not recognised), the calls of its
    nodes that are credited to no module count as its own.
    """

    def anonymous(call: Call) -> bool:
        return not call.modules and call.node in module.nodes

    if any(module.name in call.modules for call in rollout.calls):
        return tuple(
            call
            for call in rollout.calls
            if module.name in call.modules or (call.kind == "retrieval" and anonymous(call))
        )
    return tuple(call for call in rollout.calls if anonymous(call))


def record_blocks(module: Module, text: str, record: Record) -> tuple[Block, Block, Block]:
    """Returns the inputs, the module's own calls under `text`, and the outcome, all escaped."""
    written: Written = Counter()
    inputs = list(_fields("input", record.inputs, written)) or [Piece("(none)")]
    calls = list(_calls(module, text, record, written)) or [
        Piece("(none: this module did not run here; judge by the outcome whether its text had a part in that)")
    ]
    outcome = list(_outcome(record, written)) or [Piece("(nothing)")]
    return _escaped(inputs), _escaped(calls), _escaped(outcome)


def reference_text(record: Record) -> str:
    """The reference outputs, key by key."""
    return joined(_escaped(list(_fields("output", record.reference, Counter()))))


def _escaped(block: Block) -> Block:
    return tuple(Piece(escape(piece.label), escape(readable(piece.text))) for piece in block)


def _fields(label: str, value: Any, written: Written) -> Iterable[Piece]:
    """Yields a state key by key, and conversations message by message without those that are written already."""
    if not isinstance(value, Mapping):
        yield Piece(label, _plain(value))
        return
    for key, item in value.items():
        if _is_conversation(item):
            yield from _conversation(f"{key}: {_count(item)}", item, written, always=item[-1:])
        else:
            yield Piece(str(key), "null" if item is None else _plain(item) or '""')


def _outcome(record: Record, written: Written) -> Iterable[Piece]:
    outputs, error = record.rollout.outputs, record.rollout.error
    if isinstance(outputs, Mapping) and isinstance(record.inputs, Mapping):
        same = [key for key, item in outputs.items() if key in record.inputs and record.inputs[key] == item]
        yield from _fields("output", {key: item for key, item in outputs.items() if key not in same}, written)
        if same:
            yield Piece("unchanged from the inputs", ", ".join(map(str, same)))
    elif outputs is not None:
        yield from _fields("output", outputs, written)
    if error is not None:
        yield Piece("the run failed", error)


def _calls(module: Module, text: str, record: Record, written: Written) -> Iterable[Piece]:
    for number, call in enumerate(calls_of(module, record.rollout), 1):
        place = f" in node {call.node}" if call.node else ""
        title = f"call {number}, {call.kind} {call.name}{place}"
        if call.kind == "model":
            messages = call.inputs or []
            yield from _conversation(
                f"{title}, got {_count(messages)}",
                messages,
                written,
                module=module,
                text=text,
                inputs=record.inputs,
            )
            if call.output is not None:
                written[_identity(call.output)] += 1
                yield from _message(call.output, "replied")
        elif call.kind == "tool":
            yield Piece(title, _plain(call.inputs))
            if call.error is None:
                written[_identity({"role": "tool", "content": _plain(call.output)})] += 1
                yield Piece("returned", _plain(call.output) or '""')
        else:
            yield Piece(title, _plain(call.inputs))
            yield from (Piece(f"found {n}", _found(found)) for n, found in enumerate(call.output or (), 1))
        if call.error is not None:
            yield Piece("failed", call.error)


def _conversation(
    title: str,
    messages: Sequence[Any],
    written: Written,
    *,
    always: Sequence[Any] = (),
    module: Module | None = None,
    text: str = "",
    inputs: Any = None,
) -> Iterable[Piece]:
    """Yields the messages that are not written yet; `written` counts them, so that one sent twice is written twice."""
    here: Written = Counter()
    pieces: list[Piece] = []
    repeated = 0
    for message in messages:
        identity = _identity(message)
        here[identity] += 1
        if here[identity] <= written[identity] and not any(message is kept for kept in always):
            repeated += 1
        else:
            pieces += _message(message) if module is None else _without_text(module, text, inputs, message)
    written |= here
    yield Piece(f"{title}, {repeated} of them shown above" if repeated else title)
    yield from pieces


def _message(message: Any, label: str | None = None, content: str | None = None) -> list[Piece]:
    if not isinstance(message, Mapping):
        return [Piece(label or "message", _plain(message))]
    words = _content(message) if content is None else content
    tool_calls = message.get("tool_calls") or ()
    thought = _thoughts(message)
    pieces = [Piece("thought", elide(thought, _LONGEST_THOUGHT))] if thought else []
    pieces += [Piece(label or _role(message), words or '""')] if words or not tool_calls else []
    pieces += [Piece(f"asked for tool {call.get('name')}", _plain(call.get("args"))) for call in tool_calls]
    return pieces


def _without_text(module: Module, text: str, inputs: Any, message: Any) -> list[Piece]:
    """Returns the message with `OWN_TEXT` in place of the module's text, and the values of its placeholders."""
    content = _content(message) if isinstance(message, Mapping) else _plain(message)
    own = text.strip()
    split = [Part(own)] if own in content else parts_of(own, module)
    match = matching.locate(content, [part.literal for part in split])
    if match is None:
        return _message(message)
    pieces = _message(message, content=content[: match.start] + OWN_TEXT + content[match.end :])
    values = (content[start:end] for start, end in match.holes)
    known = {item: key for key, item in inputs.items() if isinstance(item, str)} if isinstance(inputs, Mapping) else {}
    for written, value in dict(zip((part.written for part in split), values, strict=False)).items():
        same = f"(the input {known[value]})" if value in known else value
        pieces.append(Piece(f"with {written}", same or '""'))
    return pieces


def parts_of(text: str, module: Module) -> list[Part]:
    """Splits a text of the module's; a broken one is one literal."""
    return parts_or_whole(text, module.style, module.placeholders)


def _found(document: Any) -> str:
    if not isinstance(document, Mapping) or not isinstance(document.get("text"), str):
        return _plain(document)
    about = document.get("metadata")
    return f"{_plain(about)} {document['text']}" if about else document["text"]


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _count(messages: Sequence[Any]) -> str:
    return "1 message" if len(messages) == 1 else f"{len(messages)} messages"


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "content" in value and ("role" in value or "type" in value)


def _role(message: Mapping[str, Any]) -> str:
    role = str(message.get("role") or message.get("type") or "message")
    return _ROLES.get(role, role)


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(filter(None, map(_part, content)))
    return _plain(content)


def _part(part: Any) -> str:
    """Returns the text of one block of a message; empty for thoughts."""
    if not isinstance(part, Mapping):
        return _plain(part)
    if thoughts(part) is not None:
        return ""
    return str(part["text"]) if isinstance(part.get("text"), str) else _plain(part)


def _thoughts(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return "\n".join(filter(None, (thoughts(part) for part in parts if isinstance(part, Mapping))))


def _identity(message: Any) -> tuple[str, ...]:
    """Returns a key that is equal for messages with equal content, whatever their ids."""
    if not isinstance(message, Mapping):
        return (_plain(message),)
    content = _content(message)
    if content.lstrip().startswith(("{", "[")):  # tool output as a message and as a call may differ in JSON spacing
        with suppress(ValueError, RecursionError):
            content = json.dumps(json.loads(content), sort_keys=True)
    tool_calls = [(call.get("name"), call.get("args")) for call in message.get("tool_calls") or ()]
    return _role(message), content, json.dumps(tool_calls, sort_keys=True, default=str) if tool_calls else ""


def _plain(value: Any) -> str:
    if value is None:
        return ""
    value = value if isinstance(value, str) else abridged(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
