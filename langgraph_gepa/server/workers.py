"""The servers that run rollouts: which one is next, and which are put aside because they do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from langgraph_gepa.errors import UsageError
from langgraph_gepa.server.protocol import GRAPH

TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=None)
"""A server that runs a rollout sends a heartbeat every few seconds; one that is silent for longer does not answer."""

FIRST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds that a server rests when it did not answer once; they double with every further time, up to the longest."""


@dataclass(slots=True, eq=False)
class Worker:
    """One server. `url` is its address without credentials, `graph` the name of the served graph there.

    - `under_way`: how many rollouts it runs for us.
    - `failures`: how often in a row it did not answer; it rests until `rests_until`, and is then tried with one.
    - `known`: whether it serves the graph that is optimised.
    - `ahead`: how many seconds its clock is ahead of ours, at least.
    - `left`: threads of ours on it whose rollouts may be finished or under way.
    """

    url: str
    graph: str
    client: LangGraphClient
    under_way: int = 0
    failures: int = 0
    rests_until: float = 0.0
    known: bool = False
    ahead: float = 0.0
    left: set[str] = field(default_factory=set)

    def failed(self, now: float) -> None:
        self.rests_until = now + min(LONGEST_REST, FIRST_REST * 2.0 ** min(self.failures, 30))
        self.failures += 1


def on_server(graph: Any) -> bool:
    """Whether a graph is named by the address of a server, or is a `RemoteGraph`, and so is not at hand."""
    return isinstance(graph, RemoteGraph) or (isinstance(graph, str) and graph.startswith(("http://", "https://")))


def worker_at(address: Any) -> Worker:
    """Returns the server at a URL, or of a `RemoteGraph` or a client of `langgraph_sdk`, with the headers they have.

    A `#name` after the URL names the served graph, where `langgraph.json` does not call it "rollouts". The key for the
    server is in LANGSMITH_API_KEY, as for any client of LangGraph Server. Raises `UsageError`.
    """
    graph, client = GRAPH, address
    if isinstance(address, str):
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{printable(address)!r} is no address of a server; write http://host:port.")
        graph = parts.fragment or GRAPH
        client = get_client(url=parts._replace(fragment="").geturl())
    elif isinstance(address, RemoteGraph):
        client = address.client
    if not isinstance(client, LangGraphClient):
        raise UsageError(f"A worker is a URL or a client of langgraph_sdk, not a {type(address).__name__}.")
    given = client.http.client
    own = httpx.AsyncClient(
        base_url=given.base_url,
        headers=given.headers,
        auth=given.auth,
        timeout=TIMEOUT,
        transport=httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, max_keepalive_connections=None)),
        event_hooks={"response": [_without_reconnecting]},
    )
    url = printable(str(given.base_url))
    return Worker(url if graph == GRAPH else f"{url}#{graph}", graph, LangGraphClient(own))


async def _without_reconnecting(response: httpx.Response) -> None:
    """Keeps the client from waiting for a server that is gone: it would connect again where a stream says it may."""
    if response.is_success:
        response.headers.pop("location", None)


def printable(url: str) -> str:
    """Returns an address without name, password and query, in which keys may stand."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="").geturl().rstrip("/")


class Workers:
    """All servers of an optimisation. `next` is the least loaded of those that answer."""

    def __init__(self, workers: Sequence[Worker], clock: Callable[[], float] = monotonic) -> None:
        if not workers:
            raise UsageError("workers=[] leaves no server to run rollouts on: give addresses, or leave it out.")
        self.all = tuple(workers)
        self._clock = clock

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(worker.url for worker in self.all)

    def next(self) -> Worker:
        """Returns the server for the next rollout; where none answers, the one that is to be tried next."""
        now = self._clock()
        ready = [one for one in self.all if one.rests_until <= now and not (one.failures and one.under_way)]
        if ready:
            return min(ready, key=lambda one: one.under_way)
        return min(self.all, key=lambda one: (one.under_way > 0, one.rests_until))

    def failed(self, worker: Worker) -> bool:
        """Puts a server aside for a while, longer each time; returns whether it was in use until now."""
        first = not worker.failures
        if worker.rests_until <= self._clock():  # rollouts that were under way together fail together
            worker.failed(self._clock())
        return first

    def leave_out(self, worker: Worker) -> None:
        """Uses a server no more. Raises `UsageError` when none is left."""
        self.all = tuple(one for one in self.all if one is not worker)
        if not self.all:
            raise UsageError(f"The server at {worker.url} serves another graph now, and there is no other server.")

    @property
    def none_answers(self) -> bool:
        return all(one.failures for one in self.all)


async def each(workers: Sequence[Worker], ask: Callable[[Worker], Awaitable[Any]]) -> list[tuple[Worker, Any]]:
    """Asks all servers at once and returns what they answered, or the exception."""
    answers = await asyncio.gather(*map(ask, workers), return_exceptions=True)
    return list(zip(workers, answers, strict=True))
