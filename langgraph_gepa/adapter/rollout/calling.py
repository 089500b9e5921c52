"""Calls a function of the user's from the event loop, whether it is sync or async."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any


async def called(function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
    """Returns what the function returns, awaited if need be. A sync one runs in a thread and may block."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        return await function(*args, **named)
    value, error = await asyncio.to_thread(_outcome, partial(function, *args, **named))
    if error is not None:
        raise error
    return await value if inspect.isawaitable(value) else value


def _outcome(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Returns the exception as data, since a `StopIteration` raised into a future is never delivered."""
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001 - raised again by whoever waits
        return None, error
