"""A cache that knows every flight and hotel; a person at the keyboard; what older langgraph had."""

import sys
import types
from typing import Any

import langgraph.prebuilt
from langgraph.graph.state import CompiledStateGraph
from strangers.standins import Standin


class Redis(Standin):
    def get(self, _: str) -> str:
        return '{"status": "success", "offers": ["For 100 euros."]}'


def prepare() -> None:
    import redis

    redis.Redis = Redis
    older: Any = types.ModuleType("langgraph.graph.graph")
    older.CompiledGraph = CompiledStateGraph
    sys.modules[older.__name__] = older
    made = langgraph.prebuilt.create_react_agent

    def create_react_agent(*, state_modifier: Any, **given: Any) -> Any:
        return made(prompt=state_modifier, **given)

    langgraph.prebuilt.create_react_agent = create_react_agent  # type: ignore[assignment]


def graph() -> Any:
    from src.graphs.graph import build_graph
    from src.nodes.agents import context_enricher

    context_enricher.input = lambda _: "Two weeks"  # type: ignore[attr-defined]
    return build_graph()
