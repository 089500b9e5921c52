"""Traces in LangSmith: apart from the caller's, in a project of the run's own, and labelled by rollout.

Where tracing is on (`LANGSMITH_TRACING`), LangChain traces every call by itself. Here it is only said where to and with
which labels, by LangSmith's tracing context (https://docs.langchain.com/langsmith/annotate-code).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.context import tracing_v2_callback_var
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.run_helpers import get_tracing_context, tracing_context
from langsmith.utils import get_tracer_project, tracing_is_enabled

from langgraph_gepa.core.candidate import SHORT_KEY, texts_key
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.purpose import purpose


@dataclass(frozen=True, slots=True)
class TracedRun:
    """The run, or the evaluation, that traces belong to.

    They go to `project`, or where the caller's go. `linked` are the ids of examples that LangSmith has, to which root
    runs refer. `id` tells runs of the same name apart.
    """

    name: str
    project: str | None = None
    linked: tuple[str, ...] | frozenset[str] = ()
    id: str = ""

    def for_example(self, example: Example) -> TracedRun:
        """Returns the run without what a rollout on this example does not need."""
        return replace(self, linked=(example.id,) if example.id in self.linked else ())


_run: ContextVar[TracedRun | None] = ContextVar("traced run", default=None)


def run_traced() -> TracedRun | None:
    """The run that traces in this context belong to."""
    return _run.get()


def tracing() -> bool | Literal["local"]:
    """Whether LangChain traces calls in this context; "local" where the traces are not sent."""
    return True if tracing_v2_callback_var.get() is not None else tracing_is_enabled()


def project_in_use() -> str:
    """The LangSmith project that calls in this context are traced to."""
    return str(_context()["project_name"] or get_tracer_project())


@contextmanager
def outside_traces(project: str | None = None, **labels: Any) -> Iterator[None]:
    """Makes traces inside the context begin at a root of their own, although the caller may be in a trace.

    They go to `project`, or where the caller's go, with the caller's client. The caller's callbacks are not called.
    """
    given = {**_context(), **labels}
    if project is not None:
        given |= {name: None for name in ("replicas", "address") if name in given}
        given["project_name"] = project
    config, tracer = var_child_runnable_config.set(None), tracing_v2_callback_var.set(None)
    try:
        with tracing_context(**given):
            yield
    finally:
        tracing_v2_callback_var.reset(tracer)
        var_child_runnable_config.reset(config)


@contextmanager
def traced_run(run: TracedRun) -> Iterator[None]:
    """Makes the traces inside the context those of `run`."""
    token = _run.set(run)
    labels = {"run": run.name} | ({"run_id": run.id} if run.id else {})
    try:
        with outside_traces(run.project, metadata={**(_context()["metadata"] or {}), **labels}):
            yield
    finally:
        _run.reset(token)


@contextmanager
def traced_rollout(texts: Texts, example: Example, *tags: str) -> Iterator[None]:
    """Labels the traces inside the context by what they are run for, where they are those of a run."""
    if _run.get() is None or not tracing():
        yield
        return
    what, context = purpose(), _context()
    about = {} if what is None else {"candidate": what.candidate, "iteration": what.iteration, "subset": what.subset}
    known = {name: value for name, value in about.items() if value is not None}
    metadata = {**(context["metadata"] or {}), **known, "prompts": texts_key(texts)[:SHORT_KEY], "example": example.id}
    labels = [*(context["tags"] or ()), *(f"{name}:{value}" for name, value in known.items()), *tags]
    with outside_traces(metadata=metadata, tags=labels):
        yield


def example_tracer(example: Example) -> list[LangChainTracer]:
    """The tracer whose root runs refer to the example in LangSmith; none where LangChain's own does."""
    run = _run.get()
    if run is None or example.id not in run.linked or not tracing():
        return []
    context = _context()
    return [LangChainTracer(example.id, context["project_name"], context["client"])]


def _context() -> dict[str, Any]:
    """LangSmith's tracing context without the trace under way: its project and client stay."""
    now = dict(get_tracing_context())
    parent, tracer = now["parent"], tracing_v2_callback_var.get()
    if parent is not None:
        now |= {"project_name": parent.session_name, "client": parent.client, "tags": None, "metadata": None}
    elif tracer is not None:
        now |= {"project_name": tracer.project_name, "client": tracer.client}
    if now["enabled"] is None and (parent is not None or tracer is not None):
        now["enabled"] = True
    return {**now, "parent": False, "distributed_parent_id": None}
