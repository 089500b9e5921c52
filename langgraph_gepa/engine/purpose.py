"""What each rollout under way is run for, by which its traces are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purpose:
    """The candidate, the set of the example, and the iteration of a search.

    `candidate` is the id in the pool, or "proposed" for texts that are not in it yet. Outside a search it says which
    texts these are ("before", "after"), and there is no iteration.
    """

    candidate: int | str
    subset: str
    iteration: int | None = None


def purpose() -> Purpose | None:
    """Returns what the rollout in this context is run for; `None` where nobody said so."""
    return _purpose.get()


@contextmanager
def serving(what: Purpose | None) -> Iterator[None]:
    """Makes `purpose()` return `what` inside the context, and in the tasks and threads that start in it."""
    token = _purpose.set(what)
    try:
        yield
    finally:
        _purpose.reset(token)


_purpose: ContextVar[Purpose | None] = ContextVar("purpose", default=None)
