"""From a specification, as `langgraph.json` writes it, to a compiled graph."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.environment import load_environment
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.project_modules import _file, _is_path, _module, _module_files, _package
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.errors import GraphError, UsageError

MANIFEST = "langgraph.json"


def load_graph(spec: str | object) -> Pregel[Any, Any, Any, Any]:
    """The compiled graph that `spec` names.

    `spec` is `path/to/file.py:attribute`, `package.module:attribute`, a name listed under "graphs"
    in the working directory's `langgraph.json` (whose "env" is set then, where it is not set yet), or a graph
    itself. An attribute may be a graph, a
    `StateGraph`, or a function that makes one, sync or async, of no argument or of the run's config.
    Raises `GraphError` naming the cause and the fix.
    """
    if not isinstance(spec, str):
        return _made(spec, "the object given")
    if ":" not in spec:
        return load_graph(_listed(spec))
    return _made(_attribute(spec, _graphs), spec)


def load_metric(spec: str | object) -> Any:
    """The metric that `spec` names as `load_graph` takes it, or the metric itself; in a list each is
    a metric or names one. Raises `UsageError`."""
    if isinstance(spec, list | tuple):
        return [load_metric(one) for one in spec]
    if not isinstance(spec, str):
        return spec
    if ":" not in spec:
        raise UsageError(f"{spec!r} names no metric; write path/to/file.py:function or package.module:function")
    found = _attribute(spec, _functions)
    if isinstance(found, list | tuple):
        return load_metric(found)
    if not callable(found) and not hasattr(found, "evaluate_run"):
        raise UsageError(
            f"{spec} is no metric but of type {type(found).__name__}; name a function or a LangSmith evaluator"
        )
    return found


def load_options(spec: str | RunnerOptions | None) -> RunnerOptions:
    """The options that `spec` names as `load_graph` takes it, or the options themselves. Raises `UsageError`."""
    if spec is None:
        return RunnerOptions()
    if isinstance(spec, RunnerOptions):
        return spec
    if not isinstance(spec, str) or ":" not in spec:
        raise UsageError(f"{spec!r} is no RunnerOptions(...) and names none; write path/to/file.py:options")
    found = _attribute(spec, _options)
    if not isinstance(found, RunnerOptions):
        raise UsageError(f"{spec} is of type {type(found).__name__}; make it a langgraph_gepa.RunnerOptions(...)")
    return found


Offer = Callable[[ModuleType], tuple[str, Sequence[str]]]
"""What a person may have meant in a module: what such things are called, and their names there."""


def _graphs(module: ModuleType) -> tuple[str, Sequence[str]]:
    return "graphs", [name for name, value in vars(module).items() if isinstance(value, Pregel | StateGraph)]


def _functions(module: ModuleType) -> tuple[str, Sequence[str]]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return "functions", [name for name in own if inspect.isfunction(vars(module)[name]) and not name.startswith("_")]


def _options(module: ModuleType) -> tuple[str, Sequence[str]]:
    return "RunnerOptions", [name for name, value in vars(module).items() if isinstance(value, RunnerOptions)]


def _attribute(spec: str, offer: Offer) -> Any:
    where, _, attribute = spec.rpartition(":")
    module = _file(where) if _is_path(where) else _module(where)
    if not hasattr(module, attribute):
        kind, names = offer(module)
        there = f"{kind} there: {', '.join(f'{where}:{name}' for name in names)}" if names else f"there are no {kind}"
        raise GraphError(f"{where} has no attribute {attribute!r}; {there}")
    return getattr(module, attribute)


def files_of(spec: str, folder: Path) -> tuple[Path, ...]:
    """The files that loading `spec` from `folder` would run, packages around it included, links resolved.

    The file that holds the attribute comes last; none where it is not found. Imports nothing.
    """
    if ":" not in spec:
        try:
            spec, _ = _entry(spec, folder / MANIFEST)
        except GraphError:
            return ()
    where = spec.rpartition(":")[0]
    if not _is_path(where):
        return tuple(_module_files(where, folder))
    path = (folder / where).resolve()
    root, name = _package(path)
    above = [root.joinpath(*name.split(".")[: depth + 1], "__init__.py") for depth in range(name.count("."))]
    return (*above, path) if path.is_file() else ()


def _listed(name: str) -> str:
    """The words that the working directory's manifest has for a graph, whose environment is set then."""
    manifest = Path(MANIFEST)
    path, env = _entry(name, manifest)
    load_environment(env, manifest)
    return path


def _entry(name: str, manifest: Path) -> tuple[str, Any]:
    """What a manifest says of a graph: the words for it, and its environment."""
    if name.endswith(".py"):
        raise GraphError(f"{name} names a file; add the graph's attribute, such as {name}:graph")
    if not manifest.is_file():
        raise GraphError(
            f"there is no {MANIFEST} here to look {name!r} up in; name the graph as path/to/file.py:attribute"
        )
    try:
        listed = json.loads(manifest.read_text(encoding="utf-8"))
        graphs = listed["graphs"]
        entry = graphs[name]
    except (ValueError, RecursionError) as broken:
        raise GraphError(f"{MANIFEST} is not JSON: {broken}") from broken
    except TypeError:
        raise GraphError(f'{MANIFEST} must be one JSON object with "graphs" in it') from None
    except KeyError as missing:
        if missing.args == ("graphs",):
            raise GraphError(f'{MANIFEST} has no "graphs"; add {{"graphs": {{"{name}": "./file.py:graph"}}}}') from None
        raise GraphError(f"{MANIFEST} lists no graph {name!r}; it lists {', '.join(graphs) or 'none'}") from None
    path = entry.get("path") if isinstance(entry, Mapping) else entry
    if not isinstance(path, str) or ":" not in path:
        raise GraphError(f'{MANIFEST} gives {name!r} no path; write "./file.py:attribute"')
    return path, listed.get("env")


def _made(value: object, spec: str) -> Pregel[Any, Any, Any, Any]:
    if isinstance(value, Pregel | StateGraph):
        return compile_graph(value)
    if inspect.isroutine(value) or callable(value):
        return _made_by(value, spec)
    raise GraphError(
        f"{spec} is no graph but of type {type(value).__name__}; "
        "name a compiled graph, a StateGraph or a function that makes one"
    )


def _made_by(factory: Callable[..., Any], spec: str) -> Pregel[Any, Any, Any, Any]:
    required = [
        p
        for p in inspect.signature(factory).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if len(required) > 1:
        names = ", ".join(p.name for p in required)
        raise GraphError(f"{spec} takes {names}; a function that makes a graph takes nothing, or the run's config")
    config: dict[str, Any] = {"configurable": {}}
    arguments = [config] if required and required[0].kind is not inspect.Parameter.KEYWORD_ONLY else []
    keywords = {required[0].name: config} if required and not arguments else {}
    try:
        made = factory(*arguments, **keywords)
        if inspect.isawaitable(made):
            made = _awaited(made)
        elif hasattr(made, "__aenter__"):
            made = _awaited(made.__aenter__())
        elif hasattr(made, "__enter__"):
            made = made.__enter__()
    except Exception as error:  # whatever the user's function raises is the cause to show
        raise GraphError(f"{spec} failed to make a graph: {type(error).__name__}: {error}{raised_at(error)}") from error
    if not isinstance(made, Pregel | StateGraph):
        raise GraphError(
            f"{spec} made no graph but a value of type {type(made).__name__}; "
            "it must return a compiled graph or a StateGraph"
        )
    return compile_graph(made)


def _awaited(made: Any) -> Any:
    async def wait() -> Any:
        return await made

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    raise GraphError(
        "an async function makes this graph: load it before the event loop starts, or pass the graph itself"
    )
