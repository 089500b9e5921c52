"""Requests to the servers that run rollouts, and their replies, as JSON text.

Each is one ASCII text, so that nothing on the way (a database that rejects NUL, an encoder without NaN) changes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from langgraph_gepa import errors
from langgraph_gepa.adapter.failures.reported import Findings
from langgraph_gepa.adapter.tracing.traces import TracedRun
from langgraph_gepa.core.bounded_json import first_problem, read_json
from langgraph_gepa.core.example import Example, RoleDict
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.purpose import Purpose
from langgraph_gepa.errors import Error, RunError, UsageError

T = TypeVar("T")

GRAPH = "rollouts"
"""The name under which `langgraph.json` lists the graph that `serve` makes."""

NODE = "rollout"
"""The only node of that graph."""

PROTOCOL = 1
"""The version of the protocol. Increase it with every change that makes old servers or clients misread a message."""

Wanted = Literal["describe", "rollout", "again", "effects"]
"""Describe the graph; run a rollout; score an existing rollout again; list texts without effect."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a server.

    - `session`: the id of the search; `modules`: the names of the modules that it optimises.
    - `token`: for `again`, identifies the rollout to be scored again.
    - `run`, `purpose`: what the server's traces of the rollout are labelled with; `None` where the client is too old.
    - `sent`: when the request was made, in Unix time by the server's clock; 0 if unknown.
    """

    wants: Wanted
    session: str = ""
    modules: tuple[str, ...] = ()
    texts: Texts = field(default_factory=dict)
    example: Example | None = None
    token: str = ""
    sent: float = 0.0
    run: TracedRun | None = None
    purpose: Purpose | None = None
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a server: what the local evaluator would have returned or raised.

    - `rollout`: the rollout. With a `failure`, the rollout that counts if trying again does not help; `ended` says
      whether the graph itself ran to its end, and a request for `token` scores it again.
    - `error`: class name and message of an error of this package.
    - `spent`: the usage of all model calls.
    - `no_effect`: modules whose new texts are proved to have no effect; `arrived`: those whose new texts arrive.
    """

    rollout: Rollout | None = None
    failure: Findings | None = None
    ended: bool = False
    token: str = ""
    error: tuple[str, str] | None = None
    spent: Usage = Usage()
    description: Mapping[str, Any] | None = None
    no_effect: Mapping[str, NoEffect] = field(default_factory=dict)
    arrived: tuple[str, ...] = ()
    protocol: int = PROTOCOL


def dump_request(request: Request) -> str:
    data: dict[str, Any] = asdict(replace(request, example=None))
    if (example := request.example) is not None:
        messages = [list(path) for path in _messages(example.inputs)]
        data["example"] = {**asdict(example), "messages": messages}
    return json.dumps(data)


def load_request(text: str) -> Request:
    """Reads a request. Raises `UsageError` for one that this version does not understand."""
    data = _parsed(text)
    example = data.pop("example", None)
    if example is not None:
        for path in example.pop("messages"):
            _make_message(example["inputs"], path)
    return _built(_REQUEST, {**data, "example": None if example is None else Example(**example)})


def dump_reply(reply: Reply) -> str:
    data = _REPLY.dump_python(replace(reply, rollout=None), mode="json")
    return json.dumps({**data, "rollout": None if reply.rollout is None else dump(reply.rollout)})


def load_reply(text: str) -> Reply:
    """Reads a reply. Raises `UsageError` for one that this version does not understand."""
    data = _parsed(text)
    rollout = data.pop("rollout", None)
    return _built(_REPLY, {**data, "rollout": None if rollout is None else load(Rollout, rollout)})


def error_named(name: str, text: str) -> Error:
    """Returns the error of this package that another process raised."""
    kind = getattr(errors, name, None)
    return kind(text) if isinstance(kind, type) and issubclass(kind, Error) else UsageError(text)


def _messages(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the paths at which a value holds messages that were given as objects: JSON has no type for them."""
    if isinstance(value, RoleDict):
        yield path
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _messages(one, (*path, key))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _messages(one, (*path, index))


def _make_message(inputs: Any, path: list[Any]) -> None:
    """Puts the message that stands at `path` back into the form in which it was given."""
    *above, last = path
    for key in above:
        inputs = inputs[key]
    inputs[last] = RoleDict(inputs[last])


_REQUEST, _REPLY = TypeAdapter(Request), TypeAdapter(Reply)


def _parsed(text: str) -> dict[str, Any]:
    try:
        data: Any = read_json(text)
    except RunError:
        raise UsageError("A message about a rollout is not JSON: only langgraph-gepa sends and reads them.") from None
    protocol = data.get("protocol") if isinstance(data, dict) else None
    if protocol != PROTOCOL:
        raise UsageError(
            f"The other side uses version {protocol} of the protocol for rollouts, and this side version {PROTOCOL}. "
            "Install the same version of langgraph-gepa on both."
        )
    return dict(data)


def _built(kind: TypeAdapter[T], data: dict[str, Any]) -> T:
    try:
        return kind.validate_python(data)
    except ValidationError as error:
        raise UsageError(
            f"A message about a rollout cannot be read ({first_problem(error)}). Install the same version of "
            "langgraph-gepa on both sides."
        ) from None
