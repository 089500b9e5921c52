"""Outlines a graph as nodes and edges, for the report to draw."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from langchain_core.runnables.graph import Graph
from langgraph.pregel import Pregel
from langgraph.pregel.remote import RemoteGraph
from typing_extensions import TypedDict


class Outline(TypedDict):
    """A graph's nodes as paths from the root, like `Module.nodes`, and its edges: the node that each comes from, the
    node it leads to, and whether it is conditional."""

    name: str
    nodes: list[str]
    edges: list[tuple[str, str, bool]]


def outline_of(graph: Any) -> Outline:
    """Returns the outline of `graph`."""
    drawing = drawn(graph)
    return {
        "name": graph.name,
        "nodes": [_path(node) for node in drawing.nodes],
        "edges": [(_path(edge.source), _path(edge.target), edge.conditional) for edge in drawing.edges],
    }


def drawn(graph: Any) -> Graph:
    """Returns the drawing of `graph` with its subgraphs; without them where a server would be asked for one."""
    return graph.get_graph(xray=not _holds_remote(graph))  # type: ignore[no-any-return]


def unreached_nodes(graph: Any, ran: Collection[str], within: str = "") -> Iterator[str]:
    """Yields the nodes in which nothing ran, by their path; those of a subgraph only where something of it ran."""
    subgraphs = dict(graph.get_subgraphs())
    for name in graph.nodes:
        path = f"{within}{name}"
        if name.startswith("__"):
            continue
        if not any(f"{node}/".startswith(f"{path}/") for node in ran):
            yield path
        elif isinstance(below := subgraphs.get(name), Pregel):
            yield from unreached_nodes(below, ran, f"{path}/")


def _holds_remote(graph: Any) -> bool:
    below = [subgraph for _, subgraph in graph.get_subgraphs()]
    return any(isinstance(one, RemoteGraph) or _holds_remote(one) for one in below)


def _path(node: str) -> str:
    return node.replace(":", "/")
