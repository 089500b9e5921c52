"""Outlines a graph as nodes and edges, for the report to draw."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Outline(TypedDict):
    """A graph's nodes as paths from the root, like `Module.nodes`, and its edges: the node that each comes from, the
    node it leads to, and whether it is conditional."""

    name: str
    nodes: list[str]
    edges: list[tuple[str, str, bool]]


def outline_of(graph: Any) -> Outline:
    """Returns the outline of `graph`."""
    drawn = graph.get_graph(xray=True)
    return {
        "name": graph.name,
        "nodes": [_path(node) for node in drawn.nodes],
        "edges": [(_path(edge.source), _path(edge.target), edge.conditional) for edge in drawn.edges],
    }


def _path(node: str) -> str:
    return node.replace(":", "/")
