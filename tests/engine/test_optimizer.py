"""The loop: what it may spend, what it keeps, and that an interruption changes nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import (
    ChildrenProposed,
    IterationFinished,
    IterationStarted,
    ModulesLeftOut,
    ReflectionFinished,
    RolloutFinished,
    RunFinished,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import NoEffect, Texts
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.meter import meter
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.replies import REFUSALS
from langgraph_gepa.errors import MetricError, ModelError, UsageError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules


@pytest.mark.parametrize("in_flight", [1, 4, 8])
@pytest.mark.parametrize("salt", range(8))
def test_no_rollout_goes_beyond_the_budget_and_every_one_is_counted(worlds: Any, salt: int, in_flight: int) -> None:
    """At no moment more rollouts were started than the budget allows, and all that ended are in the journal."""
    world = worlds.random(salt)
    budget = Budget(rollouts=world.pareto + Random(salt).randint(0, 150))
    optimizer = world.session(budget, in_flight=in_flight, seed=salt, pace=worlds.shuffling(salt))
    pool = asyncio.run(optimizer.run())
    paid = Counter((e.texts, e.example) for e in world.journal() if isinstance(e, RolloutFinished))
    assert Counter(world.evaluator.started) == paid
    assert len(world.evaluator.started) == pool.spent.rollouts <= (budget.rollouts or 0)
    assert len(world.model.prompts) == pool.spent.reflections
    assert pool.finished is not None


@pytest.mark.parametrize("in_flight", [1, 8])
def test_what_may_be_left_is_less_than_an_iteration(worlds: Any, in_flight: int) -> None:
    """The search goes on as long as a whole iteration fits: reserved rollouts that were not needed come back."""
    world = worlds.random(3, pareto=6)
    pool = asyncio.run(world.session(Budget(rollouts=200), in_flight=in_flight).run())
    assert 0 <= 200 - pool.spent.rollouts < 6 + 6


@pytest.mark.parametrize("salt", range(6))
def test_a_seed_gives_the_same_candidates_whatever_order_rollouts_end_in(worlds: Any, salt: int) -> None:
    """With one iteration in flight only the seed and the replies decide."""
    found = []
    for order in range(3):
        world = worlds.random(salt, pareto=6)
        optimizer = world.session(Budget(rollouts=150), seed=salt, pace=worlds.shuffling((salt, order)))
        asyncio.run(optimizer.run())
        found.append(
            (world.candidates(), [e for e in world.journal() if isinstance(e, IterationStarted | IterationFinished)])
        )
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("search", ["gepa", "racing"])
def test_a_module_that_no_call_was_credited_with_is_not_reflected_on(worlds: Any, search: str) -> None:
    """Whoever's turn it is, only modules that a shown rollout used are reflected on; the others keep their text."""
    world = worlds.random(1, modules=3, pareto=6)
    optimizer = world.session(Budget(rollouts=120), used=lambda module, _: module != "m1")
    optimizer = replace(optimizer, rules=RACING if search == "racing" else GEPA)
    pool = asyncio.run(optimizer.run())
    reflected = {event.module for event in world.journal() if isinstance(event, ReflectionFinished)}
    assert reflected == {"m0", "m2"}
    assert {candidate.texts["m1"] for candidate in pool.candidates} == {"seed 1"}


def test_a_search_in_which_no_call_was_credited_ends_without_a_reflection(worlds: Any) -> None:
    """Where no module's node ran there is nothing to learn from, and the search does not go on for ever."""
    world = worlds.random(1, modules=2, pareto=6)
    optimizer = world.session(Budget(rollouts=120), used=lambda *_: False)
    pool = asyncio.run(replace(optimizer, rules=RACING).run())
    assert pool.finished is not None
    assert not world.model.prompts


@pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])
@pytest.mark.parametrize("late", [False, True])
def test_a_module_without_effect_is_left_out_from_when_it_is_known(worlds: Any, rules: Rules, late: bool) -> None:
    """No reflection on it starts after that, the round goes on over the others, and a resumed run knows it."""
    world = worlds.random(1, modules=3, pareto=6)
    calls = itertools.count()

    async def known() -> dict[str, NoEffect]:
        return {"m1": "stale"} if next(calls) == 2 * late else {}

    pool = asyncio.run(replace(world.session(Budget(rollouts=90)), rules=rules, without_effect=known).run())
    assert (pool.left_out, pool.modules) == ({"m1": "stale"}, ("m0", "m2"))
    more = asyncio.run(replace(world.session(Budget(rollouts=150)), rules=rules).run())
    assert more.spent.rollouts > pool.spent.rollouts
    journal = world.journal()
    after = journal[journal.index(ModulesLeftOut({"m1": "stale"})) :]
    assert {event.module for event in after if isinstance(event, ReflectionFinished)} == {"m0", "m2"}


def test_a_search_without_a_module_that_has_an_effect_is_refused(worlds: Any) -> None:
    """It ends when that is known, before a reflection is paid."""
    world = worlds.random(1, modules=2, pareto=6)

    async def known() -> dict[str, NoEffect]:
        return {"m0": "stale", "m1": "breaks"}

    with pytest.raises(UsageError, match="nothing to optimise"):
        asyncio.run(replace(world.session(Budget(rollouts=90)), without_effect=known).run())
    assert not world.model.prompts


def test_another_seed_is_another_search(worlds: Any) -> None:
    """The seed is no ornament."""
    plans = []
    for seed in (0, 1):
        world = worlds.random(5, pareto=6, feedback=8)
        asyncio.run(world.session(Budget(iterations=5), seed=seed).run())
        plans.append([e.minibatch for e in world.journal() if isinstance(e, IterationStarted)])
    assert plans[0] != plans[1]


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_rollouts_run_up_to_the_concurrency_and_never_beyond(worlds: Any, concurrency: int) -> None:
    """Rollouts of all iterations share the slots, and all slots are used."""
    running, most = 0, 0

    async def pace(texts: Texts, example: Example) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20):
            await asyncio.sleep(0)
        running -= 1

    world = worlds.random(1, pareto=20, feedback=8)
    asyncio.run(world.session(Budget(rollouts=200), in_flight=4, concurrency=concurrency, pace=pace).run())
    assert most == concurrency


def test_several_iterations_are_under_way_at_once_and_never_more_than_asked(worlds: Any) -> None:
    """`in_flight` iterations share the pool; a new one starts when one ends."""
    open_at_once = []
    world = worlds.random(1, pareto=6)

    def observer(event: Any, pool: Pool, at: float) -> None:
        open_at_once.append(len(pool.open))

    asyncio.run(world.session(Budget(rollouts=300), in_flight=8, observers=[observer], pace=worlds.shuffling(1)).run())
    assert max(open_at_once) == 8


@pytest.mark.parametrize("in_flight", [4, 8])
def test_merges_happen_and_are_capped_with_many_in_flight(worlds: Any, in_flight: int) -> None:
    """Merges under way count too: never more than five are accepted in a run."""
    accepted = []
    for salt in range(4):
        world = worlds.random(salt, modules=4, pareto=8)
        optimizer = world.session(Budget(iterations=80), in_flight=in_flight, seed=salt, pace=worlds.shuffling(salt))
        accepted.append(asyncio.run(optimizer.run()).accepted_merges)
    assert 0 < max(accepted) <= 5


def test_the_live_pool_is_the_replay_of_the_journal(worlds: Any) -> None:
    """Nothing is known that was not stored, with one iteration in flight or many."""
    for in_flight in (1, 8):
        world = worlds.random(4, test=2)
        pool = asyncio.run(world.session(Budget(rollouts=150), in_flight=in_flight).run())
        assert pool == Pool.replay(world.journal())


def test_observers_see_each_event_after_it_was_stored(worlds: Any) -> None:
    """When an observer hears of an event, the store holds it and the pool knows it."""
    seen: list[Any] = []
    world = worlds.random(0, test=2)

    def observer(event: Any, pool: Pool, at: float) -> None:
        seen.append(event)
        assert world.journal()[-1] == event
        assert pool == Pool.replay(world.journal())

    asyncio.run(world.session(Budget(iterations=4), observers=[observer]).run())
    assert seen == world.journal()


def test_the_test_set_is_scored_for_seed_and_best_outside_the_budget(worlds: Any) -> None:
    """Held-out examples are run on two candidates after the search, and no rollout of the search is one of them."""
    world = worlds.random(0, pareto=6, test=4)
    pool = asyncio.run(world.session(Budget(rollouts=100)).run())
    tests = [event for event in world.journal() if isinstance(event, RolloutFinished) and event.subset == "test"]
    assert pool.best.id > 0
    assert {event.texts for event in tests} == {pool.candidates[0].key, pool.best.key}
    assert (pool.spent.tests, len(tests)) == (8, 8)
    assert pool.spent.rollouts <= 100
    last = max(place for place, event in enumerate(world.journal()) if isinstance(event, IterationFinished))
    assert all(world.journal().index(event) > last for event in tests)
    assert isinstance(world.journal()[-1], RunFinished)


def test_a_seed_that_stays_best_is_tested_once(worlds: Any) -> None:
    """Seed and best being the same costs one pass over the test set."""
    world = worlds.World(lambda texts, _: float(texts["m"] == "seed"), {"m": "seed"}, test=4)
    pool = asyncio.run(world.session(Budget(rollouts=50)).run())
    assert (pool.best.id, pool.spent.tests) == (0, 4)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_mistake_stops_the_run_at_once_and_keeps_what_was_paid(worlds: Any, in_flight: int) -> None:
    """After a `UsageError` no further rollout starts; those under way end and are stored; it is raised as it is."""
    cause = ValueError("nan")

    async def pace(texts: Texts, example: Example) -> None:
        started = len(world.evaluator.started)
        await asyncio.sleep(0)
        if started == 30:
            raise MetricError("example p3: the metric returned nan") from cause

    world = worlds.random(0, pareto=60)
    optimizer = world.session(Budget(rollouts=500), in_flight=in_flight, concurrency=4, pace=pace, tries=5)
    with pytest.raises(MetricError, match="example p3") as raised:
        asyncio.run(optimizer.run())
    assert raised.value.__cause__ is cause
    assert len(world.evaluator.started) <= 30 + 3
    assert Pool.replay(world.journal()).spent.rollouts == len(world.evaluator.finished) >= 29


@pytest.mark.parametrize("call", [1, 30, 45, 70])
def test_the_failure_that_ended_the_run_is_the_one_raised(worlds: Any, call: int) -> None:
    """Iterations that were merely told to stop may end first; their word does not hide the cause."""
    world = worlds.random(0, pareto=6)
    with pytest.raises(worlds.Down):
        asyncio.run(world.session(Budget(rollouts=500), in_flight=8, concurrency=3, pace=worlds.failing_at(call)).run())


def test_a_reflection_model_that_keeps_failing_ends_the_run(worlds: Any) -> None:
    """Its last failure is raised; what was paid for before it is kept."""
    world = worlds.random(0, pareto=6)
    world.replies = lambda _: worlds.Down("overloaded")
    with pytest.raises(worlds.Down, match="overloaded"):
        asyncio.run(world.session(Budget(rollouts=500)).run())
    assert Pool.replay(world.journal()).spent.rollouts == len(world.evaluator.finished) == 9


@pytest.mark.parametrize(("failure", "in_flight"), [("refused", 1), ("refused", 4), ("failing", 8)])
def test_a_prompt_without_an_answer_ends_its_own_iteration_and_no_other(
    worlds: Any, failure: str, in_flight: int
) -> None:
    """Refused for what it says, or failing while others are answered: the run goes on to the end of its budget."""
    unlucky: set[str] = set()
    asked = itertools.count(1)

    def replies(prompt: str) -> str | Exception:
        if prompt in unlucky or next(asked) in (3, 9):
            unlucky.add(prompt)
            return ModelError("too long") if failure == "refused" else worlds.Down("now and then")
        return str(worlds.fenced_digest(prompt))

    world = worlds.random(0, pareto=6)
    world.replies = replies
    asyncio.run(world.session(Budget(iterations=20), in_flight=in_flight, tries=4).run())
    ended = [event for event in world.journal() if isinstance(event, IterationFinished)]
    unanswered = [event for event in ended if event.cause == "no_texts"]
    details = [event.details for event in world.journal() if isinstance(event, ChildrenProposed) and event.details]
    assert len(ended) == 21
    assert {event.outcome for event in unanswered} == {"skipped"}
    assert len(details) == len(unanswered)
    assert all("gave no answer" in words for detail in details for words in detail.values())
    assert "too long" in str(details[0]) or failure == "failing"


def test_a_model_that_answers_no_more_ends_the_run(worlds: Any) -> None:
    """A few refusals are the prompts', many in a row are not; the last one is raised."""
    world = worlds.random(0, pareto=6)
    world.replies = lambda prompt: (
        worlds.fenced_digest(prompt) if len(world.model.prompts) < 3 else ModelError("no such parameter")
    )
    with pytest.raises(ModelError, match="no such parameter"):
        asyncio.run(world.session(Budget(rollouts=5000)).run())
    proposed = [event for event in world.journal() if isinstance(event, ChildrenProposed)]
    assert sum("unanswered" in event.reasons.values() for event in proposed) == REFUSALS


def test_a_cancelled_run_keeps_what_has_ended_and_charges_the_rest(worlds: Any) -> None:
    """Rollouts that would never end are cut off, what they had spent is on the account; a resumed run pays for them."""
    world = worlds.random(0, pareto=6)

    async def cancelled() -> None:
        hung = asyncio.Event()

        async def hanging(texts: Texts, example: Example) -> None:
            if len(world.evaluator.started) > 40:
                meter()(Usage(7, 0, 0.0))
                hung.set()
                await asyncio.Event().wait()  # it never ends by itself, so waiting for it would be for ever
            await asyncio.sleep(0)

        task = asyncio.create_task(world.session(Budget(rollouts=500), in_flight=4, pace=hanging).run())
        await hung.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    pool = Pool.replay(world.journal())
    cut_off = len(world.evaluator.started) - len(world.evaluator.finished)
    assert cut_off > 0
    assert pool.spent.rollouts == len(world.evaluator.finished)
    assert pool.spent.lost == Usage(7 * cut_off, 0, 0.0)
    asyncio.run(world.session(Budget(rollouts=60)).run())
    keys = [event.ledger for event in world.journal() if isinstance(event, RolloutFinished)]
    assert len(keys) == len(set(keys))


def broken(module: str, text: str) -> str | None:
    return None if "{question}" in text else "the placeholder {question} is lost"


def test_a_lost_placeholder_is_asked_for_once_more_with_the_reason(worlds: Any) -> None:
    """The second reply counts when it mends what the first broke."""
    world = worlds.World(lambda texts, _: float("better" in texts["m"]), {"m": "Answer {question}."})
    world.replies = ["```\nmuch better\n```", "```\nmuch better: {question}\n```"]
    pool = asyncio.run(world.session(Budget(iterations=1), check=broken).run())
    assert [candidate.texts["m"] for candidate in pool.candidates] == ["Answer {question}.", "much better: {question}"]
    assert "the placeholder {question} is lost" in world.model.prompts[1]
    assert pool.spent.reflections == 2


def test_a_placeholder_lost_twice_drops_the_proposal(worlds: Any) -> None:
    """A broken text never reaches a rollout; the iteration ends with the reason."""
    world = worlds.World(lambda texts, _: float("better" in texts["m"]), {"m": "Answer {question}."})
    world.replies = ["```\nmuch better\n```", "```\neven better\n```"]
    pool = asyncio.run(world.session(Budget(iterations=1), check=broken).run())
    (end,) = [event for event in world.journal() if isinstance(event, IterationFinished) and event.iteration == 1]
    assert (end.outcome, end.cause) == ("skipped", "no_texts")
    (proposed,) = [event for event in world.journal() if isinstance(event, ChildrenProposed)]
    assert (proposed.children, proposed.refused) == ((), {"m": "even better"})
    assert proposed.details == {"m": "the placeholder {question} is lost"}
    assert len(pool.candidates) == 1
    assert {texts for texts, _ in world.evaluator.started} == {pool.candidates[0].key}


@pytest.mark.parametrize("rollouts", [1, 5, 6, 11, 12, 30])
def test_a_budget_too_small_for_the_seed_is_refused_before_anything_is_paid(worlds: Any, rollouts: int) -> None:
    """Below the pareto set it is a mistake; from there on the seed is scored, and nothing beyond the budget."""
    world = worlds.random(0, pareto=6)
    optimizer = world.session(Budget(rollouts=rollouts))
    if rollouts < 6:
        with pytest.raises(UsageError, match=rf"Budget\(rollouts={rollouts}\) cannot .* pareto set of 6 "):
            asyncio.run(optimizer.run())
        assert (world.evaluator.started, world.journal()) == ([], [])
    else:
        assert asyncio.run(optimizer.run()).spent.rollouts <= rollouts


@pytest.mark.parametrize("empty", ["feedback", "pareto"])
def test_an_empty_set_is_refused_before_anything_is_paid(worlds: Any, empty: str) -> None:
    """There is nothing to learn from, or nothing to judge by."""
    world = worlds.random(0)
    setattr(world, empty, 0)
    with pytest.raises(UsageError, match=f"The {empty} set is empty"):
        asyncio.run(world.session(Budget(rollouts=100)).run())
    assert (world.evaluator.started, world.journal()) == ([], [])


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize(
    "sizes", [{"pareto": 1}, {"feedback": 1}, {"feedback": 2}, {"modules": 1}, {"pareto": 3, "modules": 4}]
)
def test_small_worlds_run_to_their_end(worlds: Any, sizes: dict[str, int], in_flight: int) -> None:
    """One pareto example, fewer feedback examples than a minibatch, one module: all are searches."""
    for salt in range(3):
        world = worlds.random(salt, **sizes)
        pool = asyncio.run(world.session(Budget(rollouts=120, gain=0), in_flight=in_flight, seed=salt).run())
        assert pool.spent.iterations > 5


def test_examples_of_equal_content_are_each_run(worlds: Any) -> None:
    """Two examples that differ in nothing but the id are two examples: both are paid for and both are scored."""
    world = worlds.World(lambda _texts, _example: 0.5, {"m": "seed"})
    optimizer = world.session(Budget(iterations=2))
    twins = [Example("one", {"question": "same"}), Example("two", {"question": "same"})]
    optimizer.examples = Examples(twins, twins)
    optimizer.__post_init__()
    pool = asyncio.run(optimizer.run())
    assert pool.scores(pool.candidates[0]) == {"one": 0.5, "two": 0.5}
    keys = [event.ledger for event in world.journal() if isinstance(event, RolloutFinished)]
    assert len(keys) == len(set(keys)) == len(world.evaluator.started)


def test_equal_ids_in_different_sets_are_kept_apart(worlds: Any) -> None:
    """Feedback and pareto sets may be the same examples: each run on its own account."""
    world = worlds.World(lambda _texts, _example: 0.5, {"m": "seed"})
    optimizer = world.session(Budget(iterations=1))
    optimizer.examples = Examples(worlds.numbered("x", 3), worlds.numbered("x", 3))
    optimizer.__post_init__()
    pool = asyncio.run(optimizer.run())
    assert Counter(e.subset for e in world.journal() if isinstance(e, RolloutFinished)) == {"pareto": 3, "feedback": 6}
    assert pool.board.pareto.keys() == {pool.candidates[0].key}
