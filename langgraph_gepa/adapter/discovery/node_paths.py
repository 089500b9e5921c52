"""Finds which nodes of a graph use an object, as paths of nodes from the root graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import EnumMeta
from types import FunctionType
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.func import _TaskFunction
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import Step, classes, functions, graphs
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk

AnyGraph = Pregel[Any, Any, Any, Any]


@dataclass(slots=True)
class Paths:
    """The nodes of a graph by their paths, in the order a run reaches them, with what each uses.

    - `users`: the nodes that reach an object, by the id of the object.
    - `names`: the names that the code of a node uses.
    - `rank`: the position of a node in `order`.
    - `graphs`: the name of the graph that a node belongs to.
    - `executors`, `prebuilt`: the nodes that run tools, and those whose function is a framework's.
    - `given`: the ids of the classes of state and context.
    """

    graph: AnyGraph
    walk: Walk
    users: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, set[str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    rank: dict[str, int] = field(default_factory=dict)
    graphs: dict[str, str] = field(default_factory=dict)
    executors: set[str] = field(default_factory=set)
    prebuilt: set[str] = field(default_factory=set)
    given: set[int] = field(default_factory=set)

    def using(self, places: Sequence[Place]) -> list[str]:
        """The nodes that use the text at these places, in the order a run reaches them."""
        nodes = dict.fromkeys(path for place in places for path in self._using(place))
        if places[0].kind != "prompt":
            nodes = {path: None for path in nodes if path not in self.executors} or nodes
        return sorted(nodes, key=self.rank.__getitem__)

    def _using(self, place: Place) -> list[str]:
        """The nodes that reach the owner of a text and, of the user's objects, name the attribute."""
        owner = self.walk.nodes[place.owner].value
        if place.step[0] == "described" and place.kind == "tool":
            return [path for holder, _ in self.walk.holders[place.owner] for path in self.users.get(holder, ())]
        nodes = self.users.get(place.owner, [])
        mine = classes.own(owner if isinstance(owner, type) else type(owner))
        if place.kind != "prompt" or place.step[0] not in ("attr", "member", "field") or not mine:
            return nodes
        # No code holds the class of a context or state: the nodes that name its field use it.
        reaching = nodes or (self.order if place.owner in self.given else [])
        naming = (path for path in reaching if not self.names[path].isdisjoint((place.step[-1], "getattr")))
        return list(dict.fromkeys([*naming, *self._using_member(place)]))

    def _using_member(self, place: Place) -> list[str]:
        """The nodes that reach a member of an enum without naming it, as a loop over a list of members does."""
        owner: Any = self.walk.nodes[place.owner].value
        member = owner.__members__.get(str(place.step[-1])) if issubclass(type(owner), EnumMeta) else None
        return [] if member is None else list(self.users.get(id(member), ()))

    def tools(self) -> dict[str, tuple[str, ...]]:
        """The names of the tools that each node holds."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for key, node in self.walk.nodes.items():
            value = node.value
            if isinstance(value, BaseTool):
                name = functions.own_attribute(value, "name")
            elif type(value) is dict and ("parameters" in value or "input_schema" in value):
                name = value.get("name")
            else:
                continue
            for path in self.users.get(key, ()) if isinstance(name, str) else ():
                found[path][str(name)] = None
        return {path: tuple(names) for path, names in found.items()}


def trace(walk: Walk, root: AnyGraph) -> Paths:
    """Follows the graph from its entry, into every graph its nodes hold."""
    paths = Paths(root, walk)
    _trace(paths, root, "", ())
    return paths


def _trace(paths: Paths, graph: AnyGraph, prefix: str, above: tuple[int, ...]) -> None:
    executed = _executed_tools(graph)
    given = [key for key in (id(graph.context_schema), *map(id, _state(graph))) if key in paths.walk.nodes]
    paths.given.update(given)
    starts = _nodes(paths, graph, prefix)
    subgraphs: list[tuple[AnyGraph, str]] = []
    for path, start in starts:  # which grow by the tasks that a node calls
        paths.rank[path] = len(paths.order)
        paths.order.append(path)
        elsewhere = set() if path in paths.executors else executed
        reached, paths.names[path] = _reached(paths.walk, id(start), elsewhere, given)
        for key in reached:
            value = paths.walk.nodes[key].value
            if isinstance(value, Pregel):
                subgraphs.append((value, path))
            elif isinstance(value, _TaskFunction) and value is not start:
                task = f"{path}/{getattr(value, '__name__', 'task')}"
                if task not in paths.order and (task, value) not in starts:
                    starts.append((task, value))
            elif path not in paths.users[key]:
                paths.users[key].append(path)
    for subgraph, path in subgraphs:
        if id(subgraph) not in above:
            _trace(paths, subgraph, path, (*above, id(graph)))


def _executed_tools(graph: AnyGraph) -> set[int]:
    """The ids of the tools that nodes of the graph run."""
    bound = (node.bound for node in graph.nodes.values())
    return {id(tool) for one in bound if isinstance(one, ToolNode) for tool in one.tools_by_name.values()}


def _nodes(paths: Paths, graph: AnyGraph, prefix: str) -> list[tuple[str, Any]]:
    """The nodes of a graph with their paths, which are noted by their kinds."""
    found: list[tuple[str, Any]] = []
    for name in graphs.ordered_nodes(graph):
        path = f"{prefix}/{name}" if prefix else name
        paths.graphs[path] = graph.name
        node = graph.nodes[name]
        if isinstance(node.bound, ToolNode):
            paths.executors.add(path)
        elif name != START and _is_prebuilt(node.bound):
            paths.prebuilt.add(path)
        found.append((path, node))
    return found


def _state(graph: AnyGraph) -> Iterator[type]:
    builder = getattr(graph, "builder", None)
    return graphs.state_classes(builder) if isinstance(builder, StateGraph) else iter(())


_VALUE = frozenset({"__init__", "__call__"})
"""What may be called of an object that code holds: a class is made an instance of, an instance is called."""
_SELF: frozenset[str] = frozenset()
"""What is called, without being named, of the object that a method belongs to."""


def _reached(walk: Walk, start: int, elsewhere: set[int], given: list[int]) -> tuple[list[int], set[str]]:
    """What a node may use, without entering subgraphs, and the names its code uses.

    `elsewhere` are tools that run in another node, `given` is what the node gets when it runs. Of the user's objects
    and classes, only the attributes are followed that code reached so far names, so that two methods of one object, as
    two nodes, do not share each other's prompts.
    """
    found: dict[int, None] = {}
    names: set[str] = set()
    waiting: dict[str, list[int]] = defaultdict(list)
    todo = [*((key, _VALUE) for key in given), (start, _VALUE)]
    while todo:
        key, used = todo.pop()
        if key in found:
            continue
        found[key] = None
        value = walk.nodes[key].value
        task = isinstance(value, _TaskFunction) and key != start
        if task or key in elsewhere or isinstance(value, Pregel | StateGraph):
            continue
        if isinstance(value, FunctionType) and functions.own(value):
            new = [name for name in functions.mentioned_names(value.__code__) if name not in names]
            names.update(new)
            for name in new:
                todo.extend((waiter, _VALUE) for waiter in waiting.pop(name, ()))
        own = classes.own(value if isinstance(value, type) else type(value))
        for step, part in reversed(list(walk.held(key))):
            name = str(step[-1])
            always = not own or step[0] in ("class", "metaclass", "annotated")
            if always or name in used or (name not in _VALUE and _is_named(name, names)):
                todo.append((part, _used_of_part(step, used)))
            elif name not in _VALUE:
                waiting[name].append(part)
    return list(found), names


def _used_of_part(step: Step, used: frozenset[str]) -> frozenset[str]:
    """What may be called of a part without being named, where `used` may be called of the whole."""
    if step == ("self",):
        return _SELF
    return used - {"__init__"} if step == ("class",) else _VALUE


def _is_named(name: str, names: set[str]) -> bool:
    return name in names or name.startswith("__") or "getattr" in names


def _is_prebuilt(bound: Any) -> bool:
    """Whether a node's function is a framework's, so that the node's name says nothing about the text."""
    function = functions.own_attribute(bound, "func") or functions.own_attribute(bound, "afunc")
    return isinstance(function, FunctionType) and not functions.own(function)
