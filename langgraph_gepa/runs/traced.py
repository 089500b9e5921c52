"""Where the traces of a run or an evaluation go, and which of the examples they can refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from langgraph_gepa.adapter.tracing.traces import TracedRun, project_in_use, traced_run, tracing
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.address import is_address, is_dataset
from langgraph_gepa.langsmith.example_upload import known_ids


def traced(
    name: str,
    sets: Mapping[str, Sequence[Example]],
    sources: Mapping[str, str],
    *,
    own_project: bool,
    notify: Callable[[str], None],
    id: str = "",
) -> AbstractContextManager[None]:
    """Makes the traces inside the context those of the run called `name`, also on the servers that run its rollouts.

    They go to a project of that name, unless the user wants them where all others go. A root run refers to its example
    if that is in LangSmith. Those of `sources` that are data sets are there, and logged runs are none; where tracing is
    on, LangSmith is asked about the others, and a failure of that is no failure of the run.
    """
    on, project = tracing(), None
    if own_project:
        project = name if name != project_in_use() else f"{name}-rollouts"
        if on:
            notify(f"Traces go to the LangSmith project {project!r}.")
    linked = {one.id for part, examples in sets.items() if is_dataset(sources.get(part)) for one in examples}
    if on is True:  # otherwise they stay on this machine
        others = [one.id for part, examples in sets.items() if not is_address(sources.get(part)) for one in examples]
        linked |= _looked_up(others, notify)
    return traced_run(TracedRun(name, project, frozenset(linked), id))


def _looked_up(ids: Iterable[str], notify: Callable[[str], None]) -> frozenset[str]:
    try:
        return known_ids(ids)
    except UsageError as failure:
        notify(f"{failure} Traces do not refer to these examples.")
        return frozenset()
