"""What belongs to the whole process and is none of a run's business."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leaves the random numbers and the warnings filters of the process as they were.

    LangGraph draws from `random` for every checkpoint, and nodes draw as they like. Libraries ignore warnings for a
    moment, which leaves filters behind when several threads do it at once. What other threads of the program draw or
    filter meanwhile is undone as well.
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
                pass  # tells Python that they changed
