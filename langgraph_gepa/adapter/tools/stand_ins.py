"""Lists a graph's tools, warns of those that may act on the outside, and puts stand-ins in their place."""

# ruff: noqa: ARG002 - the signature of a callback is LangChain's
from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.isolation.graph_copies import copied
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tools.name_hints import acting_word
from langgraph_gepa.adapter.tools.side_effects import side_effects
from langgraph_gepa.adapter.tools.tool_cache import ToolCache
from langgraph_gepa.errors import UsageError

Graph = Pregel[Any, Any, Any, Any]
StandIns = Mapping[str, Any]
"""Maps a tool's name to what runs in its place: a function of the tool's arguments, sync or async, or another tool."""

MARK = "langgraph_gepa_stand_in"
HANDOFF = "__handoff_destination"
"""The metadata key by which langgraph-supervisor and langgraph-swarm mark a tool that hands over to another agent."""


def tools_of(graph: Any) -> dict[str, BaseTool]:
    """Returns the tool objects that a graph's nodes hold, by name; tools that run at the provider are none."""
    nodes = Walk(compile_graph(graph)).nodes.values()
    return {tool.name: tool for tool in (node.value for node in nodes) if isinstance(tool, BaseTool)}


def suspicion(tool: BaseTool) -> str | None:
    """Returns why a tool may change something outside the process, or `None`.

    Its code decides where all of it can be followed; otherwise its name and description do.
    """
    found = side_effects(tool)
    if found.action:
        return f"calls {found.action}"
    word = None if found.none else acting_word(tool.name, tool.description)
    return word and f"says {word!r}"


def suspicions(graph: Any) -> dict[str, str | None]:
    """Returns the `suspicion` of every tool of `graph`; a tool that hands over to another node has none."""
    compiled = compile_graph(graph)

    def hands_over(tool: BaseTool) -> bool:
        return HANDOFF in (tool.metadata or {}) or tool.name.rpartition("_to_")[2] in compiled.nodes

    tools = tools_of(compiled)
    return {name: None if hands_over(tool) else suspicion(tool) for name, tool in tools.items()}


def warning(graph: Any, known: Container[str]) -> str | None:
    """Returns a warning of tools, other than the `known`, that may act outside and would really run, or `None`."""
    risky = {name: reason for name, reason in sorted(suspicions(graph).items()) if reason and name not in known}
    if not risky:
        return None
    stand_ins, harmless = remedies(list(risky))
    return (
        f"These tools look as if they change something outside, and each rollout really runs them: "
        f"{', '.join(f'{name} ({reason})' for name, reason in risky.items())}. "
        f"Put stand-ins in their place: RunnerOptions({stand_ins}), or name those that do no "
        f"harm: RunnerOptions({harmless}). "
        "The command line takes them with --options FILE.py:options."
    )


def remedies(tools: Sequence[str]) -> tuple[str, str]:
    """Returns, as code to copy, the option that puts stand-ins in place of `tools`, and the one that lets them run."""
    names = [json.dumps(name, ensure_ascii=False) for name in tools]
    stand_ins = ", ".join(f'{name}: lambda **arguments: "done"' for name in names)
    return f"tools={{{stand_ins}}}", f"harmless=[{', '.join(names)}]"


def replaced(graph: Graph, stand_ins: StandIns, cache: ToolCache | None = None) -> Graph:
    """Returns a copy of `graph` that runs stand-ins in place of tools, and records and replays the tools of `cache`.

    The name, description and arguments of a tool stay, so the model notices nothing. Raises `UsageError` for a name
    that no tool has, and for a tool that cannot be replayed by its arguments.
    """
    if not stand_ins and cache is None:
        return graph
    walk = Walk(graph)
    found = {key: node.value for key, node in walk.nodes.items() if isinstance(node.value, BaseTool)}
    _require({*stand_ins, *(cache.tools if cache else ())}, {tool.name for tool in found.values()})
    changes: dict[tuple[int, Any], Any] = {}
    for key, tool in found.items():
        if tool.name in stand_ins:
            behaviour = _stand_in(tool, stand_ins[tool.name])
        elif cache is not None and tool.name in cache.tools:
            behaviour = _replayed(tool, cache)
        else:
            continue
        for name, value in behaviour.items():
            changes[(key, ("attr", name))] = value
    keys = {id(graph), id(getattr(graph, "builder", graph))} | walk.above({key for key, _ in changes})
    copy: Graph = copied(walk, graph, changes, keys)
    return copy


class Guard(BaseCallbackHandler):
    """Stops a real tool that has a stand-in from running, wherever the graph took the tool from."""

    raise_error = True
    run_inline = True

    def __init__(self, stand_ins: StandIns) -> None:
        self.stopped: str | None = None
        self._names = frozenset(stand_ins)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, metadata: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        name = (serialized or {}).get("name")
        if name in self._names and not (metadata or {}).get(MARK):
            self.stopped = str(name)
            self.check()

    def check(self) -> None:
        """Raises `UsageError` if a real tool was stopped."""
        if self.stopped is not None:
            raise UsageError(
                f"The real tool {self.stopped!r} was about to run although it has a stand-in, and was stopped: the "
                "graph makes this tool anew while it runs, where no stand-in can be put. Take it from one object that "
                "the graph's functions hold."
            )


def _require(wanted: set[str], known: set[str]) -> None:
    unknown = sorted(wanted - known)
    if unknown:
        raise UsageError(
            f"The graph has no tool called {', '.join(unknown)}. Its tools: {', '.join(sorted(known)) or 'none'}."
        )


def _stand_in(tool: BaseTool, given: Any) -> dict[str, Any]:
    """Returns the attributes with which a copy of `tool` runs `given`."""
    if isinstance(given, BaseTool):
        marked = RunnableConfig(metadata={MARK: True})
        call, call_async = _with(given.invoke, marked), _with(given.ainvoke, marked)
    elif not callable(given):
        raise UsageError(f"The stand-in for {tool.name!r} must be a function or a tool, not {type(given).__name__}.")
    else:
        call = call_async = given
    with_artifact = tool.response_format == "content_and_artifact"

    def formatted(result: Any) -> Any:
        return (result, None) if with_artifact and not (isinstance(result, tuple) and len(result) == 2) else result

    def run(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        if inspect.isawaitable(result):
            raise UsageError(f"The stand-in for {tool.name!r} is async, and the graph calls the tool synchronously.")
        return formatted(result)

    async def arun(*args: Any, **kwargs: Any) -> Any:
        result = call_async(*args, **kwargs)
        return formatted(await result if inspect.isawaitable(result) else result)

    return {"_run": run, "_arun": arun, "metadata": {**(tool.metadata or {}), MARK: True}}


def _with(invoke: Callable[..., Any], config: RunnableConfig) -> Callable[..., Any]:
    return lambda **arguments: invoke(arguments, config)


def _replayed(tool: BaseTool, cache: ToolCache) -> dict[str, Any]:
    """Returns the attributes with which a copy of `tool` records its results in `cache` and replays them."""
    if getattr(tool, "_injected_args_keys", None) or _injected(tool):
        raise UsageError(
            f"The tool {tool.name!r} is given state or store by the graph, so its result does not depend on its "
            "arguments alone: it cannot be replayed. Leave it out of the tool cache, or give it a stand-in."
        )

    def key(args: Any, kwargs: Mapping[str, Any]) -> str:
        own = {name: value for name, value in kwargs.items() if name not in ("config", "run_manager")}
        return cache.key(tool.name, args, own)

    @functools.wraps(tool._run)
    def run(*args: Any, **kwargs: Any) -> Any:
        found = cache.replay(key(args, kwargs))
        return found[0] if found else cache.record(key(args, kwargs), tool._run(*args, **kwargs))

    @functools.wraps(tool._arun)
    async def arun(*args: Any, **kwargs: Any) -> Any:
        found = cache.replay(key(args, kwargs))
        return found[0] if found else cache.record(key(args, kwargs), await tool._arun(*args, **kwargs))

    return {"_run": run, "_arun": arun}


def _injected(tool: BaseTool) -> bool:
    """Whether the graph fills in arguments that the model does not see."""
    seen_by_model = set(getattr(tool.tool_call_schema, "model_fields", {}))
    return bool(set(getattr(tool.get_input_schema(), "model_fields", {})) - seen_by_model)
