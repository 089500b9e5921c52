"""Reads prompts from a run's folder or a prompts.json, and loads a graph with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.survey import bind
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.core.bounded_json import LONGEST, require_texts
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.saved_run import PROMPTS, SavedRun, modules_in
from langgraph_gepa.store.folder import DATABASE


def load_prompts(graph: Any, prompts: Mapping[str, str] | Path | str) -> Any:
    """Returns a new graph with `prompts`: a prompts.json, a run's folder, or texts by module name.

    `graph` is a graph or a name for one, as for `discover`; it is left as it is. Texts that only watching found are
    known by the run, so give its folder or the prompts.json in it. Raises `UsageError` when there are no prompts,
    `GraphError` for a name that is no module's, `PlaceholderError` for a text that breaks its placeholders.
    """
    loaded = load_graph(graph)
    recall(loaded, modules_in(prompts))
    return bind(loaded, prompts_of(prompts))


def prompts_of(source: Mapping[str, str] | Path | str) -> Mapping[str, str]:
    """Reads texts by module name from a mapping, a run's folder, or a prompts.json. Raises `UsageError`."""
    if isinstance(source, Mapping):
        if wrong := [name for name, text in dict[str, Any](source).items() if not isinstance(text, str)]:
            raise UsageError(f"The prompts must be texts by module name; that of {wrong[0]!r} is none.")
        return source
    if not str(source).strip():  # as a path it would be the working directory
        raise UsageError(f"{str(source)!r} names no prompts: give a run's folder or a prompts.json.")
    path = Path(source)
    if (path / DATABASE).exists():
        return SavedRun.open(path).prompts
    file = path / PROMPTS if path.is_dir() else path
    try:
        if file.stat().st_size > LONGEST:
            raise UsageError(f"{file} is larger than any file of prompts: {LONGEST:,} bytes are read at most.")
        texts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"No prompts at {file} ({error.strerror}). Give a run's folder or a prompts.json.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{file} is no JSON ({error}). Make one with `langgraph-gepa export RUN -o {file}`."
        ) from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise UsageError(f"{file} must hold one JSON object of module names and texts.")
    require_texts(texts.values())
    return texts
