"""Says which node a call belongs to and which modules: each module reflects on its own calls and no others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph_gepa.adapter.tracing.message_text import strings
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core import matching, placeholders
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Call

ELSEWHERE = 12
"""Letters from which a text is recognised in the calls of a node that is not its own."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A module that calls may belong to, with the literals of its text."""

    module: Module
    literals: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.module.name

    @property
    def is_prompt(self) -> bool:
        return self.module.kind == "prompt"

    def is_near(self, node: str) -> bool:
        """Whether the module is used in this node or another of its graph."""
        graph = node.rpartition("/")[0]
        return any(where == node or where.rpartition("/")[0] == graph for where in self.module.nodes)

    def is_in(self, texts: Iterable[str]) -> bool:
        return any(matching.carries(text, self.literals, self.module.style) for text in texts)


def attribute(watched: Sequence[WatchedCall], modules: Sequence[Module], texts: Texts) -> tuple[Call, ...]:
    """Returns the watched calls with `modules` filled in. `texts` are those the graph was bound to.

    - A model call belongs to the prompt modules of its node whose text its messages carry. When none is found, it
      belongs to all of the node's, except those that are replaced in messages and so must be found there. It also
      belongs to the tool and schema modules that it offered.
    - A tool call belongs to the prompt modules of the model call that requested it, and to its own tool module.
      A retrieval inside a tool call belongs to the same modules as that call.
    - A tool call or retrieval that no model requested belongs to the prompt modules of its node.
    - Where a node has no modules of its own, a call belongs to the prompts that it carries.

    Tool calls that one model call requested stand in the order of the requests, not in the order in which their
    threads happened to start.
    """
    known = [
        _Candidate(one, placeholders.literals(texts.get(one.name, one.text), one.style, one.placeholders))
        for one in modules
    ]
    owners: list[set[str]] = []
    for position, seen in enumerate(watched):
        if seen.call.kind == "model":
            schemas = (*seen.schemas, *_written_schemas(seen.call))
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
    return tuple(calls[position] for position in _in_order_of_requests(watched))


def _in_order_of_requests(watched: Sequence[WatchedCall]) -> list[int]:
    """The positions of the calls, those of tool calls that one model call requested in the order of its requests."""
    order = list(range(len(watched)))
    by_caller: dict[int, list[tuple[int, int]]] = {}
    for position, seen in enumerate(watched):
        if seen.call.kind == "tool" and (caller := _caller(seen, watched[:position])) is not None:
            ids = [request.get("id") for request in _requests(watched[caller].call.output)]
            if seen.tool_call_id in ids:
                by_caller.setdefault(caller, []).append((ids.index(seen.tool_call_id), position))
    for requested in by_caller.values():
        positions = sorted(position for _, position in requested)
        for place, (_, position) in zip(positions, sorted(requested), strict=True):
            order[place] = position
    return order


def _prompts(call: Call, known: Sequence[_Candidate]) -> set[str]:
    texts = [text for message in call.inputs for text in strings(message.get("content"))]
    own = _of_node(call.node, known)
    if own:
        return {one.name for one in own if one.is_in(texts)} or {one.name for one in own if not one.module.note}
    long = [one for one in known if one.is_prompt and sum(map(len, one.literals)) >= ELSEWHERE]
    carried = [one for one in long if one.is_in(texts)]
    above = [one for one in carried if any(call.node.startswith(f"{outer}/") for outer in one.module.nodes)]
    return {one.name for one in above or carried}


def _written_schemas(call: Call) -> Iterator[str]:
    """What messages contain of the format of the answer, as an output parser writes it: JSON within text."""
    for message in call.inputs:
        for text in strings(message.get("content")):
            if '"description"' in text:
                yield text.replace("\\n", "\n").replace('\\"', '"')


def _of_node(node: str, known: Sequence[_Candidate]) -> list[_Candidate]:
    return [one for one in known if one.is_prompt and node in one.module.nodes]


def _offered(schemas: Sequence[Any], node: str, known: Sequence[_Candidate]) -> set[str]:
    """The tool and schema modules described in `schemas`; of several with one text, those near `node`."""
    texts = list(strings(schemas))
    together = "\n".join(texts)  # one search rules out most of a few hundred descriptions
    carried = [one for one in known if not one.is_prompt and one.is_in([together]) and one.is_in(texts)]
    chosen = set()
    for one in carried:
        twins = [other for other in carried if other.literals == one.literals]
        if len(twins) == 1 or one.is_near(node) or not any(twin.is_near(node) for twin in twins):
            chosen.add(one.name)
    return chosen


def _tool_call(
    seen: WatchedCall, before: Sequence[WatchedCall], owners: Sequence[set[str]], known: Sequence[_Candidate]
) -> set[str]:
    caller = _caller(seen, before)
    if caller is None:
        prompts = {one.name for one in _of_node(seen.call.node, known)}
        return prompts | _offered(seen.schemas, seen.call.node, known)
    prompts = {one.name for one in known if one.is_prompt and one.name in owners[caller]}
    schemas = [schema for schema in before[caller].schemas if _schema_name(schema) == seen.call.name]
    return prompts | _offered(schemas or seen.schemas, before[caller].call.node, known)


def _caller(seen: WatchedCall, before: Sequence[WatchedCall]) -> int | None:
    """The position of the latest model call that requested this tool call: by id, else by name and arguments."""
    requests = [
        (position, request)
        for position in range(len(before) - 1, -1, -1)
        if before[position].call.kind == "model"
        for request in _requests(before[position].call.output)
        if request.get("name") == seen.call.name
    ]
    by_id = (at for at, request in requests if seen.tool_call_id is not None and request.get("id") == seen.tool_call_id)
    by_arguments = (at for at, request in requests if request.get("args") == seen.call.inputs)
    return next(itertools.chain(by_id, by_arguments), None)


def _requests(output: Any) -> Sequence[Mapping[str, Any]]:
    return output.get("tool_calls", ()) if isinstance(output, Mapping) else ()


def _schema_name(schema: Any) -> str:
    described = schema.get("function", schema) if isinstance(schema, Mapping) else {}
    return str(described.get("name", "")) if isinstance(described, Mapping) else ""


def node_path(metadata: Mapping[str, Any], above: str = "") -> str:
    """Returns the path of nodes that a callback came from; `above` is the path of its parent run.

    `langgraph_checkpoint_ns` reads `support:<uuid>|model:<uuid>`; a number without an id counts the calls of one
    subgraph inside one node and is no node, which may be called `007`.
    """
    namespace = metadata.get("langgraph_checkpoint_ns")
    if isinstance(namespace, str) and namespace:
        parts = (part.partition(":") for part in namespace.split("|"))
        return "/".join(name for name, colon, _ in parts if name and (colon or not name.isdigit()))
    node = metadata.get("langgraph_node")
    if not isinstance(node, str) or not node or above.rpartition("/")[2] == node:
        return above
    return f"{above}/{node}" if above else node
