"""Passes a run on to a tracker in a thread of its own, so that a slow or broken tracker delays and stops nothing."""

from __future__ import annotations

import importlib
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from langgraph_gepa.core.events import CandidateAdmitted, Event, IterationFinished, RunFinished
from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.pool import Pool

TRACKERS: Mapping[str, str] = {"opentelemetry": "opentelemetry_spans", "mlflow": "mlflow_run", "wandb": "wandb_run"}
"""The module of each tracker. An extra of the same name installs what it needs."""
FLUSH = 60.0
"""Seconds that the end of a run waits for a tracker."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What a tracker knows of a run when it begins.

    `id` stays the same when the run is resumed, 32 hexadecimal digits; `name` is for people. `settings` are those that
    a reader of the tracker compares runs by. `mask` hides secrets in a text, and every text that leaves passes it.
    """

    id: str
    name: str
    graph: str
    reflection_model: str
    settings: Mapping[str, str]
    mask: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """An event, when it happened (Unix time), and the numbers of the run so far where the event may change the best."""

    event: Event | None
    at: float
    rollouts: int
    metrics: Mapping[str, float]


class Tracker(Protocol):
    """Sends a run to one tracking system. Made from a `TrackedRun`; all calls come from one thread."""

    def record(self, step: Step) -> None: ...

    def end(self, step: Step, files: Sequence[Path], prompts: Mapping[str, str], *, finished: bool) -> None:
        """Ends the session with the last numbers. `files` are those of the run's folder that exist."""
        ...


def tracker_called(name: str) -> Callable[[TrackedRun], Tracker]:
    """Loads a tracker of `TRACKERS`. Raises `UsageError`, with the fix, where it cannot be used here."""
    try:
        module = importlib.import_module(f"langgraph_gepa.trackers.{TRACKERS[name]}")
    except ImportError as error:
        raise UsageError(
            f"The tracker {name} needs a package that cannot be imported ({error}). Run: pip install "
            f'"langgraph-gepa[{name}]"'
        ) from error
    made: Callable[[TrackedRun], Tracker] = module.tracker()
    return made


class Tracking:
    """An observer that passes events on to the tracker `name`. The first failure of the tracker is its last call.

    `before` is the pool as earlier sessions left it. Call `end` when the run's files are written, then `wait`, and then
    read `failure`.
    """

    def __init__(self, name: str, begin: Callable[[TrackedRun], Tracker], run: TrackedRun, before: Pool) -> None:
        self.name = name
        self.failure: str | None = None
        self._run = run
        self._begin = begin
        self._pool = before
        self._calls: queue.SimpleQueue[Callable[[Tracker], None] | None] = queue.SimpleQueue()
        # The context goes along, so that spans lie within the caller's.
        work = copy_context().run
        self._thread = threading.Thread(target=work, args=(self._work,), name=f"langgraph-gepa {name}", daemon=True)
        self._thread.start()

    def __call__(self, event: Event, pool: Pool, at: float) -> None:  # noqa: ARG002 - an observer's signature
        if self.failure is None:
            self._pool = pool
            changes = isinstance(event, CandidateAdmitted | IterationFinished | RunFinished)
            step = Step(event, time.time(), pool.spent.rollouts, metrics_of(pool) if changes else {})
            self._calls.put(lambda tracker: tracker.record(step))

    def end(self, files: Sequence[Path], prompts: Mapping[str, str]) -> None:
        pool, mask = self._pool, self._run.mask
        step = Step(None, time.time(), pool.spent.rollouts, metrics_of(pool))
        masked = {name: mask(text) for name, text in prompts.items()}
        finished = pool.finished is not None
        self._calls.put(lambda tracker: tracker.end(step, files, masked, finished=finished))
        self._calls.put(None)

    def wait(self, seconds: float = FLUSH) -> None:
        """Waits until the tracker has everything, or failed, but no longer than `seconds`."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.failure = f"it took longer than {seconds:g} s"

    def _work(self) -> None:
        try:
            tracker = self._begin(self._run)
            while (call := self._calls.get()) is not None:
                call(tracker)
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises must not stop paid work
            self.failure = self._run.mask(f"{type(error).__name__}: {error}")


def registered_name(graph: str, module: str) -> str:
    """The name of a module's prompt in a registry, which takes letters, digits, hyphens, underscores and dots."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{graph}.{module}").strip("-.")


def metrics_of(pool: Pool) -> dict[str, float]:
    """The numbers of a run so far, by name; none before the graph as it is has been scored.

    `score` is the best candidate's mean on the validation examples it was run on, `test_score` on the test examples.
    """
    if not pool.candidates:
        return {}
    best, spent = pool.best, pool.spent
    tests = [sum(scores) / len(scores) for scores in pool.known("test", best.key).values()]
    dollars = {} if spent.usage.dollars is None else {"dollars": spent.usage.dollars}
    return {
        "score": pool.mean(best),
        **({"test_score": sum(tests) / len(tests)} if tests else {}),
        "candidates": len(pool.candidates),
        "iterations": pool.iterations,
        "rollouts": spent.rollouts,
        "reflections": spent.reflections,
        "input_tokens": spent.usage.input_tokens,
        "output_tokens": spent.usage.output_tokens,
        **dollars,
    }
