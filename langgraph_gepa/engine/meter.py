"""What a call has spent while it is still under way, so that neither a kill nor a failure loses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langgraph_gepa.core.rollout import Usage

Meter = Callable[[Usage], None]


def meter() -> Meter:
    """Where an evaluator or a model reports each model call's usage as that call ends, from any thread.

    What is reported and what the rollout or reply says in the end are the same money: it is
    counted once. One that does not report is counted when it is done, and not at all if it fails.
    """
    return _meter.get()


@contextmanager
def metered(by: Meter) -> Iterator[None]:
    """Within it, and in the tasks and threads started in it, `meter()` is `by`."""
    token = _meter.set(by)
    try:
        yield
    finally:
        _meter.reset(token)


def _nobody(_: Usage) -> None:
    """Outside a ledger nobody counts."""


_meter: ContextVar[Meter] = ContextVar("meter", default=_nobody)
