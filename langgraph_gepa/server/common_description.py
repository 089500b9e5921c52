"""Checks, before anything is paid for, that servers serve the graph that is optimised."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import httpx

from langgraph_gepa.errors import GraphError, UsageError
from langgraph_gepa.server.conversation import Place, ServerLostError, ask
from langgraph_gepa.server.description import Description, differences, versions
from langgraph_gepa.server.protocol import Request
from langgraph_gepa.server.workers import Worker, Workers, each


async def description_of(worker: Worker) -> Description:
    """Returns a server's description of its graph and records its clock. Raises as `ask` does, and `UsageError`."""
    reply = await ask(Place(worker), Request("describe"))
    if reply.error is not None:
        raise UsageError(f"The server at {worker.url} cannot describe its graph: {reply.error[1]}")
    description = Description.read(reply.description)
    worker.ahead = description.now - time.time()
    return description


async def common_description(workers: Workers, parts: Mapping[str, str] | None = None) -> Description:
    """Returns the description of the graph that all servers serve: that with the given `parts`, or any if `None`.

    Servers that do not answer rest. Raises `UsageError` if none answers or one serves no rollouts, and `GraphError` if
    one serves a different graph.
    """
    found: list[tuple[Worker, Description]] = []
    lost: list[str] = []
    for worker, answer in await each(workers.all, description_of):
        if isinstance(answer, Description):
            worker.known = True
            found.append((worker, answer))
        elif isinstance(answer, ServerLostError):
            workers.failed(worker)
            lost.append(str(answer))
        elif isinstance(answer, httpx.HTTPStatusError):
            raise UsageError(refusal(worker, answer)) from answer
        else:
            raise answer
    if not found:
        raise UsageError(
            f"No server can run rollouts: {'; '.join(lost)}. Check that `langgraph dev` or the deployment runs, "
            "or give other addresses (workers=[...], --workers)."
        )
    first, description = found[0]
    compared, own = (description.parts, description.versions) if parts is None else (parts, versions())
    for worker, described in found:
        if different := differences(compared, described.parts, own, described.versions):
            raise GraphError(not_the_same(worker, different, "here" if parts is not None else f"at {first.url}"))
    return description


def not_the_same(worker: Worker, different: Sequence[str], where: str = "here") -> str:
    """Returns a message that names what differs on a server, with the fix."""
    return (
        f"The server at {worker.url} does not serve the graph that is {where}. What differs: {', '.join(different)}. "
        "Restart the server with the same code, options and packages."
    )


def refusal(worker: Worker, failure: httpx.HTTPStatusError) -> str:
    """Returns a message about why a server refuses to run rollouts, with the fix."""
    status = failure.response.status_code
    if status in (401, 403):
        return (
            f"The server at {worker.url} refuses access (HTTP {status}). Set LANGSMITH_API_KEY, or give a client of "
            "langgraph_sdk with the headers that it requires in place of the address."
        )
    if status in (404, 422):
        return (
            f"The server at {worker.url} serves no graph {worker.graph!r} (HTTP {status}). Add one to its "
            f'langgraph.json, "{worker.graph}": "./file.py:{worker.graph}", made by '
            f"{worker.graph} = langgraph_gepa.serve(graph, metric=...)."
        )
    return f"The server at {worker.url} answered HTTP {status}. Check its address and its log."
