"""The servers that run rollouts: picks the next one, and rests those that do not answer."""

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
"""Seconds for which a server that did not answer gets no rollouts; doubled after each further failure in a row."""


@dataclass(slots=True, eq=False)
class Worker:
    """One server. `url` is its address without credentials, `graph` the name of the served graph there.

    - `under_way`: the number of this search's rollouts that it runs now.
    - `failures`: how many times in a row it did not answer. It gets no rollouts until `rests_until`, and then one.
    - `known`: whether it is known to serve the graph that is optimised.
    - `ahead`: by at least how many seconds its clock is ahead of this process's.
    - `left`: this run's threads that an earlier process left there, whose rollouts may be finished or under way.
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
    """Whether `graph` is the address of a server or a `RemoteGraph`, so that its objects are not in this process."""
    return isinstance(graph, RemoteGraph) or (isinstance(graph, str) and graph.startswith(("http://", "https://")))


def worker_at(address: Any) -> Worker:
    """Returns the server at a URL, or the one that a `RemoteGraph` or a client of `langgraph_sdk` talks to.

    The headers of a given client are kept; otherwise the API key is read from LANGSMITH_API_KEY, as by any client of
    LangGraph Server. `#name` after the URL is the name of the served graph, if `langgraph.json` does not list it as
    "rollouts". Raises `UsageError`.
    """
    graph, client = GRAPH, address
    if isinstance(address, str):
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{printable(address)!r} is not the address of a server: write it as http://host:port.")
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
    """Removes the header that makes the client reconnect to a cut stream, and so wait for a dead server."""
    if response.is_success:
        response.headers.pop("location", None)


def printable(url: str) -> str:
    """Returns an address without user name, password and query, which may contain keys."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="").geturl().rstrip("/")


class Workers:
    """All servers of a search, the least loaded of which runs the next rollout."""

    def __init__(self, workers: Sequence[Worker], clock: Callable[[], float] = monotonic) -> None:
        if not workers:
            raise UsageError("workers=[] leaves no server to run rollouts on: give addresses, or leave it out.")
        self.all = tuple(workers)
        self._clock = clock

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(worker.url for worker in self.all)

    def next(self) -> Worker:
        """Returns the server for the next rollout; if none answers, the one whose rest ends first."""
        now = self._clock()
        ready = [one for one in self.all if one.rests_until <= now and not (one.failures and one.under_way)]
        if ready:
            return min(ready, key=lambda one: one.under_way)
        return min(self.all, key=lambda one: (one.under_way > 0, one.rests_until))

    def failed(self, worker: Worker) -> bool:
        """Rests a server that did not answer, longer after each failure; returns whether it is the first in a row."""
        first = not worker.failures
        if worker.rests_until <= self._clock():  # rollouts that were under way together fail together
            worker.failed(self._clock())
        return first

    def leave_out(self, worker: Worker) -> None:
        """Removes a server for the rest of the search. Raises `UsageError` when none is left."""
        self.all = tuple(one for one in self.all if one is not worker)
        if not self.all:
            raise UsageError(f"The server at {worker.url} serves another graph now, and there is no other server.")

    @property
    def none_answers(self) -> bool:
        return all(one.failures for one in self.all)


async def each(workers: Sequence[Worker], ask: Callable[[Worker], Awaitable[Any]]) -> list[tuple[Worker, Any]]:
    """Calls `ask` for all servers at once and returns each server's answer, or the exception it raised."""
    answers = await asyncio.gather(*map(ask, workers), return_exceptions=True)
    return list(zip(workers, answers, strict=True))
