"""The labelled runs of a stranger's graph, and what its models were then sent."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import traceback
from collections import Counter
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from strangers.labels import GraphLabels
from strangers.loopback import Json, Loopback, script_of
from strangers.opening import inputs_of

SECONDS = 90
ROUNDS = 3
"""Runs in which a graph may come to rest."""
_PARTS = ("messages", "tools", "response_format")


@dataclass(frozen=True, slots=True)
class Runs:
    """The labelled runs of one graph."""

    graph: GraphLabels
    adapter: ModuleType | None
    server: Loopback

    def calls(self, loaded: Any, notes: list[str]) -> list[str]:
        """What every call of the runs sent, one JSON text a call. A run that fails is noted."""
        sent: list[str] = []
        for run in self.graph.runs:
            self.server.start(script_of(run))
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    asyncio.run(asyncio.wait_for(run_once(loaded, run, self.adapter), SECONDS))
            except Exception as failed:  # noqa: BLE001 - whatever a stranger's graph raises; its calls so far count
                where = traceback.extract_tb(failed.__traceback__)[-1]
                notes.append(
                    f"run {run.get('name', '')}: {type(failed).__name__}: {str(failed)[:200]} "
                    f"({where.name}:{where.lineno})"
                )
            sent += [
                json.dumps({k: v for k, v in call.items() if k in _PARTS}, sort_keys=True) for call in self.server.calls
            ]
        return sent

    def settled(self, loaded: Any, notes: list[str]) -> tuple[list[str], bool]:
        """The calls of the graph as it is, once two rounds in a row make the same ones; and whether any do.

        A graph may keep something of its own from run to run: its first runs are not what it is compared with.
        """
        before = self.calls(loaded, notes)
        for _ in range(ROUNDS):
            again = self.calls(loaded, [])
            if Counter(map(steady, before)) == Counter(map(steady, again)):
                return before, True
            before = again
        return before, False


async def run_once(loaded: Any, run: Json, adapter: ModuleType | None) -> Any:
    """The final state of the graph after a labelled run."""
    given = {"checkpointer": InMemorySaver(), "store": getattr(adapter, "store", InMemoryStore)()}
    graph = loaded.copy({key: value for key, value in given.items() if run.get("memory", True)})
    if adapter is not None and hasattr(adapter, "seed"):
        await adapter.seed(graph.store)
    inputs = inputs_of(run, adapter)
    config: RunnableConfig = {
        "configurable": {"thread_id": "1", **run.get("configurable", {})},
        "recursion_limit": run.get("steps", 40),
    }
    context = {"context": run["context"]} if "context" in run else {}
    final: Any = None
    for answer in [None, *run.get("resume", ())]:
        given_now: Any = inputs if answer is None else Command(resume=answer)
        final = await graph.ainvoke(given_now, config, **context)
    return final


def steady(sent: str) -> str:
    """A call without what differs from run to run: ids, times."""
    sent = re.sub(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", "ID", sent)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?|call_\d+|reply-\d+", "AT", sent)
