"""Handlers of graphs and their nodes: runnables, branches, and the classes of context and state."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from copy import copy as shallow
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph._node import StateNodeSpec
from langgraph.pregel import Pregel
from langgraph.pregel._read import PregelNode
from typing_extensions import override

from langgraph_gepa.adapter.objects import ownership, schemas
from langgraph_gepa.adapter.objects.handler import Copies, Handler, Step
from langgraph_gepa.adapter.objects.instances import Instance


class Builder(Handler):
    """An uncompiled graph. Steps: `node name`, `branch start name`, `context`, and `state class` for the user's classes
    in its state."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, StateGraph)

    @override
    def parts(self, value: StateGraph[Any, Any, Any, Any]) -> Iterator[tuple[Step, Any]]:
        yield from ((("node", name), spec) for name, spec in value.nodes.items())
        for start, branches in value.branches.items():
            yield from ((("branch", start, name), spec) for name, spec in branches.items())
        if value.context_schema is not None:
            yield ("context",), value.context_schema
        yield from ((("state", cls), cls) for cls in state_classes(value))

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        copy = shallow(value)
        copy.nodes = dict(value.nodes)
        copy.branches = shallow(value.branches)
        for start, branches in value.branches.items():
            copy.branches[start] = dict(branches)
        return copy

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        for step, part in changes.items():
            match step:
                case ("node", name):
                    copy.nodes[name] = part
                case ("branch", start, name):
                    copy.branches[start][name] = part
                case ("context",):
                    copy.context_schema = part


def state_classes(builder: StateGraph[Any, Any, Any, Any]) -> Iterator[type]:
    """The user's classes in the state of a graph, found in the annotations of its schemas."""
    met: dict[type, None] = {}
    todo = [schema for schema in builder.schemas if isinstance(schema, type)]
    while todo:
        cls = todo.pop(0)
        if cls not in met and ownership.own(cls.__module__):
            met[cls] = None
            todo += schemas.named(cls)
    yield from met


class Graph(Handler):
    """A compiled graph, copied without compiling it again. Steps: `node name`, `builder`, `context`."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, Pregel)

    @override
    def parts(self, value: Pregel[Any, Any, Any, Any]) -> Iterator[tuple[Step, Any]]:
        yield from ((("node", name), value.nodes[name]) for name in ordered_nodes(value))
        if isinstance(getattr(value, "builder", None), StateGraph):
            yield ("builder",), vars(value)["builder"]
        if value.context_schema is not None:
            yield ("context",), value.context_schema

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        copy = object.__new__(type(value))
        vars(copy).update(vars(value))
        copy.nodes = dict(value.nodes)
        return copy

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        for step, part in changes.items():
            match step:
                case ("node", name):
                    copy.nodes[name] = part
                case ("builder",):
                    copy.builder = part
                case ("context",):
                    copy.context_schema = part


def ordered_nodes(graph: Pregel[Any, Any, Any, Any]) -> list[str]:
    """The names of the nodes, breadth first from the start; then those that are not reached."""
    builder = getattr(graph, "builder", None)
    after = _successors(builder) if isinstance(builder, StateGraph) else {}
    met = dict.fromkeys([START])
    todo = deque([START])
    while todo:
        for name in after.get(todo.popleft(), ()):
            if name not in met and name != END:
                met[name] = None
                todo.append(name)
    return [name for name in dict.fromkeys([*met, *graph.nodes]) if name in graph.nodes]


def _successors(builder: StateGraph[Any, Any, Any, Any]) -> dict[str, list[str]]:
    order = {name: i for i, name in enumerate(builder.nodes)}
    after: dict[str, list[str]] = {}
    for start, end in builder._all_edges:
        after.setdefault(start, []).append(end)
    for start, branches in builder.branches.items():
        for spec in branches.values():
            after.setdefault(start, []).extend((spec.ends or {}).values())
    for name, node in builder.nodes.items():
        after.setdefault(name, []).extend(node.ends or ())
    return {start: sorted(ends, key=lambda name: order.get(name, len(order))) for start, ends in after.items()}


class Node(Instance):
    """A node of a graph: its runnable, its writers with the branches behind it, and the mapper of its input."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, PregelNode | StateNodeSpec)

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        for name in ("bound", "writers", "runnable", "mapper"):
            if hasattr(value, name):
                yield ("attr", name), getattr(value, name)

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        return shallow(value) if isinstance(value, StateNodeSpec) else super().shell(value, steps, copies)

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        super().fill(value, copy, changes, copies)
        if isinstance(copy, PregelNode) and any(sub is value.bound for sub in value.subgraphs):
            graphs: list[Any] = [copy.bound if sub is value.bound else sub for sub in value.subgraphs]
            copy.subgraphs = graphs


HANDLERS: tuple[Handler, ...] = (Builder(), Graph(), Node())
