"""From a graph and texts to a new graph."""

from __future__ import annotations

from typing import Any

from langgraph.pregel import Pregel

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.core.module import Texts


def bind(graph: Any, texts: Texts) -> Pregel[Any, Any, Any, Any]:
    """A new graph with these texts and otherwise the same; the original is left as it is.

    To bind one graph many times, keep its `survey` and call that one's `bind`. Raises `GraphError`
    for a name that is no module's or a module that cannot be replaced, and `PlaceholderError` for a
    text that breaks its placeholders.
    """
    return survey(graph).bind(texts)
