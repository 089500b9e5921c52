"""Checks whether a graph's state takes the inputs of examples, and converts them to what it takes.

LangGraph silently drops inputs that its state has no key for.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from langgraph_gepa.adapter.objects.schemas import hints
from langgraph_gepa.core.example import Example, RoleDict, in_message
from langgraph_gepa.errors import ExampleError


def dropped_inputs(taken: Sequence[str] | None, examples: Iterable[Example]) -> str | None:
    """Returns a warning of the inputs that a graph drops which takes the `taken`; `None` when it takes them all.

    `taken` is as `taken_inputs` returns it. Raises `ExampleError` for an example of whose inputs it would take none.
    """
    if taken is None:
        return None
    lost: dict[str, None] = {}
    for example in examples:
        unknown = [name for name in example.inputs if name not in taken]
        if example.inputs and len(unknown) == len(example.inputs):
            raise ExampleError(
                f"The graph takes none of the inputs of example {example.id!r}: {_listed(unknown)}"
                f"{_meant(unknown[0], taken)} It takes {_listed(taken)}."
            )
        lost |= dict.fromkeys(unknown)
    if not lost:
        return None
    return f"The graph drops these inputs of the examples: {_listed(lost)}. It takes {_listed(taken)}."


def taken_inputs(graph: Any) -> list[str] | None:
    """Returns the keys that the graph's input may have; `None` where the state is no mapping, or it takes anything."""
    builder = getattr(graph, "builder", None)
    if builder is None:
        return None
    keys = list(builder.schemas[builder.input_schema])
    return None if "__root__" in keys else keys


def require_one_turn(graph: Any, example: Example) -> None:
    """Raises `ExampleError` for a list of lists of messages where the graph's state has one list of messages."""
    for name, annotation in _types(graph).items():
        value = example.inputs.get(name)
        if isinstance(value, list) and any(map(_is_turn, value)) and _holds_one_list(annotation):
            raise ExampleError(
                f"Example {in_message(example)} has several turns in {name!r}, each a list of messages. An example is "
                "one call of the graph: make one of each turn, with the messages before it in front."
            )


def _is_turn(value: Any) -> bool:
    """Whether a value is a list of messages. LangChain takes a pair that begins with a role for a single message."""
    return isinstance(value, list) and not (len(value) == 2 and isinstance(value[0], str))


def with_messages(graph: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with messages in place of role dicts, where the state's type or the example asks for messages.

    Examples are plain data. A reducer such as `add_messages` converts role dicts to messages; a state without one
    passes its nodes whatever the graph was given.
    """
    typed = _types(graph)
    return {
        name: _messages(value) if _holds_messages(typed.get(name)) else _restored(value)
        for name, value in inputs.items()
    }


def _types(graph: Any) -> Mapping[str, Any]:
    """The types of the keys of the graph's input, as far as they are known."""
    schema = getattr(getattr(graph, "builder", None), "input_schema", None)
    return hints(schema) if isinstance(schema, type) else {}


def _holds_one_list(annotation: Any) -> bool:
    """Whether a type is a list of messages, and not of lists of them."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    items = typing.get_args(annotation)
    nested = any(isinstance(origin := typing.get_origin(item), type) and issubclass(origin, list) for item in items)
    return not nested and _holds_messages(annotation)


def _holds_messages(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseMessage):
        return True
    return any(map(_holds_messages, typing.get_args(annotation)))


def _messages(value: Any) -> Any:
    if isinstance(value, list):
        return [_messages(one) for one in value]
    is_message = isinstance(value, Mapping) and value.keys() >= {"role", "content"}
    return _message(value) if is_message else _restored(value)


def _restored(value: Any) -> Any:
    if isinstance(value, RoleDict):
        return _message(value)
    if isinstance(value, list):
        return [_restored(one) for one in value]
    return {name: _restored(one) for name, one in value.items()} if isinstance(value, dict) else value


def _message(value: Any) -> Any:
    try:
        return convert_to_messages([value])[0]
    except ValueError:  # a role that LangChain does not know
        return value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _meant(name: str, taken: Iterable[str]) -> str:
    close = get_close_matches(name, taken, n=1)
    return f"; did you mean {close[0]!r}?" if close else "."
