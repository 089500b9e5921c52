"""One example through one bound graph, apart from everything the user owns."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.errors import GraphRecursionError
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.failures.classification import (
    Witnessed,
    words,
)
from langgraph_gepa.adapter.isolation import mutable_state
from langgraph_gepa.adapter.isolation.contexts import context_for
from langgraph_gepa.adapter.isolation.graph_copies import for_a_rollout
from langgraph_gepa.adapter.isolation.input_copies import containers_copied
from langgraph_gepa.adapter.isolation.persistence import Replacements, isolated, new_cache, new_checkpointer, new_store
from langgraph_gepa.adapter.rollout.inputs import with_messages
from langgraph_gepa.adapter.rollout.interrupts import (
    Dialogue,
    UnansweredInterruptError,
    breakpoint_of,
    interrupts_in,
    standing_at,
)
from langgraph_gepa.adapter.rollout.missing_options import wanting
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.tools.stand_ins import Guard
from langgraph_gepa.adapter.tracing.callback_handler import Tracer
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import Error

Graph = Pregel[Any, Any, Any, Any]
Handlers = list[BaseCallbackHandler]
MOST_INTERRUPTS = 100
GRACE = 1.0
"""Seconds that a stopped rollout has to end by itself."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """A graph's run on an example, not yet scored. `state` is the live final state, `None` when it failed.

    `doubt` is what made it fail where that may have been the world as well, or a failure of the world that it
    went on after, as with a tool whose error becomes a message;
    `nodes` are those that ran, as paths.
    """

    state: Any
    watched: tuple[WatchedCall, ...]
    usage: Usage
    seconds: float
    error: str | None = None
    doubt: Exception | None = None
    nodes: tuple[str, ...] = ()


async def run(
    graph: Graph,
    example: Example,
    options: RunnerOptions | None = None,
    *,
    scored: bool = True,
    own: Graph | None = None,
) -> Ran:
    """Runs `example` through `graph` with its own thread, checkpointer, store and cache, and its own of everything
    that the graph's functions write to. Where that cannot be had, such rollouts wait for each other.

    A failure of the candidate comes back as `error`, in words; a failure of the world and our
    own errors are raised as they are. A run that is not `scored` only shows what the graph sends: of the world's
    failures those of models are raised then, and another, such as a tool's, is its `doubt`. The example is never
    written to. `own` is a copy that `for_a_rollout` made of the graph before: the rollout goes on with what that holds.
    """
    shared = mutable_state.known(graph).shared
    async with _turn(shared) if shared else nullcontext():
        return await _run(for_a_rollout(graph) if own is None else own, example, options or RunnerOptions(), scored)


async def _run(graph: Graph, example: Example, options: RunnerOptions, scored: bool) -> Ran:
    tracer, guard = Tracer(options.prices), Guard(options.tools)
    started = time.perf_counter()
    final, error, raised = None, None, None
    try:
        replacements = Replacements()
        own = _own(graph, options.store, replacements)
        whole = _to_the_end(own, example, options, [tracer, guard], replacements)
        final = await _within(options.timeout, whole)
    except Error:
        raise
    except _OutOfTimeError:
        error = f"The rollout was stopped: it took longer than {options.timeout:g} seconds."
    except UnansweredInterruptError as unanswered:
        error = str(unanswered)
    except Exception as failure:  # noqa: BLE001 - judged below
        raised, error = failure, _in_words(failure, tracer.node_of(failure))
    guard.check()
    doubt = options.doubt(raised, tracer.unrecovered, lambda: _witnessed(tracer, example), scored=scored)
    seconds = time.perf_counter() - started
    return Ran(final, tracer.watched, tracer.usage, seconds, error, doubt, tracer.nodes)


def _witnessed(tracer: Tracer, example: Example) -> Witnessed:
    outputs = [watched.call.output for watched in tracer.watched if watched.call.kind == "model"]
    return Witnessed(tracer.model_failures, tuple(map(json.dumps, map(plain, (example.inputs, *outputs)))))


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def _turn(shared: tuple[str, ...]) -> asyncio.Lock:
    """What a rollout holds that must be the only one of its event loop."""
    _warn(shared)
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


@cache
def _warn(shared: tuple[str, ...]) -> None:
    _LOG.warning(
        "Rollouts run one at a time: the graph's code writes to what no copy can have of its own (%s), and side by "
        "side they would meet each other's. Keep it in the graph's state instead.",
        "; ".join(shared),
    )


def _own(graph: Graph, make_store: Callable[[], BaseStore] | None, replacements: Replacements) -> Graph:
    """`graph` with a checkpointer, store and cache of its own, which answer for the user's at any depth."""
    fresh: dict[str, Any] = {"checkpointer": new_checkpointer()}
    if make_store is not None:
        fresh["store"] = make_store()
    else:
        fresh["store"] = new_store(graph.store)  # LangGraph Server gives one to graphs compiled without
    if graph.cache is not None:
        fresh["cache"] = new_cache()  # the user's would hand one candidate's answers to another
    for name, replacement in fresh.items():
        replacements.put(getattr(graph, name), replacement)
    return graph.copy(fresh)


class _OutOfTimeError(Exception):
    """The time of a rollout is over."""


async def _within(seconds: float | None, rollout: Coroutine[Any, Any, T]) -> T:
    """The outcome of `rollout`; raises `_OutOfTimeError` when it takes longer.

    Stopped, by the clock or from outside, it has `GRACE` seconds to end. A node that swallows its
    cancellation is left behind then, as one that hangs in a thread is: it must not hold up the run.
    """
    task = asyncio.create_task(rollout)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody else will ask
            await asyncio.wait({task}, timeout=GRACE)
    raise _OutOfTimeError


async def _to_the_end(
    graph: Graph, example: Example, options: RunnerOptions, handlers: Handlers, replacements: Replacements
) -> Any:
    config = _config(example, options, handlers)
    context = context_for(graph, options.context, example)
    step: Any = with_messages(graph, containers_copied(example.inputs))
    dialogue = Dialogue(options.on_interrupt)
    for _ in range(MOST_INTERRUPTS):
        with isolated(replacements):
            state = await graph.ainvoke(step, config, context=context, durability="exit")
        asked = interrupts_in(state)
        stopped_at = () if asked else await breakpoint_of(graph, config)
        if not asked and not stopped_at:
            return state
        step = await dialogue.resume(await standing_at(graph, config), asked, stopped_at)
    raise GraphRecursionError(f"it interrupted itself more than {MOST_INTERRUPTS} times")


def _config(example: Example, options: RunnerOptions, handlers: Handlers) -> RunnableConfig:
    own = options.config(example) if callable(options.config) else containers_copied(options.config)
    config = merge_configs(own, {"callbacks": handlers})
    if options.recursion_limit is not None:
        config["recursion_limit"] = options.recursion_limit
    config["configurable"] = {**config.get("configurable", {}), "thread_id": str(uuid.uuid4())}
    config["configurable"].pop("checkpoint_id", None)
    return config


def _in_words(failure: Exception, node: str) -> str:
    if isinstance(failure, GraphRecursionError):
        return f"The graph did not come to an end: {str(failure).splitlines()[0]}"
    where = f"In node {node}: " if node else ""
    said = f"{where}{words(failure)}"
    lacks = wanting(failure)
    return f"{said.rstrip('.')}. {lacks}" if lacks else said
