"""Records the model, tool and retriever calls of one rollout through LangChain's callbacks, with node and usage."""

# ruff: noqa: ARG002 - the signatures are LangChain's; what a handler leaves unused is still passed by name
from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphBubbleUp

from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError
from langgraph_gepa.adapter.failures.classification import error_text
from langgraph_gepa.adapter.tracing.attribution import node_path
from langgraph_gepa.adapter.tracing.call_order import TaskPosition, in_order, task_position
from langgraph_gepa.adapter.tracing.payloads import (
    first_generation,
    is_empty,
    offered_schemas,
    reply_of,
    reported_failure,
    slim,
    tool_result,
    usage_of,
)
from langgraph_gepa.adapter.tracing.pricing import Prices
from langgraph_gepa.adapter.tracing.watched import PendingCall, WatchedCall, watched_call
from langgraph_gepa.core.json_data import plain, shortened
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.meter import Meter, meter


class Tracer(BaseCallbackHandler):
    """The callback handler of one rollout; `watched` holds its calls.

    Works from any thread and never raises into the graph. Each model call's usage is passed to `report` as the call
    ends, by default to `engine.meter.meter()`. `model_failures` are the exceptions that ended model calls.
    """

    run_inline = True  # called in order, in the thread of the event; no executor hop for each

    def __init__(self, prices: Prices | None = None, report: Meter | None = None) -> None:
        self.model_failures: list[BaseException] = []
        self._prices = prices
        self._report = meter() if report is None else report
        self._lock = threading.Lock()
        self._calls: list[PendingCall] = []
        self._runs: dict[UUID, PendingCall] = {}
        self._nodes: dict[UUID, str] = {}
        self._tasks: dict[UUID, TaskPosition] = {}
        self._tools: dict[UUID, int] = {}
        self._raised: dict[int, tuple[BaseException, str]] = {}

    @property
    def watched(self) -> tuple[WatchedCall, ...]:
        """The calls in the order they began; those of parallel branches in the order of the branches.

        A call that is still pending has an error that says so.
        """
        now = time.perf_counter()
        with self._lock:
            order = in_order([call.task.path for call in self._calls])
            new_index = {old: new for new, old in enumerate(order)}
            return tuple(watched_call(self._calls[index], now, new_index) for index in order)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The paths of the nodes in which anything ran."""
        with self._lock:
            return tuple(sorted({node for node in self._nodes.values() if node}))

    @property
    def usage(self) -> Usage:
        with self._lock:
            return sum((call.usage for call in self._calls), Usage())

    def node_of(self, failure: BaseException) -> str:
        """Returns the path of the node that raised `failure`, compared by identity; `""` when no node did."""
        with self._lock:
            return self._raised.get(id(failure), (failure, ""))[1]

    @property
    def unrecovered(self) -> tuple[Exception, ...]:
        """The failures of calls that no later call recovered from, whether or not the graph went on."""
        with self._lock:
            return tuple(
                call.failure
                for call in self._calls
                if call.failure is not None and not any(map(call.recovered_by, self._calls))
            )

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self._locate(run_id, parent_run_id, metadata)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        with self._lock:
            self._raised.setdefault(id(error), (error, self._nodes.get(run_id, "")))

    def on_chat_model_start(
        self, serialized: Any, messages: list[list[BaseMessage]], *, run_id: UUID, parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        messages_read = [slim(message) for batch in messages for message in batch]
        self._model_started(serialized, messages_read, run_id, parent_run_id, metadata or {}, kwargs)

    def on_llm_start(
        self, serialized: Any, prompts: list[str], *, run_id: UUID, parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        messages_read = [{"role": "user", "content": plain(prompt)} for prompt in prompts]
        self._model_started(serialized, messages_read, run_id, parent_run_id, metadata or {}, kwargs)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._runs.get(run_id)
        if call is not None:
            call.streamed = True

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._ended(run_id, response)
        if call is not None:
            generation = first_generation(response)
            call.output = reply_of(generation)
            call.usage = usage_of(
                response, generation, call.model, call.provider, self._prices, lambda: (call.prompt, call.output)
            )
            if generation is None or is_empty(generation, streamed=call.streamed):
                call.failure = NoAnswerError(f"the answer of {call.model} held no message")
            self._report(call.usage)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.model_failures.append(error)
        self._failed(run_id, error)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None, inputs: dict[str, Any] | None = None,
        tool_call_id: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        described = serialized if isinstance(serialized, Mapping) else {}
        name = str(described.get("name") or kwargs.get("name") or "tool")
        schema = {"name": name, "description": plain(described.get("description") or "")}
        arguments = plain(inputs) if inputs is not None else {"input": plain(input_str)}
        call = PendingCall("tool", "", name, arguments, time.perf_counter(), (schema,), tool_call_id)
        self._started(call, run_id, parent_run_id, metadata)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._ended(run_id, output)
        if call is not None:
            failed = getattr(output, "status", None) == "error"
            given = tool_result(output)
            call.output = shortened(given)
            call.error = str(call.output) if failed else None
            call.failure = reported_failure(call.name, given, failed)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._failed(run_id, error)

    def on_retriever_start(
        self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        name = str(kwargs.get("name") or (serialized or {}).get("name") or "retriever")
        call = PendingCall("retrieval", "", name, plain(query), time.perf_counter())
        self._started(call, run_id, parent_run_id, metadata)

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **kwargs: Any) -> None:
        call = self._ended(run_id, documents)
        if call is not None:
            call.output = plain(list(documents))

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._failed(run_id, error)

    def _model_started(
        self, serialized: Any, messages_read: list[Any], run_id: UUID, parent: UUID | None,
        metadata: Mapping[str, Any], kwargs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        parameters = kwargs.get("invocation_params") or {}
        model = str(
            metadata.get("ls_model_name")
            or parameters.get("model")
            or parameters.get("model_name")
            or (serialized or {}).get("name")
            or kwargs.get("name")
            or "model"
        )
        call = PendingCall("model", "", model, messages_read, time.perf_counter(), offered_schemas(parameters))
        call.model, call.provider = model, metadata.get("ls_provider")
        self._started(call, run_id, parent, metadata)

    def _started(
        self, call: PendingCall, run_id: UUID, parent: UUID | None, metadata: Mapping[str, Any] | None
    ) -> None:
        call.node = self._locate(run_id, parent, metadata)
        with self._lock:
            call.enclosing_tool = self._tools.get(run_id)
            call.task = self._tasks[run_id]
            if call.kind == "tool":
                self._tools[run_id] = len(self._calls)
            self._runs[run_id] = call
            self._calls.append(call)

    def _ended(self, run_id: UUID, outcome: Any) -> PendingCall | None:
        with self._lock:
            call = self._runs.pop(run_id, None)
            if call is not None:
                call.outcome = outcome
                call.seconds = time.perf_counter() - call.started
                call.error = None
            return call

    def _failed(self, run_id: UUID, error: BaseException) -> None:
        call = self._ended(run_id, error)
        if call is not None:
            call.error = error_text(error)
            call.failure = error if isinstance(error, Exception) and not isinstance(error, GraphBubbleUp) else None

    def _locate(self, run_id: UUID, parent: UUID | None, metadata: Mapping[str, Any] | None) -> str:
        """Returns the node of a run, from its own metadata or else its parent's, and remembers it for its children."""
        with self._lock:
            above = self._nodes.get(parent, "") if parent else ""
            node = node_path(metadata or {}, above)
            self._nodes[run_id] = node
            self._tasks[run_id] = task_position(metadata or {}, parent, self._tasks.get(parent) if parent else None)
            if parent in self._tools:
                self._tools[run_id] = self._tools[parent]
            return node


_watching: ContextVar[Tracer | None] = ContextVar("watching", default=None)
register_configure_hook(_watching, inheritable=True)


@contextmanager
def watching(tracer: Tracer) -> Iterator[None]:
    """Has `tracer` record every LangChain call made within, in tasks and threads started there too, whatever config."""
    token = _watching.set(tracer)
    try:
        yield
    finally:
        _watching.reset(token)


def current_tracer() -> Tracer | None:
    """Returns the tracer of the innermost `watching`, if any."""
    return _watching.get()
