"""The critic in the loop: asked before a screen, paid for once, and no more than an opinion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import (
    ChildrenProposed,
    IterationFinished,
    ModelTried,
    OpinionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.optimizer import Optimizer
from langgraph_gepa.engine.ports import TooLong
from langgraph_gepa.errors import Interrupted, ModelError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import RACING, Rules
from langgraph_gepa.search.turn import Turn
from langgraph_gepa.testing import FakeLanguageModel


def doubtful(_turn: Turn, opinions: Mapping[str, Opinion]) -> frozenset[str]:
    return frozenset(name for name, one in opinions.items() if one.chance < 0.4)


HEEDED = replace(RACING, asks=lambda _: True, doubts=doubtful)
"""Racing that always asks the critic and takes its word."""

Replies = Callable[[str], str | Exception] | Iterable[str | Exception]


def judged(
    world: Any, critic: FakeLanguageModel | None, budget: Budget, rules: Rules = HEEDED, **how: Any
) -> Optimizer:
    optimizer: Optimizer = world.session(budget, rules=rules, critic=critic, **how)
    return optimizer


def says(percent: int) -> Callable[[str], str]:
    return lambda _: json.dumps({"helps": percent, "bloats": True})


def of(world: Any, kind: type[Any]) -> list[Any]:
    return [event for event in world.journal() if isinstance(event, kind)]


def small(worlds: Any) -> Any:
    return worlds.random(3, modules=2, pareto=8, feedback=8)


def test_each_edit_has_one_opinion_before_it_is_tried(worlds: Any) -> None:
    """Its event stands before the edit's rollouts, the proposal holds it, and the accounts know it by name."""
    world, critic = small(worlds), FakeLanguageModel(says(50))
    pool = asyncio.run(judged(world, critic, Budget(rollouts=60)).run())
    proposals = [event for event in of(world, ChildrenProposed) if event.children]
    assert len(proposals) == len(critic.prompts) == pool.spent.opinions > 2
    for event in proposals:
        assert set(event.opinions.values()) == {Opinion(0.5, ("bloats",))}
        changed = {name for child in event.children for name in child}
        assert changed <= event.opinions.keys()
    assert pool.spent.critic == sum((event.usage for event in of(world, OpinionFinished)), Usage())
    assert pool.spent.usage == pool.spent.graph + pool.spent.reflection + pool.spent.critic
    assert pool == Pool.replay(world.journal())


def test_texts_that_the_critic_doubts_are_not_run(worlds: Any) -> None:
    """Nor are they lost: the journal says which, and why."""
    world = small(worlds)
    pool = asyncio.run(judged(world, FakeLanguageModel(says(2)), Budget(iterations=1)).run())
    (proposed,) = of(world, ChildrenProposed)
    assert not proposed.children
    assert set(proposed.reasons.values()) == {"doubted"}
    assert of(world, IterationFinished)[-1].cause == "no_texts"
    assert len(pool.candidates) == 1


def test_a_new_critic_is_asked_and_not_heeded(worlds: Any) -> None:
    """While nothing is known of it, every edit is tried whatever it says: what becomes of them calibrates it."""
    world = small(worlds)
    asyncio.run(judged(world, FakeLanguageModel(says(2)), Budget(iterations=8), RACING).run())
    judgements = [event for event in of(world, ChildrenProposed) if event.opinions]
    assert judgements
    assert all("doubted" not in event.reasons.values() for event in judgements)
    assert Pool.replay(world.journal()).attempts[0].chances


@pytest.mark.parametrize("reply", ["No idea.", "", ModelError("It is broken."), TooLong("too long")])
def test_a_critic_without_an_opinion_changes_nothing(worlds: Any, reply: str | Exception) -> None:
    """Whether it cannot be read, fails, or refuses the prompt: the search goes on as without one."""
    plain, world = small(worlds), small(worlds)
    asyncio.run(judged(plain, None, Budget(rollouts=60)).run())
    asyncio.run(judged(world, FakeLanguageModel(lambda _: reply), Budget(rollouts=60)).run())
    assert world.candidates() == plain.candidates()
    assert not any(event.opinions for event in of(world, ChildrenProposed))


def test_a_run_whose_critics_provider_is_down_stops_and_goes_on(worlds: Any) -> None:
    """An outage is waited for and then stops the run, as that of the reflection model; nothing is lost."""
    whole, world = small(worlds), small(worlds)
    asyncio.run(judged(whole, FakeLanguageModel(says(50)), Budget(rollouts=60)).run())
    answers = iter([says(50)("")])
    critic = FakeLanguageModel(lambda _: next(answers, worlds.Down()))
    with pytest.raises(worlds.Down):
        asyncio.run(judged(world, critic, Budget(rollouts=60)).run())
    asyncio.run(judged(world, FakeLanguageModel(says(50)), Budget(rollouts=60)).run())
    assert world.candidates() == whole.candidates()


def test_a_resumed_run_does_not_ask_again(worlds: Any) -> None:
    """Stopped at any opinion or proposal, it pays for each edit once and ends as if nothing had happened."""
    whole = small(worlds)
    asyncio.run(judged(whole, FakeLanguageModel(says(50)), Budget(iterations=5)).run())
    events = whole.journal()
    stops = [n for n, event in enumerate(events, 1) if isinstance(event, OpinionFinished | ChildrenProposed)]
    for stop in stops:
        world, asked = small(worlds), 0

        def stopping(*_: Any, world: Any = world, stop: int = stop) -> None:
            if len(world.journal()) >= stop:
                world.ledger.stop("enough")

        for observers in ([stopping], []):
            critic = FakeLanguageModel(says(50))
            try:
                asyncio.run(judged(world, critic, Budget(iterations=5), observers=observers).run())
            except Interrupted:
                assert observers
            asked += len(critic.prompts)
        assert world.candidates() == whole.candidates()
        assert asked == len(of(world, OpinionFinished)) == len(of(whole, OpinionFinished))


def test_opinions_count_as_reflections_of_the_budget(worlds: Any) -> None:
    """Together they stay within it, and an edit whose opinion no longer fits is tried without."""
    for limit in (1, 2, 3, 4, 5):
        world = worlds.random(3, modules=1, pareto=8, feedback=8)
        pool = asyncio.run(judged(world, FakeLanguageModel(says(50)), Budget(rollouts=500, reflections=limit)).run())
        assert pool.spent.reflections + pool.spent.opinions == pool.spent.replies == limit
        assert not pool.open


def test_the_critic_is_tried_before_anything_is_paid(worlds: Any) -> None:
    """Its trial is in its own account."""
    world = small(worlds)
    judged(world, FakeLanguageModel(says(50)), Budget(iterations=1))
    asyncio.run(world.ledger.replies.try_model("Are you there?", "critic", critic=True))
    (tried,) = of(world, ModelTried)
    assert tried.critic
    assert world.ledger.pool.spent.critic == tried.usage
    assert not of(world, RolloutFinished)
