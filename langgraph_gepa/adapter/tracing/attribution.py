"""Whose calls are whose: each module's reflection sees its own calls and no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core import placeholders
from langgraph_gepa.core.json_data import well_formed
from langgraph_gepa.core.module import Module, Style, Texts
from langgraph_gepa.core.rollout import Call

TOLD_APART = 12  # letters that a text needs to be recognised away from its own node


@dataclass(frozen=True, slots=True)
class _Known:
    module: Module
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.module.name

    @property
    def is_prompt(self) -> bool:
        return self.module.kind == "prompt"

    def in_any(self, strings: Iterable[str]) -> bool:
        return any(carries(text, self.parts, self.module.style) for text in strings)


def attribute(watched: Sequence[WatchedCall], modules: Sequence[Module], texts: Texts) -> tuple[Call, ...]:
    """The watched calls with `modules` filled in. `texts` are those the graph was bound to.

    - A model call belongs to the prompt modules of its node whose text its messages carry (to
      all of the node's when none is found, but for those that are replaced in messages and so must be found there),
      and to the tool and schema modules it offered.
    - A tool call belongs to the prompt modules of the model call that asked for it, and to its
      own tool module. A retrieval inside a tool call goes with that call.
    - What no model asked for belongs to the prompt modules of its node.
    - Where a node has no modules of its own, a call belongs to the prompts it really carries.

    Tool calls that one model call asked for stand in the order it asked, not in the order their
    threads happened to start.
    """
    known = [
        _Known(module, literals(texts.get(module.name, module.text), module.style, module.placeholders))
        for module in modules
    ]
    owners: list[set[str]] = []
    for position, seen in enumerate(watched):
        if seen.call.kind == "model":
            schemas = (*seen.schemas, *_in_messages(seen.call))
            found = _prompts(seen.call, known) | _offered(schemas, seen.call.node, known)
        elif seen.call.kind == "tool":
            found = _tool_call(seen, watched[:position], owners, known)
        elif seen.enclosing_tool is not None:
            found = owners[seen.enclosing_tool]
        else:
            found = {one.name for one in _of_node(seen.call.node, known)}
        owners.append(found)
    named = [tuple(one.name for one in known if one.name in found) for found in owners]
    calls = [replace(seen.call, modules=names) for seen, names in zip(watched, named, strict=True)]
    return tuple(calls[position] for position in _as_asked(watched))


def _as_asked(watched: Sequence[WatchedCall]) -> list[int]:
    """Positions in order, those of tool calls with one asker swapped into the order of its requests."""
    order = list(range(len(watched)))
    together: dict[int, list[tuple[int, int]]] = {}
    for position, seen in enumerate(watched):
        if seen.call.kind == "tool" and (asker := _asker(seen, watched[:position])) is not None:
            ids = [request.get("id") for request in _requests(watched[asker].call.output)]
            if seen.tool_call_id in ids:
                together.setdefault(asker, []).append((ids.index(seen.tool_call_id), position))
    for asked in together.values():
        for place, (_, position) in zip(sorted(position for _, position in asked), sorted(asked), strict=True):
            order[place] = position
    return order


def literals(text: str, style: Style, tokens: Sequence[str] = ()) -> tuple[str, ...]:
    """What `text` says between its placeholders, in order, without outer white space."""
    return placeholders.literals(well_formed(text), style, tokens)


def carries(message: str, parts: Sequence[str], style: Style = "plain") -> bool:
    """Whether the parts stand in `message` in order, anything between them.

    Of mustache and jinja2 texts, whose branches may be left out, half of the characters is enough.
    """
    if style in ("mustache", "jinja2"):
        there = sum(len(part) for part in parts if part in message)
        return 0 < there >= sum(map(len, parts)) / 2
    at = 0
    for part in parts:
        found = message.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return bool(parts)


def _prompts(call: Call, known: Sequence[_Known]) -> set[str]:
    said = [text for message in call.inputs for text in _strings(message.get("content"))]
    own = _of_node(call.node, known)
    if own:
        return {one.name for one in own if one.in_any(said)} or {one.name for one in own if not one.module.note}
    others = [one for one in known if one.is_prompt and sum(map(len, one.parts)) >= TOLD_APART]
    carried = [one for one in others if one.in_any(said)]
    above = [one for one in carried if any(_holds(node, call.node) for node in one.module.nodes)]
    return {one.name for one in above or carried}


def _in_messages(call: Call) -> Iterator[str]:
    """What messages say of the format of the answer, as an output parser writes it: JSON within text."""
    for message in call.inputs:
        for text in _strings(message.get("content")):
            if '"description"' in text:
                yield text.replace("\\n", "\n").replace('\\"', '"')


def _of_node(node: str, known: Sequence[_Known]) -> list[_Known]:
    return [one for one in known if one.is_prompt and node in one.module.nodes]


def _holds(outer: str, node: str) -> bool:
    return node.startswith(f"{outer}/")


def _offered(schemas: Sequence[Any], node: str, known: Sequence[_Known]) -> set[str]:
    """The tool and schema modules described in `schemas`; of several with one text, those near `node`."""
    strings = [text for schema in schemas for text in _strings(schema)]
    carried = [one for one in known if not one.is_prompt and one.in_any(strings)]
    chosen = set()
    for one in carried:
        twins = [other for other in carried if other.parts == one.parts]
        if len(twins) == 1 or _near(one, node) or not any(_near(twin, node) for twin in twins):
            chosen.add(one.name)
    return chosen


def _near(one: _Known, node: str) -> bool:
    graph = node.rpartition("/")[0]
    return any(where == node or where.rpartition("/")[0] == graph for where in one.module.nodes)


def _tool_call(
    seen: WatchedCall, before: Sequence[WatchedCall], owners: Sequence[set[str]], known: Sequence[_Known]
) -> set[str]:
    asker = _asker(seen, before)
    if asker is None:
        asked = {one.name for one in _of_node(seen.call.node, known)}
        return asked | _offered(seen.schemas, seen.call.node, known)
    asked = {one.name for one in known if one.is_prompt and one.name in owners[asker]}
    schemas = [schema for schema in before[asker].schemas if _schema_name(schema) == seen.call.name]
    return asked | _offered(schemas or seen.schemas, before[asker].call.node, known)


def _asker(seen: WatchedCall, before: Sequence[WatchedCall]) -> int | None:
    """The latest model call that asked for this tool call: by id, else by name and arguments."""
    requests = [
        (position, request)
        for position in range(len(before) - 1, -1, -1)
        if before[position].call.kind == "model"
        for request in _requests(before[position].call.output)
    ]
    if seen.tool_call_id is not None:
        for position, request in requests:
            if request.get("id") == seen.tool_call_id and request.get("name") == seen.call.name:
                return position
    for position, request in requests:
        if request.get("name") == seen.call.name and request.get("args") == seen.call.inputs:
            return position
    return None


def _requests(output: Any) -> Sequence[Mapping[str, Any]]:
    return output.get("tool_calls", ()) if isinstance(output, Mapping) else ()


def _schema_name(schema: Any) -> str:
    described = schema.get("function", schema) if isinstance(schema, Mapping) else {}
    return str(described.get("name", "")) if isinstance(described, Mapping) else ""


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
