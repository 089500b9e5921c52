"""Restores process-wide state that a run changes: random numbers and warnings filters."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restores the random state and the warnings filters of the process afterwards.

    LangGraph draws from `random` for every checkpoint, and so may nodes. Libraries that ignore warnings for a moment
    leave filters behind when several threads do so at once. What other threads change meanwhile is undone as well.
    """
    drawn, drawn_by_numpy = random.getstate(), np.random.get_state()
    filters, held = warnings.filters, list(warnings.filters)
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(drawn_by_numpy)
        if warnings.filters is not filters or list(filters) != held:
            warnings.filters = filters
            filters[:] = held  # type: ignore[index]
            with warnings.catch_warnings():
                pass  # makes Python notice the change
