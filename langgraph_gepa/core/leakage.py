"""Finds data leakage: examples that are scored although they were learned from, and repetitions within a set."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.json_data import ROLES

NAMES = {"feedback": "training", "pareto": "validation", "test": "test"}
_ROLES = {*ROLES, *ROLES.values(), "system", "developer", "tool"}
_OF_A_MESSAGE = ("name", "tool_calls", "tool_call_id")


@dataclass(frozen=True, slots=True)
class Leakage:
    """Leaked examples by set (`feedback`, `pareto`, `test`): those with equal inputs, whatever their ids.

    `repeated` counts examples with the inputs of an earlier example in the set. `learned` holds the ids of the
    validation examples that are training examples too, and of the test examples that are in either of the others.
    """

    repeated: Mapping[str, int] = field(default_factory=dict)
    learned: Mapping[str, frozenset[str]] = field(default_factory=dict)


def leakage(examples: Mapping[str, Sequence[Example]]) -> Leakage:
    """Finds the inputs that occur in several sets, or repeatedly in one."""
    keys = {name: [inputs_key(example) for example in examples.get(name, ())] for name in NAMES}
    feedback, either = set(keys["feedback"]), {*keys["feedback"], *keys["pareto"]}
    return Leakage(
        {name: len(found) - len(set(found)) for name, found in keys.items()},
        {
            name: frozenset(
                example.id for example, key in zip(examples.get(name, ()), keys[name], strict=True) if key in seen
            )
            for name, seen in (("pareto", feedback), ("test", either))
        },
    )


def warnings(found: Leakage, sizes: Mapping[str, int]) -> Iterator[str]:
    """Yields warnings for the user before anything is paid. `sizes` are the numbers of examples by set."""
    for name, other in (("pareto", "training"), ("test", "training or validation")):
        shared = len(found.learned.get(name, ()))
        if name == "pareto" and shared and shared == sizes["pareto"] == sizes["feedback"]:
            yield (
                "The validation examples are the training examples: their scores say how well these are solved, and "
                "little of new examples."
            )
        elif shared:
            yield (
                f"{shared:,} of {_counted(sizes[name], NAMES[name])} {'has' if shared == 1 else 'have'} the inputs of "
                f"a {other} example: prompts can learn the answers, so these scores say little of new examples."
            )
    for name, count in found.repeated.items():
        if count:
            yield (
                f"{count:,} of {_counted(sizes[name], NAMES[name])} {'repeats' if count == 1 else 'repeat'} the inputs "
                "of another one in the set: it tells less than its size."
            )


def _counted(size: int, name: str) -> str:
    return f"{size:,} {name} {'example' if size == 1 else 'examples'}"


def inputs_key(example: Example) -> str:
    """Returns a key that is equal for inputs that the graph treats alike, whatever the form of messages and text."""
    return digest(_canonical(example.inputs))


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        if (role := value.get("role") or value.get("type")) in _ROLES and "content" in value:
            return _message(role, value["content"], {key: value.get(key) for key in _OF_A_MESSAGE})
        return {key: _messages(item) if key == "messages" else _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value


def _messages(value: Any) -> Any:
    """Reads what LangGraph's `messages` accept: a text, a message or a list of them; a pair is a role with its text."""
    listed = value if isinstance(value, list | tuple) and not _is_pair(value) else [value]
    found = []
    for one in listed:
        if isinstance(one, str):
            one = ("user", one)
        found.append(_message(one[0], one[1], {}) if _is_pair(one) else _canonical(one))
    return found


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str) and value[0] in _ROLES


def _message(role: str, content: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(content, list) and all(isinstance(one, Mapping) and one.get("type") == "text" for one in content):
        content = "".join(str(one.get("text", "")) for one in content)
    kept = {key: _canonical(item) for key, item in more.items() if item}
    return {"role": ROLES.get(role, role), "content": _canonical(content), **kept}
