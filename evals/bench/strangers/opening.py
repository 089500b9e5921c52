"""A stranger's graph as its labels say how to load it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph_gepa.adapter.loading import load_graph
from strangers.labels import GraphLabels, Project


def adapter_of(project: Project) -> ModuleType | None:
    """The module beside the labels that gives what the project needs, where there is one."""
    if not project.adapter.is_file():
        return None
    name = f"{project.name.replace('-', '_')}_adapter"
    spec = importlib.util.spec_from_file_location(name, project.adapter)
    if spec is None or spec.loader is None:
        raise ImportError(str(project.adapter))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def opened(project: Project, graph: GraphLabels, root: Path, adapter: ModuleType | None) -> Any:
    """The graph, from the source below `root`."""
    sys.path[:0] = [str(root / path) for path in project.paths]
    if adapter is not None and hasattr(adapter, "prepare"):
        adapter.prepare()
    if graph.load.startswith("adapter:"):
        return load_graph(getattr(adapter, graph.load.partition(":")[2]))
    return load_graph(graph.load)


def inputs_of(run: dict[str, Any], adapter: ModuleType | None) -> Any:
    """What a labelled run gives the graph."""
    return run.get("inputs") or getattr(adapter, run.get("inputs_from", "inputs"))()
