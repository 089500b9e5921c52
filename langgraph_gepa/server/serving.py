"""Runs a graph's rollouts on LangGraph Server: a second graph beside the agent, which calls the local evaluator."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from contextvars import Context
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from langgraph.config import get_config, get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.chat_models import models_of
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.failures.diagnosis import findings
from langgraph_gepa.adapter.loading import load_graph, load_metric, load_options
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.metric import name_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.own_loop import own_loop
from langgraph_gepa.adapter.rollout.redaction import clean, masking, secrets_of
from langgraph_gepa.adapter.tracing.traces import traced_run
from langgraph_gepa.core.module import KINDS
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.meter import metered
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.engine.purpose import serving
from langgraph_gepa.errors import Error, UsageError, WorldFailure
from langgraph_gepa.server.description import Description, describe
from langgraph_gepa.server.protocol import GRAPH, NODE, Reply, Request, dump_reply, load_request

K = TypeVar("K")
T = TypeVar("T")
Served = CompiledStateGraph[Any, Any, Any, Any]
KEPT = 64
"""How many searches, and how many rollouts whose metric failed, a server keeps in memory."""


class State(TypedDict, total=False):
    """A request and its reply, each one JSON text (see `server.protocol`)."""

    request: str
    reply: str


def serve(graph: Any, *, metric: Any, options: RunnerOptions | str | None = None) -> Served:
    """Returns a graph that runs rollouts of `graph` and scores them: list it as "rollouts" in `langgraph.json`.

    The arguments are those of `optimize`, which then runs its rollouts there (`workers=["http://..."]`). The returned
    graph only understands requests of this package. How many rollouts run at once is up to the server
    (`langgraph dev --n-jobs-per-worker`, `N_JOBS_PER_WORKER` on the platform). Raises `UsageError` as `optimize` does.
    """
    desk = _Desk(load_graph(graph), load_metric(metric), load_options(options), name_of(metric))

    async def rollout(state: State) -> State:
        """Answers in the event loop of local rollouts, which inherits nothing from the server's own run."""
        write, server = get_stream_writer(), asyncio.get_running_loop()

        def report(usage: Usage) -> None:
            spent = [usage.input_tokens, usage.output_tokens, usage.dollars, usage.estimated]
            server.call_soon_threadsafe(write, {"usage": spent})

        attempt = get_config().get("metadata", {}).get("run_attempt", 1)
        return {"reply": await _apart(lambda: desk.answer(state.get("request", ""), report, attempt))}

    served = StateGraph(State).add_node(NODE, rollout).add_edge(START, NODE).add_edge(NODE, END)
    return served.compile(name=GRAPH)


async def _apart(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine in the event loop of rollouts, without the callbacks, tracers and config of this context."""
    future = Context().run(lambda: asyncio.run_coroutine_threadsafe(make(), own_loop(os.getpid())))
    return await asyncio.wrap_future(future)


class _Desk:
    """Answers requests about one graph.

    Each search has an evaluator of its own, because an evaluator remembers what its rollouts proved about the prompts.
    """

    def __init__(self, graph: Any, metric: Any, options: RunnerOptions, metric_name: str) -> None:
        self._started = time.time()
        self._survey = survey(graph, kinds=KINDS)
        self._metric, self._options, self._metric_name = metric, options, metric_name
        self._mask = masking(secrets_of(models_of(graph)), options.mask)
        self._parts = GraphEvaluator(self._survey, metric, options=options).parts
        self._evaluators: OrderedDict[Any, GraphEvaluator] = OrderedDict()
        self._unscored: OrderedDict[str, Callable[[], Awaitable[Rollout]]] = OrderedDict()

    async def answer(self, text: str, report: Callable[[Usage], None], attempt: int = 1) -> str:
        """Returns the reply to a request; `report` is called with the usage of each model call as it ends.

        `attempt` counts the server's own attempts at this run, from 1.
        """
        spent: list[Usage] = []

        def count(usage: Usage) -> None:
            spent.append(usage)
            report(usage)

        with metered(count):
            try:
                request = load_request(text)
                labels = nullcontext() if request.run is None else traced_run(request.run)
                with labels, serving(request.purpose):
                    reply = await self._reply(request, attempt)
            except Unfinished as unfinished:
                reply = self._unfinished(unfinished)
            except Error as error:
                clean(error, self._mask)
                reply = Reply(error=(type(error).__name__, str(error)))
            except Exception as failure:  # noqa: BLE001 - of the world, as evaluators raise no other
                clean(failure, self._mask)
                reply = Reply(failure=findings(failure))
        return dump_reply(replace(reply, spent=sum(spent, Usage())))

    async def _reply(self, request: Request, attempt: int) -> Reply:
        if request.wants == "describe":
            return Reply(description=self._description().to_json())
        if attempt > 1 or 0 < request.sent < self._started:
            # The client has tried it again elsewhere, so nobody would account for its cost here.
            raise WorldFailure("the server stopped during the rollout; the client runs it again")
        if request.wants == "again":
            return Reply(rollout=await self._again(request.token))
        evaluator = await self._evaluator(request)
        if request.wants == "effects":
            no_effect = await evaluator.without_effect()
            return Reply(no_effect=no_effect, arrived=tuple(sorted(evaluator.arrived)))
        if request.example is None:
            raise UsageError("The request has no example to run.")
        return Reply(rollout=await evaluator.evaluate(request.texts, request.example))

    async def _again(self, token: str) -> Rollout:
        """Scores a rollout again whose metric failed before."""
        score = self._unscored.pop(token, None)
        if score is None:
            raise WorldFailure("this server no longer has the rollout that is to be scored again")
        return await score()

    def _unfinished(self, unfinished: Unfinished) -> Reply:
        token = ""
        if unfinished.go_on is not None:
            token = uuid4().hex
            _keep(self._unscored, token, unfinished.go_on)
        clean(unfinished.cause, self._mask)
        return Reply(unfinished.stands, findings(unfinished.cause), unfinished.ended, token)

    async def _evaluator(self, request: Request) -> GraphEvaluator:
        key = request.session, request.modules
        known = self._evaluators.pop(key, None)
        if known is None:
            made = await asyncio.to_thread(self._made, request)
            known = self._evaluators.pop(key, made)  # another request may have been quicker
        return _keep(self._evaluators, key, known)

    def _made(self, request: Request) -> GraphEvaluator:
        return GraphEvaluator(
            self._survey,
            self._metric,
            modules=request.modules,
            options=self._options,
            mask=self._mask,
        )

    def _description(self) -> Description:
        return describe(self._survey, self._parts, self._metric_name, self._options)


def _keep(kept: OrderedDict[K, T], key: K, value: T) -> T:
    """Adds a value and drops the oldest, so that at most `KEPT` remain."""
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return value
