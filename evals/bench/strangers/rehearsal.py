"""A stranger's graph run on examples as rollouts are run, each by the script of its labelled run."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.store.memory import InMemoryStore

from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.rehearsal import rehearse
from langgraph_gepa.core.example import Example
from strangers.loopback import Json, Loopback, script_of
from strangers.opening import inputs_of

_SECONDS = 120
_LABELS = {"role", "type", "name", "id"}
_PROSE = re.compile(r"[A-Za-z][A-Za-z ,.?!']+")
_SPACED = re.compile(r"[^\W\d]\S* .*", re.DOTALL)


def rehearse_all(loaded: Any, runs: Sequence[Json], adapter: ModuleType | None, server: Loopback) -> None:
    """Watches every labelled run and a second one like it, whose words are others, one after the other."""
    for run in runs:
        inputs, metadata = inputs_of(run, adapter), {"run": 0}
        examples = [
            Example("as labelled", inputs, metadata=metadata),
            Example("in other words", varied(inputs), metadata=metadata),
        ]
        asyncio.run(_rehearse(loaded, examples, run, adapter, server))


async def _rehearse(
    loaded: Any, examples: Sequence[Example], run: Json, adapter: ModuleType | None, server: Loopback
) -> None:
    await rehearse(loaded, examples, await options_for([run], adapter, server), concurrency=1)


async def options_for(
    runs: Sequence[Json], adapter: ModuleType | None, server: Loopback, otherwise: Sequence[Any] = ()
) -> RunnerOptions:
    """How the labelled runs are run as rollouts, one at a time: an example's metadata say which `run` it is of.

    `otherwise` are a human's answers where the run has none.
    """
    store = InMemoryStore() if adapter is None else getattr(adapter, "store", InMemoryStore)()
    if adapter is not None and hasattr(adapter, "seed"):
        await adapter.seed(store)
    answers: list[Any] = []

    def config(example: Example) -> RunnableConfig:
        """Called when an example's run begins: the model follows its script from the start."""
        run = runs[example.metadata["run"]]
        server.start(script_of(run))
        answers[:] = run.get("resume", otherwise)
        return {"configurable": dict(run.get("configurable", {})), "recursion_limit": run.get("steps", 40)}

    return RunnerOptions(
        timeout=_SECONDS,
        config=config,
        context=lambda example: runs[example.metadata["run"]].get("context"),
        store=lambda: copy.deepcopy(store),
        on_interrupt=(lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
        if otherwise or any("resume" in run for run in runs)
        else None,
    )


def varied(value: Any, word: str = "indeed", texts: re.Pattern[str] = _PROSE, key: str = "") -> Any:
    """The same inputs about something else, as far as they are words."""
    if isinstance(value, str):
        return f"{value} {word}" if texts.fullmatch(value) and key not in _LABELS else value
    if isinstance(value, dict):
        return {name: varied(held, word, texts, name) for name, held in value.items()}
    if isinstance(value, list):
        return [varied(held, word, texts, key) for held in value]
    return value


def reworded(inputs: Any, word: str) -> Any:
    """The same inputs with `word` after every text of several words, or where there is none after every word."""
    changed = varied(inputs, word, _SPACED)
    return changed if changed != inputs else varied(inputs, word)
