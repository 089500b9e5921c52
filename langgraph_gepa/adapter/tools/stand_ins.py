"""The tools of a graph: what they are, which may do harm, and others in their place."""

# ruff: noqa: ARG002 - the signature of a callback is LangChain's
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Container, Mapping
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.isolation.graph_copies import copied
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tools.name_hints import side_effect
from langgraph_gepa.adapter.tools.side_effects import effects
from langgraph_gepa.adapter.tools.tool_cache import ToolCache
from langgraph_gepa.errors import UsageError

Graph = Pregel[Any, Any, Any, Any]
StandIns = Mapping[str, Any]
"""Tool name -> what runs in its place: a function of the tool's arguments, sync or async, or another tool."""

MARK = "langgraph_gepa_stand_in"
HANDOFF = "__handoff_destination"
"""What langgraph-supervisor and langgraph-swarm note in the metadata of a tool that hands over to another agent."""


def tools_of(graph: Any) -> dict[str, BaseTool]:
    """Every tool object that a graph's nodes hold, by name. Tools that run at the provider are not among them."""
    nodes = Walk(compile_graph(graph)).nodes.values()
    return {tool.name: tool for tool in (node.value for node in nodes) if isinstance(tool, BaseTool)}


def suspicion(tool: BaseTool) -> str | None:
    """What suggests that a tool changes something outside, `None` when nothing does.

    Its code is believed where it can be followed to its end, its name and description where it cannot.
    """
    found = effects(tool)
    if found.acts:
        return f"calls {found.acts}"
    word = None if found.none else side_effect(tool.name, tool.description)
    return word and f"says {word!r}"


def suspicions(graph: Any) -> dict[str, str | None]:
    """Every tool of `graph` with its `suspicion`; handing over to another node changes nothing outside."""
    compiled = compile_graph(graph)

    def hands_over(tool: BaseTool) -> bool:
        return HANDOFF in (tool.metadata or {}) or tool.name.rpartition("_to_")[2] in compiled.nodes

    tools = tools_of(compiled)
    return {name: None if hands_over(tool) else suspicion(tool) for name, tool in tools.items()}


def warning(graph: Any, known: Container[str]) -> str | None:
    """One sentence on tools that may do harm and would really run, but for the `known`; `None` when there are none."""
    risky = {name: doubt for name, doubt in sorted(suspicions(graph).items()) if doubt and name not in known}
    if not risky:
        return None
    return (
        f"These tools look as if they change something outside, and each rollout really runs them: "
        f"{', '.join(f'{name} ({doubt})' for name, doubt in risky.items())}. "
        f'Put stand-ins in their place: RunnerOptions(tools={{"{next(iter(risky))}": lambda **arguments: "done"}}), '
        "or name those that do no harm: RunnerOptions(harmless=...). The command line takes them with --options."
    )


def replaced(graph: Graph, stand_ins: StandIns, cache: ToolCache | None = None) -> Graph:
    """A copy of `graph` in which tools have stand-ins, by name, and those of `cache` are recorded and replayed.

    Name, description and arguments of a tool stay, so the model notices nothing. Raises
    `UsageError` for a name that no tool has, and for a tool that cannot be replayed by its arguments.
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
    """Stops a tool with a stand-in from running for real, wherever the graph got hold of it."""

    raise_error = True
    run_inline = True

    def __init__(self, stand_ins: StandIns) -> None:
        self.tripped: str | None = None
        self._names = frozenset(stand_ins)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, metadata: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        name = (serialized or {}).get("name")
        if name in self._names and not (metadata or {}).get(MARK):
            self.tripped = str(name)
            self.check()

    def check(self) -> None:
        """Raises `UsageError` when a real tool was stopped."""
        if self.tripped is not None:
            raise UsageError(
                f"The real tool {self.tripped!r} was about to run although it has a stand-in, and was stopped: the "
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
    """The attributes that make a copy of `tool` run `given`."""
    if isinstance(given, BaseTool):
        marked = RunnableConfig(metadata={MARK: True})
        act, act_async = _with(given.invoke, marked), _with(given.ainvoke, marked)
    elif not callable(given):
        raise UsageError(f"The stand-in for {tool.name!r} must be a function or a tool, not {type(given).__name__}.")
    else:
        act = act_async = given
    answers = tool.response_format == "content_and_artifact"

    def shaped(result: Any) -> Any:
        return (result, None) if answers and not (isinstance(result, tuple) and len(result) == 2) else result

    def run(*args: Any, **kwargs: Any) -> Any:
        result = act(*args, **kwargs)
        if inspect.isawaitable(result):
            raise UsageError(f"The stand-in for {tool.name!r} is async, and the graph calls the tool synchronously.")
        return shaped(result)

    async def arun(*args: Any, **kwargs: Any) -> Any:
        result = act_async(*args, **kwargs)
        return shaped(await result if inspect.isawaitable(result) else result)

    return {"_run": run, "_arun": arun, "metadata": {**(tool.metadata or {}), MARK: True}}


def _with(invoke: Callable[..., Any], config: RunnableConfig) -> Callable[..., Any]:
    return lambda **arguments: invoke(arguments, config)


def _replayed(tool: BaseTool, cache: ToolCache) -> dict[str, Any]:
    if getattr(tool, "_injected_args_keys", None) or _injected(tool):
        raise UsageError(
            f"The tool {tool.name!r} is given state or store by the graph, so its arguments do not tell its result: "
            "it cannot be replayed. Leave it out of the tool cache, or give it a stand-in."
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
    shown = set(getattr(tool.tool_call_schema, "model_fields", {}))
    return bool(set(getattr(tool.get_input_schema(), "model_fields", {})) - shown)
