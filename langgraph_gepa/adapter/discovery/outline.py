"""The outline of a graph, for the report to draw."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Outline(TypedDict):
    """`name`, `nodes` (paths from the root, as `Module.nodes` gives them) and `edges` (from, to, conditional)."""

    name: str
    nodes: list[str]
    edges: list[tuple[str, str, bool]]


def drawing(graph: Any) -> Outline:
    """The outline of `graph`."""
    drawn = graph.get_graph(xray=True)
    return {
        "name": graph.name,
        "nodes": [_path(node) for node in drawn.nodes],
        "edges": [(_path(edge.source), _path(edge.target), edge.conditional) for edge in drawn.edges],
    }


def _path(node: str) -> str:
    return node.replace(":", "/")
