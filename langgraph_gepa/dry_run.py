"""What one rollout would do, told without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langgraph_gepa.agent.discovery import survey
from langgraph_gepa.agent.loading import load_graph
from langgraph_gepa.agent.models import models_of, name_of, unpriced
from langgraph_gepa.agent.runner import RunnerOptions
from langgraph_gepa.agent.tools import replaced, side_effect, tools_of
from langgraph_gepa.engine.examples import load_examples

LONGEST = 70


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool and what would run when a model asks for it. `suspicion` is the word that suggests a side effect."""

    name: str
    runs: Literal["real", "stand-in", "recorded"]
    suspicion: str | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """One rollout as it would be. `isolated` names what of the user's is replaced for it, `asks` where it may stop
    for a human, `unpriced` the models whose price is unknown."""

    graph: str
    nodes: tuple[str, ...]
    modules: tuple[str, ...]
    models: tuple[str, ...]
    unpriced: tuple[str, ...]
    tools: tuple[ToolUse, ...]
    isolated: tuple[str, ...]
    asks: tuple[str, ...]
    answered: bool
    timeout: float | None
    example: str | None = None
    inputs: Mapping[str, Any] | None = None

    @property
    def risky(self) -> tuple[str, ...]:
        """Tools that would really run and look as if they change something outside."""
        return tuple(tool.name for tool in self.tools if tool.runs == "real" and tool.suspicion)

    def __str__(self) -> str:
        lines = [
            f"graph     {self.graph}: {', '.join(self.nodes)}",
            f"prompts   {', '.join(self.modules) or 'none found'}",
            f"models    {', '.join(self.models) or 'none found in its objects'}",
            *(f"tool      {_line(tool)}" for tool in self.tools),
            f"fresh     {', '.join(self.isolated)}, a thread of its own",
        ]
        if self.unpriced:
            unknown = ", ".join(self.unpriced)
            lines.append(f"price     unknown: {unknown}; a limit in dollars needs RunnerOptions(prices=)")
        if self.asks:
            how = "answered by on_interrupt" if self.answered else "the rollout fails there: give on_interrupt="
            lines.append(f"stops     {', '.join(self.asks)}: {how}")
        lines.append(f"at most   {self.timeout:g} seconds" if self.timeout else "at most   no time limit")
        if self.inputs is not None:
            lines.append(f"example   {self.example}")
            lines += [f"          {name} = {_brief(value)}" for name, value in self.inputs.items()]
        if self.risky:
            lines.append(f"WARNING   real and perhaps harmful: {', '.join(self.risky)}. RunnerOptions(tools={{...}})")
        return "\n".join(lines)


def dry_run(graph: Any, data: Any = None, *, options: RunnerOptions | None = None) -> DryRun:
    """What a rollout of `graph` on the first example of `data` would do; no model, tool or node runs.

    Graph and data are given as to `optimize`. Raises `UsageError` where `optimize` would, as for a
    stand-in that no tool's name fits.
    """
    options = options or RunnerOptions()
    compiled = load_graph(graph)
    modules = survey(compiled).modules
    replaced(compiled, options.tools, options.tool_cache)
    recorded = options.tool_cache.tools if options.tool_cache else frozenset()
    models = models_of(compiled)
    example = load_examples(data, "data")[0] if data is not None else None
    own_store = compiled.store is not None or options.store is not None
    fresh = {"checkpointer": True, "store": own_store, "cache": compiled.cache is not None}
    breakpoints = [*_nodes(compiled.interrupt_before_nodes), *_nodes(compiled.interrupt_after_nodes)]
    return DryRun(
        graph=compiled.get_name(),
        nodes=tuple(name for name in compiled.nodes if not name.startswith("__")),
        modules=tuple(module.name for module in modules if module.on),
        models=tuple(dict.fromkeys(name_of(model) for model in models)),
        unpriced=tuple(unpriced(models, options.prices)),
        tools=tuple(
            ToolUse(
                name,
                "stand-in" if name in options.tools else "recorded" if name in recorded else "real",
                side_effect(name, tool.description),
            )
            for name, tool in tools_of(compiled).items()
        ),
        isolated=tuple(name for name, is_fresh in fresh.items() if is_fresh),
        asks=tuple(f"breakpoint at {name}" for name in breakpoints),
        answered=options.on_interrupt is not None,
        timeout=options.timeout,
        example=example.id if example else None,
        inputs=example.inputs if example else None,
    )


def _nodes(named: Any) -> list[str]:
    return ["every node"] if named == "*" else list(named)


def _line(tool: ToolUse) -> str:
    doubt = f"  (it may {tool.suspicion} something outside)" if tool.suspicion and tool.runs == "real" else ""
    return f"{tool.name}: {tool.runs}{doubt}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
