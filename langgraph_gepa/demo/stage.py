"""Sets the demo up: graph, tickets, metric and models, simulated on loopback or real."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langgraph.graph.state import CompiledStateGraph
from pydantic import SecretStr

from langgraph_gepa.core.rollout import Feedback
from langgraph_gepa.demo import helpdesk
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.demo.simulated import reflector, support
from langgraph_gepa.demo.ticket_review import review
from langgraph_gepa.demo.tickets import tickets
from langgraph_gepa.errors import ModelError
from langgraph_gepa.runs.config import DEMO

AGENT = "simulated-agent"
REFLECTOR = "simulated-reflector"


@dataclass(frozen=True, slots=True)
class Demo:
    """All that `optimize` asks for. The sets are lists of `inputs`, `outputs`, `metadata`.

    `tools` names the graph's tools: each rollout gives them a shop of its own, so they do no harm.
    """

    graph: CompiledStateGraph[Any, Any, Any, Any]
    trainset: list[dict[str, Any]]
    valset: list[dict[str, Any]]
    testset: list[dict[str, Any]]
    metric: Callable[..., Feedback]
    reflection_lm: BaseChatModel
    tools: tuple[str, ...]


@contextmanager
def helpdesk_demo(*, seed: int = 0, real: bool = False) -> Iterator[Demo]:
    """The support desk, ready to be optimised while the `with` lasts.

    A simulated server starts on loopback and answers for the models, deterministic for `seed`.
    With `real` nothing is simulated: OpenAI's models answer (`OPENAI_MODEL` for the graph,
    `OPENAI_REFLECTION_MODEL`, `OPENAI_BASE_URL`). Raises `ModelError` when there is no
    `OPENAI_API_KEY` then.
    """
    if real:
        if not os.environ.get("OPENAI_API_KEY"):
            raise ModelError("The demo on a real model needs a key: set the environment variable OPENAI_API_KEY.")
        model = os.environ.get("OPENAI_MODEL", "gpt-5-mini")
        reflection = os.environ.get("OPENAI_REFLECTION_MODEL", "gpt-5")
        yield _demo(ChatOpenAI(model=model), ChatOpenAI(model=reflection, tags=[DEMO]))
        return
    with SimulatedServer({AGENT: support, REFLECTOR: reflector}, seed=seed) as server:
        yield _demo(_simulated(AGENT, server), _simulated(REFLECTOR, server))


def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The support desk without models that answer: to read its texts, as `apply` does."""
    return helpdesk.build(ChatOpenAI(model=AGENT, base_url="http://127.0.0.1:9", api_key=SecretStr("simulated")))


def _simulated(model: str, server: SimulatedServer) -> ChatOpenAI:
    tags = [DEMO] if model == REFLECTOR else None
    return ChatOpenAI(model=model, base_url=server.base_url, api_key=SecretStr("simulated"), tags=tags)


def _demo(model: BaseChatModel, reflection: BaseChatModel) -> Demo:
    return Demo(
        graph=helpdesk.build(model),
        trainset=tickets("train"),
        valset=tickets("validation"),
        testset=tickets("test"),
        metric=review,
        reflection_lm=reflection,
        tools=tuple(tool.name for tool in helpdesk.TOOLS),
    )
