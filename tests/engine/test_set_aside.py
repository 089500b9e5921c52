"""An example on which the world alone keeps failing is set aside: the run goes on as if it had never been there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import ExampleSetAside, RolloutFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules

SEARCHES = pytest.mark.parametrize("rules", [GEPA, RACING], ids=["gepa", "racing"])
SET_OF = {"f": "feedback", "p": "pareto", "t": "test"}


class Refused(OSError):
    """What a judge raises that never gives a verdict on one example."""


def refusing(*refused: str, when: Callable[[Texts], bool] = lambda _: True) -> Any:
    async def pace(texts: Texts, example: Example) -> None:
        await asyncio.sleep(0)
        if example.id in refused and when(texts):
            raise Refused(example.id)

    return pace


def world_of(worlds: Any, salt: int = 49) -> Any:
    return worlds.random(salt, modules=2, pareto=8, feedback=8, test=5)


def run(world: Any, rules: Rules, pace: Any, **how: Any) -> Pool:
    pool: Pool = asyncio.run(world.session(Budget(iterations=8), rules=rules, pace=pace, tries=2, **how).run())
    return pool


def scored(pool: Pool) -> set[str]:
    """The examples that have a score of any candidate."""
    return {
        id
        for known in (pool.board.feedback, pool.board.pareto, pool.board.tests)
        for by_id in known.values()
        for id in by_id
    }


@SEARCHES
@pytest.mark.parametrize("example", ["f3", "p3", "t3"])
@pytest.mark.parametrize("in_flight", [1, 4])
def test_an_example_that_is_always_refused_is_set_aside(
    worlds: Any, rules: Rules, example: str, in_flight: int
) -> None:
    """It is journalled once, no longer tried and in no score; the others are scored as ever, also after a restart."""
    world = world_of(worlds)
    pool = run(world, rules, refusing(example), in_flight=in_flight)
    assert pool.set_aside == {SET_OF[example[0]]: {example: "Refused"}}
    assert example not in scored(pool)
    assert [event.example for event in world.journal() if isinstance(event, ExampleSetAside)] == [example]
    assert pool.spent.iterations == 8
    again = asyncio.run(world.session(Budget(iterations=12), rules=rules, tries=2).run())
    assert again.spent.iterations == 12
    assert example not in {id for _, id in world.evaluator.started}
    assert Pool.replay(world.journal()) == again


@SEARCHES
def test_an_example_that_an_earlier_run_set_aside_is_set_aside_again(worlds: Any, rules: Rules) -> None:
    """What was carried over proves, as rollouts of this run do, that the world answers on other examples."""
    world = world_of(worlds)
    search = world.session(Budget(iterations=3), rules=rules, pace=refusing("p3"), tries=2)
    seed = dict(world.seed_texts)
    for example in (*search.examples.pareto, *search.examples.test):
        if example.id != "p3":
            score = world.score(seed, example)
            search.ledger.carry(seed, example, 0, Rollout(example.id, {"score": score}, Feedback(score)))
    assert asyncio.run(search.run()).set_aside == {"pareto": {"p3": "Refused"}}


@SEARCHES
def test_candidates_are_compared_on_the_examples_that_all_can_have(worlds: Any, rules: Rules) -> None:
    """What refuses only the children takes the score of the graph as it is along."""
    world = world_of(worlds)
    seed = texts_key(world.seed_texts)
    pool = run(world, rules, refusing("p3", when=lambda texts: texts_key(texts) != seed))
    assert "p3" in {e.example for e in world.journal() if isinstance(e, RolloutFinished) and e.texts == seed}
    assert "p3" not in scored(pool)
    assert len(pool.pareto_set) == 7
    assert set(pool.scores(pool.candidates[0])) <= set(pool.pareto_set)
    assert len(pool.worths) == len(pool.candidates) > 1


@SEARCHES
@pytest.mark.parametrize("refused", [("p1", "p2"), tuple(f"f{n}" for n in range(8))])
def test_where_many_are_refused_the_world_is_down(worlds: Any, rules: Rules, refused: tuple[str, ...]) -> None:
    """More than a fifth of a set, or all of a batch: the run stops, to be resumed."""
    world = world_of(worlds)
    with pytest.raises(Refused):
        run(world, rules, refusing(*refused))
    assert len([event for event in world.journal() if isinstance(event, ExampleSetAside)]) <= 1
    assert run(world, rules, None).spent.iterations == 8


@SEARCHES
def test_a_run_with_a_refused_example_resumes_to_the_same_candidates(worlds: Any, rules: Rules) -> None:
    """Stopped after any event, in the middle of a minibatch or a race too."""
    whole = world_of(worlds)
    run(whole, rules, refusing("f3", "p3"))
    for number in range(1, len(whole.journal()) + 1, 3):
        world, seen = world_of(worlds), [0]

        def stop(*_: Any, world: Any = world, seen: list[int] = seen, number: int = number) -> None:
            seen[0] += 1
            if seen[0] == number:
                world.ledger.stop("the test")

        with suppress(Interrupted):
            run(world, rules, refusing("f3", "p3"), observers=[stop])
        run(world, rules, refusing("f3", "p3"))
        assert world.candidates() == whole.candidates(), number
