"""A stranger's graph run on examples as `discover(graph, examples)` runs it, each by the script of its labelled run."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.store.memory import InMemoryStore

from langgraph_gepa.agent.rehearsal import rehearse
from langgraph_gepa.agent.runner import RunnerOptions
from langgraph_gepa.search.example import Example
from strangers.loopback import Json, Loopback, script_of
from strangers.opening import inputs_of

_SECONDS = 120
_LABELS = {"role", "type", "name", "id"}
_PROSE = re.compile(r"[A-Za-z][A-Za-z ,.?!']+")


def rehearse_all(loaded: Any, runs: Sequence[Json], adapter: ModuleType | None, server: Loopback) -> None:
    """Watches every labelled run and a second one like it, whose words are others, one after the other."""
    for run in runs:
        asyncio.run(_rehearse(loaded, run, adapter, server))


async def _rehearse(loaded: Any, run: Json, adapter: ModuleType | None, server: Loopback) -> None:
    inputs = inputs_of(run, adapter)
    examples = [Example("as labelled", inputs), Example("in other words", _varied(inputs))]
    store = InMemoryStore() if adapter is None else getattr(adapter, "store", InMemoryStore)()
    if adapter is not None and hasattr(adapter, "seed"):
        await adapter.seed(store)
    given = [answer[0] if isinstance(answer, list) else answer for answer in run.get("resume", ())]
    answers: list[Any] = []

    def config(_: Example) -> RunnableConfig:
        """Called when an example's run begins: the model follows its script from the start."""
        server.start(script_of(run))
        answers[:] = given
        return {"configurable": dict(run.get("configurable", {})), "recursion_limit": run.get("steps", 40)}

    options = RunnerOptions(
        timeout=_SECONDS,
        config=config,
        context=run.get("context"),
        store=lambda: copy.deepcopy(store),
        on_interrupt=(lambda _: answers.pop(0) if len(answers) > 1 else answers[0]) if given else None,
    )
    await rehearse(loaded, examples, options, concurrency=1)


def _varied(value: Any, key: str = "") -> Any:
    """The same inputs about something else, as far as they are words."""
    if isinstance(value, str):
        return f"{value} indeed" if _PROSE.fullmatch(value) and key not in _LABELS else value
    if isinstance(value, dict):
        return {name: _varied(held, name) for name, held in value.items()}
    if isinstance(value, list):
        return [_varied(held, key) for held in value]
    return value
