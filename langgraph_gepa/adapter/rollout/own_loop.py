"""The event loop in which a process runs its rollouts, in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from functools import cache
from typing import Any
from weakref import WeakSet

from langgraph_gepa.adapter.rollout.threads import executor

IDLE_THREADS = 32


class OwnLoop(asyncio.ProactorEventLoop if sys.platform == "win32" else asyncio.SelectorEventLoop):  # type: ignore[misc]
    """An event loop that closes its connections when no run is under way any more, as a server closes idle ones.

    The connection pools of the graph's models keep them for the next call. That may be the user's, in another loop
    (`await graph.ainvoke(...)` in a notebook), where they fail: "bound to a different event loop".
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0
        self._opened: WeakSet[asyncio.BaseTransport] = WeakSet()

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        transport, protocol = await super().create_connection(*args, **kwargs)
        self._opened.add(transport)
        return transport, protocol

    def close_connections(self) -> None:
        for transport in () if self.runs else tuple(self._opened):
            transport.close()


@cache
def own_loop(process: int) -> OwnLoop:  # noqa: ARG001 - a forked process has no such thread
    """One event loop for all runs of a process, in a thread of its own.

    Chat models keep their connections from call to call, and a connection belongs to its loop: with a loop for each
    run, runs side by side would use each other's.
    """
    loop = OwnLoop()
    loop.set_default_executor(executor(IDLE_THREADS))
    threading.Thread(target=loop.run_forever, name="langgraph-gepa", daemon=True).start()
    return loop
