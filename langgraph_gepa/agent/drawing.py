"""The outline of a graph, for the report to draw."""

from __future__ import annotations

from typing import Any


def drawing(graph: Any) -> dict[str, Any]:
    """`name`, `nodes` (paths from the root, as `Module.nodes` gives them) and `edges` (`[from, to, conditional]`)."""
    drawn = graph.get_graph(xray=True)
    return {
        "name": graph.name,
        "nodes": [_path(node) for node in drawn.nodes],
        "edges": [[_path(edge.source), _path(edge.target), edge.conditional] for edge in drawn.edges],
    }


def _path(node: str) -> str:
    return node.replace(":", "/")
