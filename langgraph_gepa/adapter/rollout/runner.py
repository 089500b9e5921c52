"""Runs one example through one bound graph, isolated from everything the user owns."""

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
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.errors import GraphRecursionError
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.failures.classification import FailureContext, error_text
from langgraph_gepa.adapter.failures.outcomes import ambiguous_failure
from langgraph_gepa.adapter.isolation import mutable_state
from langgraph_gepa.adapter.isolation.contexts import context_for
from langgraph_gepa.adapter.isolation.graph_copies import for_a_rollout
from langgraph_gepa.adapter.isolation.input_copies import containers_copied
from langgraph_gepa.adapter.isolation.persistence import Replacements, isolated, new_cache, new_checkpointer, new_store
from langgraph_gepa.adapter.rollout.inputs import require_one_turn, with_messages
from langgraph_gepa.adapter.rollout.interrupts import (
    Dialogue,
    UnansweredInterruptError,
    breakpoint_of,
    interrupts_in,
    state_key,
)
from langgraph_gepa.adapter.rollout.missing_options import missing_option
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.trajectories import trajectory_of
from langgraph_gepa.adapter.tools.stand_ins import Guard
from langgraph_gepa.adapter.tracing.callback_handler import Tracer
from langgraph_gepa.adapter.tracing.traces import example_tracer
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import Error

Graph = Pregel[Any, Any, Any, Any]
Handlers = list[BaseCallbackHandler]
MAX_INTERRUPTS = 100
GRACE = 1.0
"""Seconds that a stopped rollout has to end on its own."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UnscoredRollout:
    """What came of running a graph on an example, before the metric scores it.

    `state` is the live final state, `None` after a failure of the candidate, which `error` describes. `ambiguous` is a
    failure that may be the world's as well, or one of the world's after which the graph went on, as when a tool's
    exception becomes a message. `nodes` are the paths of the nodes that ran. `trajectory` is there if it was asked for.
    """

    state: Any
    watched: tuple[WatchedCall, ...]
    usage: Usage
    seconds: float
    error: str | None = None
    ambiguous: Exception | None = None
    nodes: tuple[str, ...] = ()
    trajectory: Any = None


async def run(
    graph: Graph,
    example: Example,
    options: RunnerOptions | None = None,
    *,
    scored: bool = True,
    graph_copy: Graph | None = None,
    trajectory: bool = False,
) -> UnscoredRollout:
    """Runs `graph` on a copy of the example's inputs, with a thread, checkpointer, store and cache of its own.

    What the graph's functions write to is copied as well; where it cannot be, such rollouts wait for each other. A
    failure of the candidate is returned as `error`; failures of the world and our own errors are raised. With
    `scored=False` only what the graph sends to models matters: failures of models are raised, and other failures of the
    world, such as a tool's, are returned as `ambiguous`. `graph_copy` is a copy made earlier by `for_a_rollout`, whose
    state the rollout continues with. `trajectory` asks for the path through the graph.
    """
    shared = mutable_state.known(graph).shared
    async with _exclusive(shared) if shared else nullcontext():
        graph_copy = for_a_rollout(graph) if graph_copy is None else graph_copy
        return await _run(graph_copy, example, options or RunnerOptions(), scored, trajectory)


async def _run(
    graph: Graph, example: Example, options: RunnerOptions, scored: bool, with_trajectory: bool
) -> UnscoredRollout:
    tracer, guard = Tracer(options.prices), Guard(options.tools)
    started = time.perf_counter()
    final, trajectory, error, raised = None, None, None, None
    try:
        replacements = Replacements()
        own = _with_own_persistence(graph, options.store, replacements)
        invocation = _invoked(own, example, options, [tracer, guard], replacements, with_trajectory)
        final, trajectory = await _within(options.timeout, invocation)
    except Error:
        raise
    except _TimedOutError:
        error = f"The rollout was stopped: it took longer than {options.timeout:g} seconds."
    except UnansweredInterruptError as unanswered:
        error = str(unanswered)
    except Exception as failure:  # noqa: BLE001 - classified below
        raised, error = failure, _message(failure, tracer.node_of(failure))
    guard.check()
    ambiguous = ambiguous_failure(
        options.is_world_failure, raised, tracer.unrecovered, lambda: _failure_context(tracer, example), scored=scored
    )
    seconds = time.perf_counter() - started
    return UnscoredRollout(final, tracer.watched, tracer.usage, seconds, error, ambiguous, tracer.nodes, trajectory)


def _failure_context(tracer: Tracer, example: Example) -> FailureContext:
    outputs = [watched.call.output for watched in tracer.watched if watched.call.kind == "model"]
    return FailureContext(tracer.model_failures, tuple(map(json.dumps, map(plain, (example.inputs, *outputs)))))


_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def _exclusive(shared: tuple[str, ...]) -> asyncio.Lock:
    """Returns the lock of the event loop for rollouts that cannot run side by side, and warns of why they cannot."""
    _warn(shared)
    return _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


@cache
def _warn(shared: tuple[str, ...]) -> None:
    _LOG.warning(
        "Rollouts run one at a time: the graph's code writes to objects that cannot be copied for each rollout (%s), "
        "and rollouts side by side would see each other's writes. Keep such data in the graph's state instead.",
        "; ".join(shared),
    )


def _with_own_persistence(
    graph: Graph, make_store: Callable[[], BaseStore] | None, replacements: Replacements
) -> Graph:
    """Returns `graph` with a fresh checkpointer, store and cache, which replace the user's at any depth."""
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


class _TimedOutError(Exception):
    """The rollout took longer than its options allow."""


async def _within(seconds: float | None, rollout: Coroutine[Any, Any, T]) -> T:
    """Awaits `rollout`; raises `_TimedOutError` when it takes longer than `seconds`.

    Once it is timed out or cancelled it has `GRACE` seconds to end. A node that swallows its cancellation is
    abandoned then, as is one that hangs in a thread, so that it does not hold up the run.
    """
    task = asyncio.create_task(rollout)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # where nobody else will ask
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
    raise _TimedOutError


async def _invoked(
    graph: Graph,
    example: Example,
    options: RunnerOptions,
    handlers: Handlers,
    replacements: Replacements,
    with_trajectory: bool,
) -> tuple[Any, Any]:
    """Returns the final state, and the trajectory if it was asked for, which needs every checkpoint."""
    durability: Literal["sync", "exit"] = "sync" if with_trajectory else "exit"
    config = _config(example, options, handlers)
    context = context_for(graph, options.context, example)
    require_one_turn(graph, example)
    step: Any = with_messages(graph, containers_copied(example.inputs))
    dialogue = Dialogue(options.on_interrupt)
    for _ in range(MAX_INTERRUPTS):
        with isolated(replacements):
            state = await graph.ainvoke(step, config, context=context, durability=durability)
        interrupts = interrupts_in(state)
        stopped_at = () if interrupts else await breakpoint_of(graph, config)
        if not interrupts and not stopped_at:
            with isolated(replacements):
                return state, await trajectory_of(graph, config) if with_trajectory else None
        step = await dialogue.resume(await state_key(graph, config), interrupts, stopped_at)
    raise GraphRecursionError(f"it interrupted itself more than {MAX_INTERRUPTS} times")


def _config(example: Example, options: RunnerOptions, handlers: Handlers) -> RunnableConfig:
    own = options.config(example) if callable(options.config) else containers_copied(options.config)
    config = merge_configs(own, {"callbacks": [*handlers, *example_tracer(example)]})
    if options.recursion_limit is not None:
        config["recursion_limit"] = options.recursion_limit
    config["configurable"] = {**config.get("configurable", {}), "thread_id": str(uuid.uuid4())}
    config["configurable"].pop("checkpoint_id", None)
    return config


def _message(failure: Exception, node: str) -> str:
    if isinstance(failure, GraphRecursionError):
        return f"The graph did not come to an end: {str(failure).splitlines()[0]}"
    message = f"In node {node}: {error_text(failure)}" if node else error_text(failure)
    hint = missing_option(failure)
    return f"{message.rstrip('.')}. {hint}" if hint else message
