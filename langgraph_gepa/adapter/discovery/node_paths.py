"""Which nodes use an object, as paths of nodes from the root graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.func import _TaskFunction
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import classes, functions, graphs
from langgraph_gepa.adapter.objects.walk import Walk


@dataclass(slots=True)
class Paths:
    """`of` maps an object's identity to the nodes that reach it, `named` a node to the names its code
    uses; `order` lists all nodes as a run comes to them; `given` are the classes of state and context."""

    of: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    named: dict[str, set[str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    graphs: dict[str, str] = field(default_factory=dict)
    executors: set[str] = field(default_factory=set)
    prebuilt: set[str] = field(default_factory=set)
    given: set[int] = field(default_factory=set)


def trace(walk: Walk, root: Pregel[Any, Any, Any, Any]) -> Paths:
    """Follows the graph from its entry, into every graph its nodes hold."""
    paths = Paths()
    _graph(walk, paths, root, "", ())
    return paths


def _graph(walk: Walk, paths: Paths, graph: Pregel[Any, Any, Any, Any], prefix: str, chain: tuple[int, ...]) -> None:
    executed = {
        id(tool)
        for node in graph.nodes.values()
        if isinstance(node.bound, ToolNode)
        for tool in node.bound.tools_by_name.values()
    }
    starts: list[tuple[str, Any]] = []
    for name in graphs.ordered_nodes(graph):
        path = f"{prefix}/{name}" if prefix else name
        paths.graphs[path] = graph.name
        node = graph.nodes[name]
        if isinstance(node.bound, ToolNode):
            paths.executors.add(path)
        elif name != START and _prebuilt(node.bound):
            paths.prebuilt.add(path)
        starts.append((path, node))
    below: list[tuple[Pregel[Any, Any, Any, Any], str]] = []
    given = [key for key in (id(graph.context_schema), *map(id, _state(graph))) if key in walk.nodes]
    paths.given.update(given)
    for path, start in starts:
        paths.order.append(path)
        elsewhere = set() if path in paths.executors else executed
        reached, paths.named[path] = _reached(walk, id(start), elsewhere, given)
        for key in reached:
            value = walk.nodes[key].value
            if isinstance(value, Pregel):
                below.append((value, path))
            elif isinstance(value, _TaskFunction) and value is not start:
                task = f"{path}/{getattr(value, '__name__', 'task')}"
                if task not in paths.order and (task, value) not in starts:
                    starts.append((task, value))
            elif path not in paths.of[key]:
                paths.of[key].append(path)
    for subgraph, path in below:
        if id(subgraph) not in chain:
            _graph(walk, paths, subgraph, path, (*chain, id(graph)))


def _state(graph: Pregel[Any, Any, Any, Any]) -> Iterator[type]:
    builder = getattr(graph, "builder", None)
    return graphs.state_classes(builder) if isinstance(builder, StateGraph) else iter(())


_VALUE = frozenset({"__init__", "__call__"})
"""What may be called of an object that code holds: a class is made an instance of, an instance is called."""
_SELF: frozenset[str] = frozenset()
"""What is called without being named of the object a method belongs to."""


def _reached(walk: Walk, start: int, elsewhere: set[int], given: list[int]) -> tuple[list[int], set[str]]:
    """What a node may use, subgraphs not entered, and the names its code uses; `elsewhere` are tools
    that run in another node, `given` is what it is handed when it runs.

    Of the user's objects and classes only the attributes are followed that code met on the way names,
    so that two methods of one object, as two nodes, do not share each other's prompts.
    """
    met: dict[int, None] = {}
    named: set[str] = set()
    waiting: dict[str, list[int]] = defaultdict(list)
    todo = [*((key, _VALUE) for key in given), (start, _VALUE)]
    while todo:
        key, used = todo.pop()
        if key in met:
            continue
        met[key] = None
        value = walk.nodes[key].value
        if (
            isinstance(value, Pregel | StateGraph)
            or key in elsewhere
            or (isinstance(value, _TaskFunction) and key != start)
        ):
            continue
        if isinstance(value, FunctionType) and functions.own(value):
            for name in functions.mentioned_names(value.__code__) - named:
                named.add(name)
                todo.extend((waiter, _VALUE) for waiter in waiting.pop(name, ()))
        own = classes.own(value if isinstance(value, type) else type(value))
        for step, part in reversed(list(walk.held(key))):
            name = str(step[-1])
            always = not own or step[0] in ("class", "metaclass", "annotated")
            if always or name in used or (name not in _VALUE and _asked(name, named)):
                todo.append(
                    (part, _SELF if step == ("self",) else used - {"__init__"} if step == ("class",) else _VALUE)
                )
            elif name not in _VALUE:
                waiting[name].append(part)
    return list(met), named


def _asked(name: str, named: set[str]) -> bool:
    return name in named or name.startswith("__") or "getattr" in named


def _prebuilt(bound: Any) -> bool:
    """Whether a node's function is a framework's, so that the node's name says nothing about the text."""
    function = functions.own_attribute(bound, "func") or functions.own_attribute(bound, "afunc")
    return isinstance(function, FunctionType) and not functions.own(function)


def tools(walk: Walk, paths: Paths) -> dict[str, tuple[str, ...]]:
    """Node -> the names of the tools at hand there."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for key, node in walk.nodes.items():
        value = node.value
        if isinstance(value, BaseTool):
            name = functions.own_attribute(value, "name")
        elif type(value) is dict and ("parameters" in value or "input_schema" in value):
            name = value.get("name")
        else:
            continue
        for path in paths.of.get(key, ()) if isinstance(name, str) else ():
            found[path][str(name)] = None
    return {path: tuple(names) for path, names in found.items()}
