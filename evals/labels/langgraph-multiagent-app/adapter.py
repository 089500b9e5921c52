"""Modules that newer packages keep elsewhere, and a search that answers."""

import sys
import types
from typing import Any

import pydantic
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send
from strangers.standins import Standin


class TavilyClient(Standin):
    def qna_search(self, question: str) -> str:
        return "China."


def prepare() -> None:
    import tavily

    tavily.TavilyClient = TavilyClient
    graph: Any = types.ModuleType("langgraph.graph.graph")
    graph.CompiledGraph, graph.Send = CompiledStateGraph, Send
    sys.modules["langgraph.graph.graph"] = graph
    sys.modules["langchain_core.pydantic_v1"] = pydantic
