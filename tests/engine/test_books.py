"""What both sides of the ledger share: one stops the other, a message comes once, and so does a caller for a key."""

from __future__ import annotations

import asyncio

import pytest

from langgraph_gepa.engine.books import Books
from langgraph_gepa.engine.ports import Refused, TooLong, Unanswered
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.store.memory import MemoryStore


def books(stopped: list[str], messages: list[str]) -> Books:
    return Books(MemoryStore(), (), stop=stopped.append, clock=lambda: 0.0, notify=messages.append)


def test_the_first_failure_stops_everything_and_is_kept() -> None:
    """Later ones, which may follow from it, are raised and do not take its place."""
    stopped: list[str] = []
    kept = books(stopped, [])
    for error in (OSError("first"), ValueError("second")):
        with pytest.raises(type(error)), kept.stopped_by_failure():
            raise error
    assert isinstance(kept.failure, OSError)
    assert stopped[0] == "a call failed: first"


@pytest.mark.parametrize("error", [Interrupted("enough"), Refused(OSError()), Unanswered("no"), TooLong("long")])
def test_what_the_search_can_go_on_after_stops_nothing(error: Exception) -> None:
    """An interruption, and a failure of one example or one prompt alone."""
    stopped: list[str] = []
    kept = books(stopped, [])
    with pytest.raises(type(error)), kept.stopped_by_failure():
        raise error
    assert (kept.failure, stopped) == (None, [])


def test_a_message_comes_once_for_what_it_is_about() -> None:
    """Whatever its words; a model that could report its usage is told how."""
    messages: list[str] = []
    kept = books([], messages)
    for text in ("one", "two"):
        kept.report_once("critic", text)
    kept.report_estimate("fake")
    kept.report_estimate("fake", can_report=False)
    kept.report_estimate("a function", can_report=False)
    assert messages[0] == "one"
    assert ["stream_usage" in message for message in messages[1:]] == [True, False]


def test_one_caller_at_a_time_pays_for_a_key() -> None:
    """Another key is not waited for, and a key is free again once it was paid for."""

    async def callers() -> None:
        kept = books([], [])
        async with kept.lock("a"):
            assert kept.lock("a").locked()
            assert not kept.lock("b").locked()
        assert not kept.lock("a").locked()

    asyncio.run(callers())
