"""The ledger in a world that fills up and jumps about."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Charged,
    Event,
    ReflectionFinished,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Feedback, Rollout, Usage
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.meter import meter, paying
from langgraph_gepa.engine.ports import Refused, Reply, Unfinished
from langgraph_gepa.engine.purpose import Purpose, purpose
from langgraph_gepa.errors import RunError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel


class FullStore(MemoryStore):
    """Takes five payments."""

    def pay(self, key: str, value: str, event: Event, at: float) -> None:
        if len(self._ledger) == 5:
            raise RunError("The disk is full. Nothing is half-written: make room, then resume the run.")
        super().pay(key, value, event, at)


def test_a_disk_that_fills_up_stops_the_run_with_that_word(worlds: Any) -> None:
    """The cause is raised, nothing more is started, and what was written stands."""
    world = worlds.random(0, pareto=8)
    world.store = FullStore()
    with pytest.raises(RunError, match="disk is full"):
        asyncio.run(world.session(Budget(rollouts=60), concurrency=2).run())
    assert len(world.evaluator.started) <= 5 + 2
    assert sum(isinstance(event, RolloutFinished) for event in world.journal()) == 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1e12, 1e12), min_size=1))
@example([0.0, 1e12, -1e12, 0.0])
def test_clocks_that_jump_lose_nothing(worlds: Any, jumps: list[float]) -> None:
    """Forwards, backwards, standing still: every rollout is kept in order, and a resumed run goes on."""
    world = worlds.random(0, pareto=3, feedback=3)
    ticks = iter(range(10**9))

    def clock() -> float:
        return jumps[next(ticks) % len(jumps)]

    for iterations in (1, 2):
        optimizer = world.session(Budget(iterations=iterations), clock=clock)
        pool = asyncio.run(optimizer.run())
    assert pool.spent.iterations == 2
    finished = [event.ledger for event in world.journal() if isinstance(event, RolloutFinished)]
    assert len(finished) == len(set(finished)) == pool.spent.rollouts


def test_an_evaluator_can_see_what_each_rollout_is_for(worlds: Any) -> None:
    """Candidate, set and iteration: the seed has its id from the start, other texts once they are in the pool."""
    world = worlds.random(0, pareto=4)
    seen: list[Purpose | None] = []

    async def look(texts: Texts, example: Example) -> None:
        seen.append(purpose())

    asyncio.run(world.session(Budget(iterations=8), pace=look).run())
    expected: list[Purpose] = []
    ids = {texts_key(world.seed_texts): 0}
    for event in world.journal():
        if isinstance(event, CandidateAdmitted):
            ids[event.candidate.key] = event.candidate.id
        elif isinstance(event, RolloutFinished):
            expected.append(Purpose(ids.get(event.texts, "proposed"), event.subset, event.iteration))
    assert seen == expected
    assert {0, 1, "proposed"} <= {one.candidate for one in expected}
    assert purpose() is None


class Asked:
    """An evaluator that is asked the same again and again, and fails as `fate` says."""

    def __init__(self, fate: Random) -> None:
        self.fate = fate
        self.modules = ()
        self.fingerprint = "asked"
        self.paid: Counter[str] = Counter()

    def check(self, module: str, text: str) -> str | None:
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        for _ in range(self.fate.randrange(4)):
            await asyncio.sleep(0)
        if self.fate.random() < 0.3:
            meter()(Usage(1, 0, 0.0))
            raise ConnectionError
        meter()(Usage(10, 0, 0.0))
        self.paid[example.id] += 1
        return Rollout(example.id, None, Feedback(0.5), usage=Usage(10, 0, 0.0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(2, 40), st.integers(1, 8))
def test_many_tasks_that_ask_the_same_pay_once(salt: int, tasks: int, concurrency: int) -> None:
    """In any order, with failures that are tried again, given up, and askers that are cancelled: no key is paid for
    twice, nobody meets an error that is not the world's, and the account is what was spent."""
    fate = Random(salt)
    evaluator, store = Asked(fate), MemoryStore()
    model = FakeLanguageModel(lambda _: "reply")

    async def scenario() -> list[Any]:
        ledger = Ledger(evaluator, model, store, concurrency=concurrency, patience=Patience(tries=3, first=0.0))
        ids = ("e0", "e1", "e2")
        ledger.append(RunStarted({"m": "text"}, ids, ids))
        ledger.stop = lambda _: None  # type: ignore[method-assign]  # so that the others go on after one was given up

        async def ask(number: int) -> Any:
            for _ in range(fate.randrange(6)):
                await asyncio.sleep(0)
            one = Example(f"e{number % 3}", {"n": number % 3})
            way = fate.randrange(3)
            if way == 0:
                return await ledger.rollout({}, one, 1, "feedback", "same")
            if way == 1:
                return await ledger.rollout_once({}, one, 1, "pareto")
            return await ledger.replies.reflection(f"prompt {number % 3}", 1, "m")

        asked = [asyncio.create_task(ask(number)) for number in range(tasks)]
        for _ in range(fate.randrange(8)):
            await asyncio.sleep(0)
        for one in asked:
            if fate.random() < 0.2:
                one.cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    results = asyncio.run(scenario())
    assert {type(result) for result in results} <= {Rollout, Reply, ConnectionError, Refused, asyncio.CancelledError}
    events = [event for _, event in store.events()]
    keys = Counter(e.ledger for e in events if isinstance(e, RolloutFinished | ReflectionFinished) and not reused(e))
    assert not keys or max(keys.values()) == 1
    spent = Pool.replay(events).spent
    assert spent.graph.tokens + spent.lost.tokens >= 10 * sum(evaluator.paid.values())
    assert spent.graph.tokens == 10 * spent.rollouts


def reused(event: Event) -> bool:
    return isinstance(event, RolloutFinished) and event.reused


class Halting:
    """An evaluator whose rollouts cost 10 tokens and whose metric, 3 more each time, fails `times` before it scores."""

    modules = ()
    fingerprint = "halting"

    def __init__(self, times: int, **unfinished: Any) -> None:
        self.times, self.unfinished, self.rollouts = times, unfinished, 0

    def check(self, module: str, text: str) -> str | None:
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        self.rollouts += 1
        meter()(Usage(10, 0, 0.0))
        return await self.score(10)

    async def score(self, before: int) -> Rollout:
        spent = before + 3
        meter()(Usage(3, 0, 0.0))
        self.times -= 1
        if self.times >= 0:
            rollout = Rollout("e", None, Feedback(0.0), usage=Usage(spent, 0, 0.0), error="no judge")
            go_on = (lambda: self.score(spent)) if self.unfinished["goes_on"] else None
            raise Unfinished(ConnectionError(), go_on=go_on, stands=rollout if self.unfinished["stands"] else None)
        return Rollout("e", None, Feedback(1.0), usage=Usage(spent, 0, 0.0))


@pytest.mark.parametrize(
    ("times", "goes_on", "stands", "rollouts", "graph", "lost", "error"),
    [
        (0, True, False, 1, 13, 0, None),
        (2, True, False, 1, 19, 0, None),
        (2, False, False, 3, 13, 26, None),
        (2, False, True, 3, 13, 26, None),
        (9, False, True, 6, 13, 65, "no judge"),
        (9, True, True, 1, 28, 0, "no judge"),
    ],
)
def test_what_is_unfinished_is_paid_for_once_whatever_becomes_of_it(
    times: int, goes_on: bool, stands: bool, rollouts: int, graph: int, lost: int, error: str | None
) -> None:
    """Gone on with, made again, or standing as it is: the journal knows every token, and none twice."""
    evaluator, store = Halting(times, goes_on=goes_on, stands=stands), MemoryStore()

    async def scenario() -> Rollout:
        ledger = Ledger(evaluator, FakeLanguageModel([]), store, patience=Patience(first=0.0))
        try:
            return await ledger.rollout({}, Example("e", {}), 1, "feedback", "")
        finally:
            ledger.close()

    rollout = asyncio.run(scenario())
    spent = Pool.replay(event for _, event in store.events()).spent
    assert (rollout.error, evaluator.rollouts) == (error, rollouts)
    assert (spent.graph.tokens, spent.lost.tokens, dict(store.notes())) == (graph, lost, {})


def test_an_observer_that_raises_is_dropped_and_the_run_goes_on(worlds: Any, caplog: Any) -> None:
    """It is said once; the others are told of everything."""
    seen: list[Event] = []

    def broken(event: Event, pool: Pool, at: float) -> None:
        raise ZeroDivisionError("a panel without a denominator")

    world = worlds.random(0)
    asyncio.run(world.session(Budget(iterations=2), observers=(broken, lambda e, *_: seen.append(e))).run())
    assert seen == world.journal()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "broken raised" in caplog.text
    assert "without a denominator" in caplog.text


def test_a_reflection_model_that_is_down_is_waited_for_while_rollouts_succeed() -> None:
    """Ten minutes without it cost ten minutes, whatever the graph's own provider does meanwhile."""
    now, said = [0.0], list[str]()

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    class Down(FakeLanguageModel):
        async def complete(self, prompt: str) -> Reply:
            if now[0] < 600:
                raise ConnectionError
            return await super().complete(prompt)

    async def scenario() -> Reply:
        patience = Patience(outage=1800.0, sleep=sleep, rng=Random(0))
        model = Down(lambda _: "reply")
        evaluator = FakeEvaluator({"m": "text"}, lambda *_: 1.0)
        ledger = Ledger(evaluator, model, MemoryStore(), patience=patience, clock=lambda: now[0], notify=said.append)
        reply = asyncio.create_task(ledger.replies.reflection("prompt", 1, "m"))
        number = 0
        while not reply.done():
            number += 1
            await ledger.rollout({}, Example("e", {"n": number}), 1, "feedback", str(number))
        return await reply

    assert asyncio.run(scenario()).text == "reply"
    assert [line.split(".")[0] for line in said] == [
        "The reflection model's provider is down (ConnectionError)",
        "It is back after 10 minutes",
    ]


class Outliving:
    """An evaluator whose rollouts of 13 tokens outlive the process: a second one finds them again."""

    modules = ()
    fingerprint = "outliving"

    def __init__(self) -> None:
        self.found = False

    def check(self, module: str, text: str) -> str | None:
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        attempt = paying()
        assert attempt is not None
        if not self.found:
            attempt.report(Usage(5, 0, 0.5))
            raise asyncio.CancelledError
        attempt.go_on_with_killed()
        attempt.report(Usage(10, 3, 1.0))
        return Rollout("e", None, Feedback(1.0), usage=Usage(10, 3, 1.0))


def test_a_rollout_that_outlived_its_process_is_in_the_accounts_once() -> None:
    """What was noted of it when the process died counts as lost, and only the rest when it is found again."""
    evaluator, store = Outliving(), MemoryStore()

    async def scenario() -> Usage:
        ledger = Ledger(evaluator, FakeLanguageModel([]), store)
        await ledger.rollout({}, Example("e", {}), 1, "feedback", "")
        return ledger.pool.spent.usage

    charge, store.charge = store.charge, lambda *_: None  # type: ignore[method-assign]  # the process is dead
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
    store.charge, evaluator.found = charge, True  # type: ignore[method-assign]
    assert asyncio.run(scenario()) == Usage(10, 3, 1.0)
    events = [event for _, event in store.events()]
    assert [event.usage for event in events if isinstance(event, Charged)] == [Usage(5, 0, 0.5)]


@pytest.mark.parametrize("reports", [True, False])
def test_a_hint_about_settings_is_given_for_models_that_have_them(reports: bool) -> None:
    """A function reports no usage whatever is set."""
    heard: list[str] = []
    model = FakeLanguageModel(["reply"], usage=Usage(7, 3, None, 10))
    ledger = Ledger(FakeEvaluator({"m": "seed"}, lambda *_: 1.0), model, MemoryStore(), notify=heard.append,
                    reports_usage=reports)  # fmt: skip
    asyncio.run(ledger.replies.reflection("prompt", 1, "m"))
    assert "No usage is reported by the reflection model" in heard[0]
    assert ("stream_usage" in heard[0]) == reports
