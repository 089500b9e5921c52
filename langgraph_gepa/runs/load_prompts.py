"""A graph with the texts of a run, for texts that are not written into the source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.survey import bind
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.runs.evaluate import prompts_of
from langgraph_gepa.runs.run import found_in


def load_prompts(graph: Any, prompts: Mapping[str, str] | Path | str) -> Any:
    """A new graph that says `prompts`: a prompts.json, a run's folder, or texts by module name.

    `graph` is a graph or the words for one, as for `discover`; it is left as it is. Texts that only watching
    found are known by the run, so give its folder or the prompts.json in it. Raises `UsageError`
    when there are no prompts, `GraphError` for a name that is no module's, `PlaceholderError` for a text
    that breaks its placeholders.
    """
    loaded = load_graph(graph)
    recall(loaded, found_in(prompts))
    return bind(loaded, prompts_of(prompts))
