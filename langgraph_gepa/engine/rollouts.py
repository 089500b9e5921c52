"""Runs examples: as many at once as allowed, each tried again while the world fails.

The search, `evaluate` and the dry run all run their examples here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Protocol

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.concurrency import Patience, Slots, settle
from langgraph_gepa.engine.ports import Evaluator
from langgraph_gepa.engine.purpose import Purpose, serving
from langgraph_gepa.engine.retry import Calls, going_on
from langgraph_gepa.errors import Interrupted


class Make(Protocol):
    """Makes a call until it succeeds, as `Calls.make` does."""

    def __call__(self, call: Callable[[], Awaitable[Rollout]], slots: Slots, who: str, /) -> Awaitable[Rollout]: ...


class Rollouts:
    """Runs at most `concurrency` examples at once, first come, first served.

    `calls` knows whether the world is up and stops everything; `notify` is called with a message when the provider is
    down or limits its rate.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        concurrency: int = 16,
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.calls = Calls(patience, clock=clock, notify=notify, provider="A model or service that the graph calls")
        self._evaluator = evaluator
        self._slots = Slots(concurrency)

    async def run(
        self, texts: Texts, example: Example, make: Make | None = None, purpose: Purpose | None = None
    ) -> Rollout:
        """Runs one example with `texts`. `make` makes the call where it has to be paid for, otherwise `calls` does.

        `purpose` labels its traces. Raises as `Calls.make` does.
        """
        async with self._slots:
            with serving(purpose):
                call = going_on(lambda: self._evaluator.evaluate(texts, example))
                return await (make or self.calls.make)(call, self._slots, example.digest)

    async def run_all(
        self,
        runs: Iterable[tuple[Texts, Example]],
        ended: Callable[[], object] = lambda: None,
        purpose: Callable[[Texts], Purpose | None] = lambda _: None,
    ) -> list[Rollout]:
        """Runs all examples and returns their rollouts in order; `ended` is called after each.

        `purpose` says what the rollouts with certain texts are run for.
        The first failure that waiting does not help is raised: what is under way then ends, and nothing else starts.
        """
        failures: list[Exception] = []

        async def one(texts: Texts, example: Example) -> Rollout:
            try:
                rollout = await self.run(texts, example, purpose=purpose(texts))
            except Interrupted:
                raise
            except Exception as failure:
                failures.append(failure)
                self.calls.stop("another rollout failed")
                raise
            ended()
            return rollout

        try:
            return await settle(one(texts, example) for texts, example in runs)
        except Interrupted:
            if failures:
                raise failures[0] from failures[0].__cause__
            raise
