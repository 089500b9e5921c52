"""Writes events, rollouts and replies as JSON text, and reads them back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import GenericAlias
from typing import Any, TypeVar, cast, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from langgraph_gepa.core.bounded_json import read_json
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import RunError

T = TypeVar("T")

_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_UPGRADE = "which only a newer langgraph-gepa writes. Upgrade with `pip install -U langgraph-gepa`."
_DAMAGED = "so it is damaged. Go on from a copy of its folder."
_NEWER = {"extra_forbidden", "unexpected_keyword_argument", "literal_error"}
"""Pydantic's names for a field, or a value of a closed set, that this version does not know."""


def dump(value: Event | Rollout | Reply) -> str:
    """Returns one JSON object in ASCII: the fields, and the name of the type under `"type"`.

    Plain JSON data comes back equal, NUL, NaN, infinities and lone surrogates included (a
    high and a low surrogate side by side come back as the one character they stand for).
    Other objects inside an `Any` field are written as their `repr`.
    """
    return _ENCODER.encode({"type": type(value).__name__, **_fields(value)})


def load(kind: type[T], text: str) -> T:
    """Reads a value of type `kind` that `dump` wrote.

    Raises `RunError` when the text is damaged or was written by a newer version.
    """
    data = _parsed(text)
    name = data.pop("type", None)
    if name != kind.__name__:
        raise RunError(f"The run holds a {name} where a {kind.__name__} belongs, {_DAMAGED}")
    return _built(kind, data)


def load_event(text: str) -> Event:
    """Reads an event that `dump` wrote. Raises `RunError` as `load` does."""
    data = _parsed(text)
    name = data.pop("type", None)
    kind = _EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise RunError(f"The run holds an event of type {name!r}, {_UPGRADE}")
    return _built(kind, data)


def _fields(value: Any) -> dict[str, Any]:
    # What `dataclasses.fields` would give, without its search through all of them for each line of the journal.
    fields = {name: getattr(value, name) for name in type(value).__dataclass_fields__}
    if isinstance(value, Rollout):
        fields["feedback"] = _fields(value.feedback)  # as the dict that it is too, it would lose what is by module
    return fields


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    return repr(value)


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"))


def _parsed(text: str) -> dict[str, Any]:
    data = read_json(text)
    if not isinstance(data, dict):
        raise RunError(f"The run holds a record that is no JSON object, {_DAMAGED}")
    return data


# Pydantic takes a config for a list of dataclasses, which they inherit, and refuses it for a bare dataclass.
_CONFIG = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)
_READERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(cast("Any", GenericAlias(list, (kind,))), config=_CONFIG)
    for kind in (*_EVENTS.values(), Rollout, Reply)
}


def _built(kind: type[T], data: dict[str, Any]) -> T:
    try:
        built: T = _READERS[kind].validate_python([data])[0]
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        newer = [problem for problem in problems if problem["type"] in _NEWER]
        first = (newer or problems)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        what = f"a {kind.__name__} with an unexpected {where!r} ({first['msg'].lower()})"
        raise RunError(f"The run holds {what}, {_UPGRADE if newer else _DAMAGED}") from error
    return built
