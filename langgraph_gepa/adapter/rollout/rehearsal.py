"""A graph run on examples to see which texts reach its models."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.discovery import survey
from langgraph_gepa.adapter.failures.causes import ReportedError
from langgraph_gepa.adapter.failures.classification import words
from langgraph_gepa.adapter.observed import store_prompts
from langgraph_gepa.adapter.observed.message_parts import Run
from langgraph_gepa.adapter.observed.sightings import Sightings, sightings
from langgraph_gepa.adapter.rollout.effect import Effects
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import Ran, run
from langgraph_gepa.adapter.tools.stand_ins import replaced
from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Kind
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.errors import UsageError

_LOG = logging.getLogger(__name__)


async def rehearse(graph: Any, examples: Sequence[Example], options: RunnerOptions, concurrency: int = 8) -> None:
    """Runs `graph` as it is on the examples, apart from everything of the user's as rollouts are.

    What was seen is known to every later survey of the graph in this process. A tool or another service that fails is
    warned of, and the rest is watched. Raises `UsageError` when all examples fail without a model call, and as they are
    the failures of models, and of the world when nothing else was seen.
    """
    found = survey.survey(graph, kinds=_KINDS)
    bound = replaced(found.bind({}), options.tools, options.tool_cache)
    free = asyncio.Semaphore(concurrency)
    made: list[BaseStore] = []
    if (make := options.store) is not None:

        def store() -> BaseStore:
            made.append(make())
            return made[-1]

        options = replace(options, store=store)

    async def one(example: Example) -> Ran:
        async with free:
            return await run(bound, example, options, scored=False)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(example)) for example in examples]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed.exceptions[0].__cause__
    rans = [task.result() for task in tasks]
    if all(ran.error is not None and not ran.watched for ran in rans):
        if (failure := next((ran.doubt for ran in rans if ran.doubt is not None), None)) is not None:
            raise failure
        raise UsageError(
            f"The graph fails on every example before it calls a model. On {examples[0].id!r}: {rans[0].error}"
        )
    _warn(examples, rans)
    runs = [
        Run(plain(example.inputs), attribute(ran.watched, found.modules, {}))
        for example, ran in zip(examples, rans, strict=True)
    ]
    known = [module for module in found.modules if module.reason != Reason(Obstacle.EMPTY_STORE)]
    seen = sightings(runs, known, found.files)
    stored = [pair for store in made for pair in store_prompts.texts(store)]
    survey.remember(graph, replace(seen, unknown=tuple(store_prompts.named_after_store(seen.unknown, stored))))
    await _prove(graph, list(zip(examples, rans, strict=True)), options)


def _warn(examples: Sequence[Example], rans: Sequence[Ran]) -> None:
    """Warns of each failure that watching went on after, once, with the first example that it came up on."""
    failed: dict[str, str] = {}
    for example, ran in zip(examples, rans, strict=True):
        if ran.doubt is not None:
            failed.setdefault(_failure(ran, ran.doubt), example.id)
    for failure, example_id in failed.items():
        _LOG.warning(
            "On example %r %s. What the graph would have sent its models after that was not seen.", example_id, failure
        )


def _failure(ran: Ran, doubt: Exception) -> str:
    said = words(doubt).rstrip(".")
    if isinstance(doubt, ReportedError):
        return str(doubt).rstrip(".")
    failed = (f"the {seen.call.kind} {seen.call.name}" for seen in ran.watched if seen.call.error == words(doubt))
    return f"{next(failed, 'a service')} failed: {said}"


async def _prove(graph: Any, runs: Sequence[tuple[Example, Ran]], options: RunnerOptions) -> None:
    """Has later surveys know which of the texts, those found by watching included, were proved to have no effect."""
    found = survey.survey(graph, kinds=_KINDS)
    names = [module.name for module in found.modules if module.evidence != "possible" and not module.reason]
    effects = Effects(
        found, names, lambda texts: replaced(found.bind(texts), options.tools, options.tool_cache), options
    )
    called: set[str] = set()
    for example, ran in runs:
        calls = attribute(ran.watched, found.modules, {})
        called |= {call.node for call in calls if call.kind == "model"}
        effects.keep({}, example, ran, Rollout(example.id, None, Feedback(0.0), calls, nodes=ran.nodes))
    no_effect = await effects.settle()
    unsent = {m.name for m in found.modules if m.evidence == "flows" and called >= {*m.nodes}} & found.entries
    arrived = unsent if effects.arrived is None else effects.arrived
    survey.remember(graph, Sightings(no_effect=no_effect, unsent=frozenset(unsent - arrived)))


_KINDS: tuple[Kind, ...] = ("prompt", "tool", "schema")
