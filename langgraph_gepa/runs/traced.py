"""Where the traces of a run or an evaluation go, and which of the examples they can refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from langgraph_gepa.adapter.tracing.traces import project_in_use, traced_run, tracing
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.example_upload import known_ids


def traced(
    name: str, examples: Iterable[Example], *, own_project: bool, notify: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Makes the traces inside the context those of the run called `name`, where tracing with LangSmith is on.

    They go to a project of that name, unless the user wants them where all others go. A root run refers to its example
    if that is in LangSmith. It is asked about the examples, and a failure of that is no failure of the run.
    """
    on, linked = tracing(), frozenset[str]()
    if not on:
        return nullcontext()
    project = None
    if own_project:
        project = name if name != project_in_use() else f"{name}-rollouts"
        notify(f"Traces go to the LangSmith project {project!r}.")
    if on is True:  # otherwise they stay on this machine
        try:
            linked = known_ids(example.id for example in examples)
        except UsageError as failure:
            notify(f"{failure} Traces do not refer to the examples.")
    return traced_run(name, project, linked)
