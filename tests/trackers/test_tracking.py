"""A tracker follows the run from a thread of its own, and can neither stop nor delay it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.arguments import trackers_of
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.testing.sample_journal import JOURNAL
from langgraph_gepa.trackers import tracking
from langgraph_gepa.trackers.tracking import Step, TrackedRun, Tracking, tracker_called


class Diary:
    """A tracker that writes down what it is given."""

    def __init__(self, run: TrackedRun) -> None:
        self.steps: list[Step] = []
        self.prompts: Mapping[str, str] = {}

    def record(self, step: Step) -> None:
        self.steps.append(step)

    def end(self, step: Step, files: Sequence[Path], prompts: Mapping[str, str], *, finished: bool) -> None:
        self.prompts = prompts


def test_a_tracker_gets_every_event_in_order_and_masked_prompts(tracked_run: TrackedRun, replayed: Any) -> None:
    """The numbers come with the events that may change the best candidate."""
    diary = Diary(tracked_run)
    following = Tracking("diary", lambda _: diary, tracked_run, Pool())
    replayed(following)
    following.end([], {"planner": "Use sk-secret."})
    following.wait()
    assert [step.event for step in diary.steps] == list(JOURNAL)
    assert any({"score", "rollouts", "input_tokens"} <= step.metrics.keys() for step in diary.steps)
    assert (following.failure, diary.prompts) == (None, {"planner": "Use ***."})


def refused(run: TrackedRun) -> Diary:
    raise ConnectionError("no server for key sk-secret")


class Broken(Diary):
    def record(self, step: Step) -> None:
        raise ValueError("sk-secret is not valid")


@pytest.mark.parametrize("begin", [refused, Broken])
def test_a_tracker_that_fails_is_only_reported(
    begin: Callable[[TrackedRun], Diary], tracked_run: TrackedRun, replayed: Any
) -> None:
    """The run sees no exception, and the reason is masked."""
    following = Tracking("broken", begin, tracked_run, Pool())
    replayed(following)
    following.end([], {})
    following.wait()
    assert following.failure is not None
    assert "***" in following.failure
    assert "sk-secret" not in following.failure


def test_a_tracker_that_hangs_does_not_hold_the_run(tracked_run: TrackedRun, replayed: Any) -> None:
    """The end of the run waits only as long as it is told to."""
    answer = threading.Event()

    def hanging(run: TrackedRun) -> Diary:
        answer.wait()
        return Diary(run)

    following = Tracking("hanging", hanging, tracked_run, Pool())
    replayed(following)
    following.end([], {})
    following.wait(0.01)
    answer.set()
    assert following.failure == "it took longer than 0.01 s"


def test_a_missing_package_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra has the tracker's name."""
    monkeypatch.setattr(tracking, "TRACKERS", {"absent": "absent_module"})
    with pytest.raises(UsageError, match=r'pip install "langgraph-gepa\[absent\]"'):
        tracker_called("absent")


def test_names_of_trackers_are_checked() -> None:
    """A single name may be given as a string, and a slip is named."""
    assert trackers_of("opentelemetry") == trackers_of(["opentelemetry", "opentelemetry"]) == ("opentelemetry",)
    with pytest.raises(UsageError, match="did you mean 'opentelemetry'"):
        trackers_of(["open-telemetry"])
    for wrong in (None, 3, [["mlflow"]], [print]):
        with pytest.raises(UsageError, match="your own is one of the `observers`"):
            trackers_of(wrong)  # type: ignore[arg-type]
