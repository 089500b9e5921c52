"""Sends one request to one server and reads the reply, over the API of LangGraph Server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import WorldFailure
from langgraph_gepa.server.protocol import NODE, Reply, Request, dump_request, load_reply
from langgraph_gepa.server.workers import Worker

SESSION = "langgraph_gepa"
"""The metadata key of a thread that holds the id of the search."""
KEPT_MINUTES = 7 * 24 * 60
"""How long a server keeps the threads of a client that died, if it deletes old threads at all."""


class ServerLostError(WorldFailure):
    """A server did not answer, or stopped in the middle of a rollout."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request runs. A rollout has a thread of its own, by which it is found again; other requests have none."""

    worker: Worker
    thread: str | None = None


async def ask(
    place: Place, request: Request, *, session: str = "", report: Callable[[Usage], None] = lambda _: None
) -> Reply:
    """Returns the reply to a request; `report` is called with the usage of each model call as it ends.

    A reply that is lost on the way is fetched again. Raises `ServerLostError` for a server that does not answer, and
    other failures of HTTP as they are.
    """
    run: list[str] = []
    try:
        return await _streamed(place, request, session, report, run)
    except httpx.TransportError as cut:
        with suppress(httpx.TransportError):
            if place.thread is not None and run:
                return await joined(place.worker, place.thread, run[0])
        raise ServerLostError(f"the server at {place.worker.url} does not answer ({type(cut).__name__})") from None


async def joined(worker: Worker, thread: str, run: str | None = None) -> Reply:
    """Waits for the end of a run on a thread, by default the last one, and returns its reply."""
    client = worker.client
    if run is None:
        runs = await client.runs.list(thread, limit=1)
        if not runs:
            raise ServerLostError(f"the server at {worker.url} has no run on the thread of this rollout")
        run = runs[0]["run_id"]
    await client.runs.join(thread, run)
    state = await client.threads.get_state(thread)
    values: Any = state["values"]
    return _read(worker, values.get("reply") if isinstance(values, dict) else None)


async def threads_of(worker: Worker, session: str) -> set[str]:
    """Returns the ids of a search's threads on a server: those of rollouts that were not fetched yet."""
    found: set[str] = set()
    while True:
        page = await worker.client.threads.search(metadata={SESSION: session}, limit=1000, offset=len(found))
        found |= {str(thread["thread_id"]) for thread in page}
        if len(page) < 1000:
            return found


async def forget(place: Place, *, cancel: bool = False) -> None:
    """Deletes the thread of a rollout if the server answers; with `cancel`, first stops a run that is under way."""
    client, thread = place.worker.client, place.thread
    if thread is None:
        return
    with suppress(httpx.HTTPError):
        if cancel:
            for run in await client.runs.list(thread, limit=1):
                await client.runs.cancel(thread, run["run_id"], wait=True)
        await client.threads.delete(thread)


async def _streamed(
    place: Place, request: Request, session: str, report: Callable[[Usage], None], run: list[str]
) -> Reply:
    worker, thread = place.worker, place.thread
    if thread is not None:
        ttl = {"ttl": KEPT_MINUTES, "strategy": "delete"}
        await worker.client.threads.create(
            thread_id=thread, metadata={SESSION: session}, if_exists="do_nothing", ttl=ttl
        )
    runs: Any = worker.client.runs  # its overloads know None or a text as the thread, not either
    parts = runs.stream(
        thread,
        worker.graph,
        input={"request": dump_request(request)},
        stream_mode=["custom", "updates"],
        on_disconnect="continue" if thread is not None else "cancel",
        durability="exit",
    )
    reply: Any = None
    async for part in parts:
        data: Any = part.data
        if part.event == "metadata":
            run.append(data["run_id"])
        elif part.event == "custom":
            report(Usage(*data["usage"]))
        elif part.event == "updates":
            reply = data[NODE]["reply"]
        elif part.event == "error":
            raise ServerLostError(f"the server at {worker.url} ended the rollout: {_why(data)}")
    return _read(worker, reply)


def _read(worker: Worker, reply: Any) -> Reply:
    if not isinstance(reply, str):
        raise ServerLostError(f"the server at {worker.url} ended the rollout without a reply")
    return load_reply(reply)


def _why(data: Any) -> str:
    return str(data.get("message") or data.get("error")) if isinstance(data, dict) else str(data)
