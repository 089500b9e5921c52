"""Runs a graph on examples to see which texts reach its models, for later surveys of the graph."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.discovery import survey
from langgraph_gepa.adapter.discovery.pulled_modules import as_seen, pulled_modules
from langgraph_gepa.adapter.failures.causes import ReportedError
from langgraph_gepa.adapter.failures.classification import error_text
from langgraph_gepa.adapter.observed import store_prompts
from langgraph_gepa.adapter.observed.message_parts import Run
from langgraph_gepa.adapter.observed.sightings import Sightings, sightings
from langgraph_gepa.adapter.rollout.effect import Effects
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import Graph, UnscoredRollout, run
from langgraph_gepa.adapter.tools.stand_ins import replaced
from langgraph_gepa.adapter.tracing import pulled_prompts
from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Kind
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.errors import UsageError

_LOG = logging.getLogger(__name__)


async def rehearse(graph: Any, examples: Sequence[Example], options: RunnerOptions, concurrency: int = 8) -> None:
    """Runs `graph` unchanged on the examples, isolated as rollouts are, and records what it sends its models.

    Every later survey of the graph in this process knows what was recorded. A service that fails, such as a tool's, is
    warned of. Raises the failures of models; `UsageError`, or else a failure of the world, when every example fails
    before a model is called.
    """
    found = survey.survey(graph, kinds=_KINDS)
    bound = replaced(found.bind({}), options.tools, options.tool_cache)
    options, stores = _keeping_stores(options)
    with pulled_prompts.recorded() as pulls:
        rollouts = await _run_all(bound, examples, options, concurrency)
    _check(examples, rollouts)
    _warn(examples, rollouts)
    runs = [
        Run(plain(example.inputs), attribute(unscored.watched, found.modules, {}))
        for example, unscored in zip(examples, rollouts, strict=True)
    ]
    known = [module for module in found.modules if module.reason != Reason(Obstacle.EMPTY_STORE)]
    pulled = pulled_modules(pulls, known)
    seen = sightings(runs, [*known, *pulled], found.files)
    stored = [pair for store in stores for pair in store_prompts.texts(store)]
    unknown = (*as_seen(pulled, seen.seen), *store_prompts.named_after_store(seen.unknown, stored))
    survey.remember(graph, replace(seen, unknown=unknown))
    await _prove(graph, list(zip(examples, rollouts, strict=True)), options)


def _keeping_stores(options: RunnerOptions) -> tuple[RunnerOptions, list[BaseStore]]:
    """The options, and the list to which their function for stores then adds each store that it makes."""
    made: list[BaseStore] = []
    make = options.store
    if make is None:
        return options, made

    def store() -> BaseStore:
        made.append(make())
        return made[-1]

    return replace(options, store=store), made


async def _run_all(
    bound: Graph, examples: Sequence[Example], options: RunnerOptions, concurrency: int
) -> list[UnscoredRollout]:
    """Runs the examples, `concurrency` at once. Raises the first failure, after cancelling the others."""
    free = asyncio.Semaphore(concurrency)

    async def one(example: Example) -> UnscoredRollout:
        async with free:
            return await run(bound, example, options, scored=False)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(example)) for example in examples]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed.exceptions[0].__cause__
    return [task.result() for task in tasks]


def _check(examples: Sequence[Example], rollouts: Sequence[UnscoredRollout]) -> None:
    """Raises as `rehearse` does when every example fails before a model is called."""
    if any(unscored.error is None or unscored.watched for unscored in rollouts):
        return
    for unscored in rollouts:
        if unscored.ambiguous is not None:
            raise unscored.ambiguous
    raise UsageError(
        f"The graph fails on every example before it calls a model. On {examples[0].id!r}: {rollouts[0].error}"
    )


def _warn(examples: Sequence[Example], rollouts: Sequence[UnscoredRollout]) -> None:
    """Warns of each failure that did not end the rehearsal, once, with the first example on which it happened."""
    first: dict[str, str] = {}
    for example, unscored in zip(examples, rollouts, strict=True):
        if unscored.ambiguous is not None:
            first.setdefault(_description(unscored, unscored.ambiguous), example.id)
    for failure, example_id in first.items():
        _LOG.warning(
            "On example %r %s. What the graph would have sent its models after that was not seen.", example_id, failure
        )


def _description(unscored: UnscoredRollout, failure: Exception) -> str:
    if isinstance(failure, ReportedError):
        return str(failure).rstrip(".")
    text = error_text(failure)
    failed = (f"the {seen.call.kind} {seen.call.name}" for seen in unscored.watched if seen.call.error == text)
    return f"{next(failed, 'a service')} failed: {text.rstrip('.')}"


async def _prove(graph: Any, runs: Sequence[tuple[Example, UnscoredRollout]], options: RunnerOptions) -> None:
    """Records which texts, those found by watching included, are proved by replays to have no effect."""
    found = survey.survey(graph, kinds=_KINDS)
    names = [module.name for module in found.modules if module.evidence != "possible" and not module.reason]
    effects = Effects(
        found, names, lambda texts: replaced(found.bind(texts), options.tools, options.tool_cache), options
    )
    called: set[str] = set()
    for example, unscored in runs:
        calls = attribute(unscored.watched, found.modules, {})
        called |= {call.node for call in calls if call.kind == "model"}
        effects.keep({}, example, unscored, Rollout(example.id, None, Feedback(0.0), calls, nodes=unscored.nodes))
    no_effect = await effects.settle()
    unsent = {m.name for m in found.modules if m.evidence == "flows" and called >= {*m.nodes}} & found.entries
    arrived = unsent if effects.arrived is None else effects.arrived
    survey.remember(graph, Sightings(no_effect=no_effect, unsent=frozenset(unsent - arrived)))


_KINDS: tuple[Kind, ...] = ("prompt", "tool", "schema")
