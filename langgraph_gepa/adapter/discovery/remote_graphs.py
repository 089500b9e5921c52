"""Finds graphs that run elsewhere, whose prompts cannot be seen from here."""

from __future__ import annotations

from typing import Any

from langgraph.pregel.remote import RemoteGraph

from langgraph_gepa.adapter.objects.walk import Walk

WAY_OUT = (
    "Serve it there, rollouts = langgraph_gepa.serve(graph, metric=...), and optimise it by its server's address: "
    'optimize("http://host:port", ...).'
)


def remote_graphs_in(graph: Any) -> str | None:
    """Returns a sentence about the `RemoteGraph`s in a graph and what to do for their prompts; `None` without any."""
    # `type()` and not `isinstance`: an object in a graph may lie about its `__class__`, or raise
    parts = [part for node in Walk(graph).nodes.values() for _, part in node.parts]
    names = sorted({str(part.name) for part in parts if issubclass(type(part), RemoteGraph)})
    if not names:
        return None
    what = f"{names[0]!r} is a RemoteGraph" if len(names) == 1 else f"{', '.join(map(repr, names))} are RemoteGraphs"
    return f"{what}: what runs on a server cannot be seen from here, and its prompts stay as they are. {WAY_OUT}"
