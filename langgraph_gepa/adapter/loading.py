"""Loads the graph, the metric or the options that a specification such as `path/to/file.py:attribute` names."""

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
from langgraph.pregel.remote import RemoteGraph

from langgraph_gepa.adapter.discovery.remote_graphs import WAY_OUT
from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.environment import load_environment
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.project_modules import import_file, import_module, is_path, module_files, package_root
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.errors import GraphError, UsageError

MANIFEST = "langgraph.json"


def load_graph(spec: str | object) -> Pregel[Any, Any, Any, Any]:
    """Returns the compiled graph that `spec` names.

    `spec` is `path/to/file.py:attribute`, `package.module:attribute`, a name listed under "graphs" in the working
    directory's `langgraph.json` (whose "env" is then loaded, without overriding what is set), or a graph itself. The
    attribute may be a graph, a `StateGraph`, or a function that makes one, sync or async, without arguments or with
    the run's config. Raises `GraphError`, which names the cause and the fix.
    """
    if not isinstance(spec, str):
        return _compiled(spec, "the object given")
    if spec.startswith(("http://", "https://")):
        raise GraphError("The graph is on a server, and this needs one at hand: name it as path/to/file.py:attribute.")
    if spec.endswith(".py"):
        raise GraphError(f"{spec} names a file; add the graph's attribute, such as {_such_as(spec)}")
    if ":" not in spec:
        return load_graph(_listed(spec))
    return _compiled(_attribute(spec, _graphs), spec)


def load_metric(spec: str | object) -> Any:
    """Returns the metric that `spec` names, in the form of `load_graph`, or `spec` itself if it is one.

    Each item of a list is a metric or names one. Raises `UsageError`.
    """
    if isinstance(spec, list | tuple):
        return [load_metric(one) for one in spec]
    if not isinstance(spec, str):
        return spec
    if ":" not in spec:
        raise UsageError(f"{spec!r} does not name a metric; write path/to/file.py:function or package.module:function")
    found = _attribute(spec, _functions)
    if isinstance(found, list | tuple):
        return load_metric(found)
    if not callable(found) and not hasattr(found, "evaluate_run"):
        raise UsageError(
            f"{spec} is not a metric but of type {type(found).__name__}; name a function or a LangSmith evaluator"
        )
    return found


def load_proposer(spec: str | object) -> Any:
    """Returns the proposer that `spec` names, in the form of `load_graph`, or `spec` itself. Raises `UsageError`."""
    if not isinstance(spec, str):
        return spec
    if ":" not in spec:
        raise UsageError(f"{spec!r} does not name a proposer; write path/to/file.py:function")
    return _attribute(spec, _functions)


def load_options(spec: str | RunnerOptions | None) -> RunnerOptions:
    """Returns the options that `spec` names, in the form of `load_graph`, or `spec` itself. Raises `UsageError`."""
    if spec is None:
        return RunnerOptions()
    if isinstance(spec, RunnerOptions):
        return spec
    if not isinstance(spec, str) or ":" not in spec:
        raise UsageError(f"{spec!r} is not RunnerOptions(...) and does not name any; write path/to/file.py:options")
    found = _attribute(spec, _options)
    if not isinstance(found, RunnerOptions):
        raise UsageError(f"{spec} is of type {type(found).__name__}; make it a langgraph_gepa.RunnerOptions(...)")
    return found


Candidates = Callable[[ModuleType], tuple[str, Sequence[str]]]
"""Lists what may have been meant in a module: what such objects are called, and their names there."""


def _graphs(module: ModuleType) -> tuple[str, Sequence[str]]:
    return "graphs", [name for name, value in vars(module).items() if isinstance(value, Pregel | StateGraph)]


def _functions(module: ModuleType) -> tuple[str, Sequence[str]]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return "functions", [name for name in own if inspect.isfunction(vars(module)[name]) and not name.startswith("_")]


def _options(module: ModuleType) -> tuple[str, Sequence[str]]:
    return "RunnerOptions", [name for name, value in vars(module).items() if isinstance(value, RunnerOptions)]


def _attribute(spec: str, candidates: Candidates) -> Any:
    """Imports the attribute that `spec` names. Raises `GraphError`, which lists the `candidates` if there is none."""
    where, _, attribute = spec.rpartition(":")
    module = import_file(where) if is_path(where) else import_module(where)
    if not hasattr(module, attribute):
        kind, names = candidates(module)
        there = f"{kind} there: {', '.join(f'{where}:{name}' for name in names)}" if names else f"there are no {kind}"
        raise GraphError(f"{where} has no attribute {attribute!r}; {there}")
    return getattr(module, attribute)


def _such_as(file: str) -> str:
    """Imports a file, and returns the names of the graphs in it."""
    _, names = _graphs(import_file(file))
    return " or ".join(f"{file}:{name}" for name in names or ["graph"])


def files_of(spec: str, folder: Path) -> tuple[Path, ...]:
    """Returns the files that loading `spec` from `folder` would run, its packages included, with links resolved.

    The file of the attribute comes last; there are none where it is not found. Imports nothing.
    """
    if spec.endswith(".py"):  # it is imported to name the graphs in it
        spec = f"{spec}:"
    elif ":" not in spec:
        try:
            spec, _ = _entry(spec, folder / MANIFEST)
        except GraphError:
            return ()
    where = spec.rpartition(":")[0]
    if not is_path(where):
        return tuple(module_files(where, folder))
    path = (folder / where).resolve()
    root, name = package_root(path)
    above = [root.joinpath(*name.split(".")[: depth + 1], "__init__.py") for depth in range(name.count("."))]
    return (*above, path) if path.is_file() else ()


def _listed(name: str) -> str:
    """Returns a graph's specification in the working directory's manifest, and loads the manifest's environment."""
    manifest = Path(MANIFEST)
    path, env = _entry(name, manifest)
    load_environment(env, manifest)
    return path


def _entry(name: str, manifest: Path) -> tuple[str, Any]:
    """Returns a graph's specification in a manifest, and the manifest's environment."""
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


def _compiled(value: object, spec: str) -> Pregel[Any, Any, Any, Any]:
    if isinstance(value, Pregel | StateGraph):
        return compile_graph(value)
    if isinstance(value, RemoteGraph):
        raise GraphError(f"{spec} is a RemoteGraph: what runs on a server cannot be seen from here. {WAY_OUT}")
    if not callable(value):
        raise GraphError(
            f"{spec} is not a graph but of type {type(value).__name__}; "
            "name a compiled graph, a StateGraph or a function that makes one"
        )
    arguments, keywords = _factory_arguments(value, spec)
    try:
        made = _entered(value(*arguments, **keywords))
    except Exception as error:  # whatever the user's function raises is the cause to show
        failed = f"{spec} failed to make a graph: {type(error).__name__}: {error}{raised_at(error)}"
        if arguments or keywords:
            failed += f". It was called with the run's config, a dict; if it takes something else, {_way_out(spec)}"
        raise GraphError(failed) from error
    if not isinstance(made, Pregel | StateGraph):
        raise GraphError(
            f"{spec} made no graph but a value of type {type(made).__name__}; "
            "it must return a compiled graph or a StateGraph"
        )
    return compile_graph(made)


def _factory_arguments(factory: Callable[..., Any], spec: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments, by position and by name, of a function that makes a graph: a config if it requires one."""
    required = [
        p
        for p in inspect.signature(factory).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if not required:
        return [], {}
    if len(required) > 1:
        names = ", ".join(p.name for p in required)
        raise GraphError(
            f"{spec} takes {names}; a function that makes a graph takes nothing, or the run's config: {_way_out(spec)}"
        )
    config: dict[str, Any] = {"configurable": {}}
    by_name = required[0].kind is inspect.Parameter.KEYWORD_ONLY
    return ([], {required[0].name: config}) if by_name else ([config], {})


def _way_out(spec: str) -> str:
    """What to do about a function that takes arguments which only its caller knows."""
    if ":" not in spec:
        return "call it, and give the graph that it returns"
    return f"write a file that calls it, graph = {spec.rpartition(':')[2]}(...), and name that file's graph"


def _entered(made: Any) -> Any:
    """What an awaitable or a context manager gives; they may be what makes a graph."""
    if inspect.isawaitable(made):
        return _awaited(made)
    if hasattr(made, "__aenter__"):
        return _awaited(made.__aenter__())
    return made.__enter__() if hasattr(made, "__enter__") else made


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
