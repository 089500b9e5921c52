"""Writes texts into an assistant of LangGraph Server: a new version of it, where prompts are fields of its context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from langgraph_sdk.client import LangGraphClient

from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import UsageError
from langgraph_gepa.server.common_description import refusal
from langgraph_gepa.server.workers import Worker

_NEITHER = "neither an assistant with the id {0!r} nor a graph of that name"


@dataclass(frozen=True, slots=True)
class PushedAssistant:
    """The result of pushing texts to an assistant.

    - `version`: the new version, `None` if nothing had to change; `is_default`: whether it is the one in use.
    - `fields`: the context field that was written, by module; `done`: modules whose field had the new text already.
    - `left_out`: by module, why a new text was not written.
    """

    assistant: str
    version: int | None
    is_default: bool
    fields: Mapping[str, str]
    done: tuple[str, ...]
    left_out: Mapping[str, str]


def field_of(module: Module, new: str, texts: Mapping[str, Any]) -> str | None:
    """Returns the context field that holds the module's text, or its `new` text already; `None` if none can be named.

    If several fields hold the text, it is the one with the module's name, and `None` if no field has that name. `texts`
    are the values of the fields.
    """
    fields = [name for name, text in texts.items() if text in (module.text, new)]
    named = [name for name in fields if name == module.name]
    meant = named or fields
    return meant[0] if len(meant) == 1 else None


async def push(
    worker: Worker,
    assistant: str,
    modules: Sequence[Module],
    best: Texts,
    provenance: Mapping[str, Any],
    *,
    as_default: bool,
) -> PushedAssistant:
    """Makes a version of an assistant with the `best` texts of those `modules` that are fields of its context.

    `assistant` is its id, or the name of a graph for that graph's own assistant. The `provenance` becomes metadata of
    the version, which is put in use only with `as_default`. Raises `UsageError`.
    """
    try:
        return await _push(worker.client, assistant, modules, best, provenance, as_default)
    except httpx.HTTPStatusError as failure:
        if failure.response.status_code in (404, 422):
            raise UsageError(f"The server at {worker.url} has {_NEITHER.format(assistant)}.") from failure
        raise UsageError(refusal(worker, failure)) from failure
    except httpx.TransportError as failure:
        raise UsageError(f"The server at {worker.url} does not answer ({type(failure).__name__}).") from failure


async def _push(
    client: LangGraphClient,
    assistant: str,
    modules: Sequence[Module],
    best: Texts,
    provenance: Mapping[str, Any],
    as_default: bool,
) -> PushedAssistant:
    before = await _assistant(client, assistant)
    schemas = await client.assistants.get_schemas(before["assistant_id"])
    values: dict[str, Any] = dict(before.get("context") or before["config"].get("configurable") or {})
    texts = {**_defaults(schemas.get("context_schema") or schemas.get("config_schema") or {}), **values}
    fields, left_out = {}, {}
    for module in modules:
        if best[module.name] == module.text:
            continue
        if (field := field_of(module, best[module.name], texts)) is not None:
            fields[module.name] = field
        elif module.name in texts:
            left_out[module.name] = "its field holds another text than the one the run started from"
        else:
            left_out[module.name] = "no field of the context holds its text, so it can only be changed in the source"
    written = {name: field for name, field in fields.items() if texts[field] != best[name]}
    done = tuple(name for name in fields if name not in written)
    if not written:
        return PushedAssistant(before["assistant_id"], None, False, {}, done, left_out)
    context = {**values, **{field: best[name] for name, field in written.items()}}
    made = await client.assistants.update(before["assistant_id"], context=context, metadata=dict(provenance))
    if not as_default:
        await _put_back(client, before, values)
    return PushedAssistant(before["assistant_id"], made["version"], as_default, written, done, left_out)


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the default of each field in the JSON schema of a context, `None` for a field without a default."""
    properties = schema.get("properties") or {}
    return {name: one.get("default") for name, one in properties.items() if isinstance(one, Mapping)}


async def _assistant(client: LangGraphClient, name: str) -> Any:
    """The assistant with this id, or the one that the server made for the graph of this name."""
    try:
        return await client.assistants.get(str(UUID(name)))
    except ValueError:
        found = await client.assistants.search(graph_id=name, metadata={"created_by": "system"}, limit=1)
    if not found:
        raise UsageError(f"The server has {_NEITHER.format(name)}.")
    return found[0]


async def _put_back(client: LangGraphClient, before: Any, values: dict[str, Any]) -> None:
    """Puts the previous version back in use.

    The in-memory server keeps the newer context when it goes back to a version. The previous context is then written
    once more, as the newest version.
    """
    now = await client.assistants.set_latest(before["assistant_id"], before["version"])
    if (now.get("context") or {}) != (before.get("context") or {}):
        await client.assistants.update(before["assistant_id"], context=values, metadata=before["metadata"])
