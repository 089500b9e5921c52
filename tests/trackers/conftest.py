"""A run for a tracker: its description, and a sample journal as observers see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from langgraph_gepa.engine.ports import Observer
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.testing.sample_journal import JOURNAL
from langgraph_gepa.trackers.tracking import TrackedRun

SECRET = "sk-secret"


@pytest.fixture
def tracked_run() -> TrackedRun:
    return TrackedRun(
        id="a" * 32,
        name=f"desk {SECRET}",
        graph="helpdesk",
        reflection_model="openai:gpt-5",
        settings={"metric": f"exact {SECRET}", "seed": "0"},
        mask=lambda text: text.replace(SECRET, "***"),
    )


@pytest.fixture
def replayed() -> Callable[[Observer], None]:
    def replay(observer: Observer) -> None:
        pool = Pool()
        for at, event in enumerate(JOURNAL):
            pool.apply(event)
            observer(event, pool, at)

    return replay
