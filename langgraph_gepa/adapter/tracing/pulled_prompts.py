"""Records the prompts that the code of a graph pulls from LangSmith's prompt hub when it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from langgraph_gepa.adapter.tracing.injection import current_node


@dataclass(frozen=True, slots=True)
class Pull:
    """A prompt as the SDK returned it, and the path of the node whose code pulled it, empty outside a node."""

    node: str
    prompt: Any


_pulls: ContextVar[list[Pull] | None] = ContextVar("langgraph_gepa_pulls", default=None)


@contextmanager
def recorded() -> Iterator[list[Pull]]:
    """Records what is pulled within, in tasks and threads started there too, into the list that it yields."""
    _install()
    pulls: list[Pull] = []
    token = _pulls.set(pulls)
    try:
        yield pulls
    finally:
        _pulls.reset(token)


@functools.cache
def _install() -> None:
    """Makes the SDK's clients, which `langchain_classic.hub.pull` uses as well, report pulls to the recording."""
    from langsmith import AsyncClient, Client

    Client.pull_prompt = _recording(Client.pull_prompt)  # type: ignore[method-assign]
    pull: Callable[..., Any] | None = getattr(AsyncClient, "pull_prompt", None)  # older versions have none
    if pull is not None:
        AsyncClient.pull_prompt = _recording_async(pull)  # type: ignore[method-assign]


def _recording(own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    def pull(*args: Any, **kwargs: Any) -> Any:
        return _record(own(*args, **kwargs))

    return pull


def _recording_async(own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    async def pull(*args: Any, **kwargs: Any) -> Any:
        return _record(await own(*args, **kwargs))

    return pull


def _record(prompt: Any) -> Any:
    pulls = _pulls.get()
    if pulls is not None:
        pulls.append(Pull(current_node(), prompt))
    return prompt
