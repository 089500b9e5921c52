"""The racing preset in the loop: nothing run twice, nothing overspent, interruptions change nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Feedback
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.errors import Interrupted
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.racing import FAILURES
from langgraph_gepa.search.repeats import MOST, PAIRS
from langgraph_gepa.search.rules import RACING, Rules, run_never_again

ONCE = replace(RACING, again=run_never_again)
"""Racing with `repeats=1`."""


def racing(world: Any, budget: Budget, rules: Rules = ONCE, **session: Any) -> Optimizer:
    return replace(world.session(budget, **session), rules=rules)


def rough(worlds: Any, salt: int, **sizes: int) -> Any:
    """A world large enough for races to be stopped."""
    return worlds.random(salt, **({"modules": 3, "pareto": 14, "feedback": 12} | sizes))


@pytest.mark.parametrize("in_flight", [1, 3, 8])
@pytest.mark.parametrize("salt", range(4))
def test_no_texts_are_run_twice_on_an_example_and_the_budget_holds(worlds: Any, salt: int, in_flight: int) -> None:
    """Across batches, screens, races and gates each pair is paid once, every one of them within the budget."""
    world = rough(worlds, salt)
    pool = asyncio.run(
        racing(world, Budget(rollouts=170), in_flight=in_flight, seed=salt, pace=worlds.shuffling(salt)).run()
    )
    assert max(Counter(world.evaluator.started).values()) == 1
    assert len(world.evaluator.started) == pool.spent.rollouts <= 170
    assert pool == Pool.replay(world.journal())


@pytest.mark.parametrize("salt", range(4))
def test_a_seed_gives_the_same_decisions_whatever_order_rollouts_end_in(worlds: Any, salt: int) -> None:
    """With one iteration in flight only the seed and the replies decide, also on what was known before."""
    found = []
    for order in range(3):
        world = rough(worlds, salt)
        asyncio.run(racing(world, Budget(rollouts=170), seed=salt, pace=worlds.shuffling((salt, order))).run())
        decisions = IterationStarted | ExamplesDrawn | ModulesChosen | CandidateAdmitted | IterationFinished
        found.append([event for event in world.journal() if isinstance(event, decisions)])
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_noisy_graph_is_run_as_often_as_asked(worlds: Any, in_flight: int) -> None:
    """With repeats each pair is run that often, within the budget, and the mean counts."""
    world = rough(worlds, 1)
    rules = replace(ONCE, repeats=3)
    pool = asyncio.run(racing(world, Budget(rollouts=300), rules, in_flight=in_flight).run())
    assert set(Counter(world.evaluator.started).values()) == {3}
    assert pool.spent.rollouts <= 300
    assert len(pool.candidates) > 1


class Noise:
    """A score of 0 or 1 by chance, which depends on how often the pair was run: `ran` says how often."""

    def __init__(self, salt: int) -> None:
        self.salt = salt
        self.ran: Counter[tuple[str, str]] = Counter()

    def __call__(self, texts: Texts, example: Example) -> float:
        pair = (texts_key(texts), example.id)
        self.ran[pair] += 1
        return float(Random(f"{self.salt}:{pair}:{self.ran[pair]}").random() < 0.5)


def noisy(worlds: Any, salt: int) -> Any:
    """A world that soon has many validated candidates, all of them as good as the others, and a fair coin as metric."""
    return worlds.World(Noise(salt), {"a": "seed", "b": "seed"}, feedback=12, pareto=7)


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("salt", range(3))
def test_where_scores_are_noisy_the_two_best_are_run_again(worlds: Any, salt: int, in_flight: int) -> None:
    """Each repeat is paid once, within the budget, and replayed to the same pool; feedback examples run once."""
    world = noisy(worlds, salt)
    pace = worlds.shuffling(salt)
    pool = asyncio.run(racing(world, Budget(rollouts=400), RACING, in_flight=in_flight, seed=salt, pace=pace).run())
    repeated = {len(scores) for known in pool.board.pareto.values() for scores in known.values()}
    assert {1, 2} <= repeated <= set(range(1, MOST + 1))
    assert {len(scores) for known in pool.board.feedback.values() for scores in known.values()} == {1}
    assert pool.noise.variance == pytest.approx(0.25, abs=0.2)  # of the few pairs that were run again
    assert world.score.ran.total() == pool.spent.rollouts <= 400
    assert len({e.ledger for e in world.journal() if isinstance(e, RolloutFinished)}) == pool.spent.rollouts
    assert pool == Pool.replay(world.journal())


@pytest.mark.parametrize("in_flight", [1, 8])
def test_where_scores_are_not_noisy_six_pairs_are_run_again(worlds: Any, in_flight: int) -> None:
    """That is what it takes to find out."""
    world = worlds.World(lambda texts, e: Random(f"{texts}{e.id}").random(), {"a": "s", "b": "s"}, feedback=9, pareto=7)
    pool = asyncio.run(racing(world, Budget(rollouts=400), RACING, in_flight=in_flight).run())
    assert pool.noise.none
    assert pool.noise.repeated == PAIRS
    assert sum(count - 1 for count in Counter(world.evaluator.started).values()) == PAIRS


@pytest.mark.parametrize("salt", range(2))
def test_a_run_cut_while_pairs_are_repeated_goes_on_with_the_same_ones(worlds: Any, salt: int) -> None:
    """Whatever the journal ended with, the next session draws the same repeats and pays for those not paid for."""
    whole = noisy(worlds, salt)
    asyncio.run(racing(whole, Budget(rollouts=260), RACING, seed=salt).run())
    told = list(whole.store.events())
    repeats = [place for place, (_, event) in enumerate(told) if isinstance(event, ExamplesDrawn) and event.repeat]
    for cut in (place + more for place in repeats[::4] for more in (0, 1, 3, 5)):
        world = noisy(worlds, salt)
        for at, event in told[:cut]:
            if isinstance(event, RolloutFinished | ReflectionFinished):
                world.store.pay(event.ledger, whole.store.paid(event.ledger), event, at)
            else:
                world.store.append(event, at)
            if isinstance(event, RolloutFinished):
                world.score.ran[event.texts, event.example] += 1
        asyncio.run(racing(world, Budget(rollouts=260), RACING, seed=salt).run())
        assert world.journal() == whole.journal()


@pytest.mark.parametrize("call", [200, 250, 300])
def test_repeats_of_many_iterations_that_were_interrupted_are_paid_once(worlds: Any, call: int) -> None:
    """What was under way in eight iterations is taken up again, each repeat under its own key."""
    world = noisy(worlds, 1)
    with pytest.raises((OSError, Interrupted)):
        asyncio.run(racing(world, Budget(rollouts=400), RACING, in_flight=8, pace=worlds.failing_at(call)).run())
    finished = len(world.evaluator.finished)
    pool = asyncio.run(racing(world, Budget(rollouts=400), RACING, in_flight=8).run())
    assert pool.open == {}
    assert finished + len(world.evaluator.finished) == pool.spent.rollouts <= 400
    assert pool.noise.repeated > PAIRS


@pytest.mark.parametrize("salt", [0, 3])
def test_a_journal_cut_after_any_event_resumes_to_the_same_candidates(worlds: Any, salt: int) -> None:
    """A process killed between two writes left a whole prefix: the run goes on from it to the same end."""
    whole = rough(worlds, salt)
    asyncio.run(racing(whole, Budget(rollouts=120), seed=salt).run())
    told = list(whole.store.events())
    assert any(isinstance(event, ExamplesDrawn) for _, event in told)
    for cut in range(0, len(told), 3):
        world = rough(worlds, salt)
        for at, event in told[:cut]:
            if isinstance(event, RolloutFinished | ReflectionFinished):
                world.store.pay(event.ledger, whole.store.paid(event.ledger), event, at)
            else:
                world.store.append(event, at)
        asyncio.run(racing(world, Budget(rollouts=120), seed=salt).run())
        assert world.candidates() == whole.candidates()
        assert world.journal() == whole.journal()


@pytest.mark.parametrize("call", [20, 47, 90, 120])
def test_an_interrupted_run_with_many_in_flight_pays_nothing_twice(worlds: Any, call: int) -> None:
    """What was under way in eight iterations is taken up again where it was, within the same budget."""
    world = rough(worlds, 2)
    with pytest.raises((OSError, Interrupted)):
        asyncio.run(racing(world, Budget(rollouts=200), in_flight=8, pace=worlds.failing_at(call)).run())
    finished = Counter(world.evaluator.finished)
    pool = asyncio.run(racing(world, Budget(rollouts=200), in_flight=8).run())
    assert max((finished + Counter(world.evaluator.finished)).values()) == 1
    assert pool.open == {}
    assert pool.spent.rollouts == (finished + Counter(world.evaluator.finished)).total() <= 200


def test_examples_of_equal_content_in_both_sets_are_paid_once(worlds: Any) -> None:
    """Where train and validation are the same tasks, a score known of one is known of the other, and costs nothing."""
    world = rough(worlds, 4)
    tasks = worlds.numbered("t", 10)
    optimizer = racing(world, Budget(rollouts=80))
    pool = asyncio.run(replace(optimizer, examples=Examples(tasks, tasks)).run())
    told = [event for event in world.journal() if isinstance(event, RolloutFinished)]
    assert any(event.reused for event in told)
    assert max(Counter(world.evaluator.started).values()) == 1
    assert pool.spent.rollouts == sum(not event.reused for event in told) == len(world.evaluator.started)
    assert set(pool.board.feedback[pool.candidates[0].key]) <= set(pool.board.pareto[pool.candidates[0].key])


@pytest.mark.parametrize(("shared", "scored"), [(0, 24), (10, None), (40, 40)])
def test_the_seed_is_scored_on_some_and_on_whatever_is_learned_from_too(
    worlds: Any, shared: int, scored: int | None
) -> None:
    """24 of 40 where the sets are apart; all where they are the same tasks, so that each has been run once."""
    world = rough(worlds, 4)
    tasks = worlds.numbered("t", 40)
    train = [*tasks[:shared], *worlds.numbered("u", 40 - shared)]
    optimizer = replace(racing(world, Budget(rollouts=60)), examples=Examples(train, tasks))
    asyncio.run(optimizer.run())
    told = [e for e in world.journal() if isinstance(e, RolloutFinished) and e.iteration == 0]
    assert {task.id for task in tasks[:shared]} <= {event.example for event in told}
    assert scored in (None, len(told))
    assert 24 <= len(told) <= 24 + shared


def test_races_are_stopped_and_the_stopped_stay(worlds: Any) -> None:
    """Some children are run on part of the pareto set only, are in the pool all the same, and say so."""
    stopped = 0
    for salt in range(4):
        world = rough(worlds, salt, pareto=30)
        pool = asyncio.run(racing(world, Budget(rollouts=300), seed=salt).run())
        partial = [c for c in pool.candidates if 0 < len(pool.scores(c)) < 30]
        ended = [e for e in world.journal() if isinstance(e, IterationFinished) and e.outcome == "accepted"]
        assert sum(e.cause == "stopped" and (e.ran or 0) < 30 for e in ended) >= len(partial) - 1
        stopped += len(partial)
        assert pool.best.id == pool.posterior.best
    assert stopped


def test_a_child_is_in_the_pool_before_its_race(worlds: Any) -> None:
    """Iterations under way see a child as soon as it is screened, and its pareto scores as they come."""
    world = rough(worlds, 0)
    asyncio.run(racing(world, Budget(rollouts=120)).run())
    journal = world.journal()
    for place, event in enumerate(journal):
        if isinstance(event, CandidateAdmitted) and event.candidate.id:
            key = event.candidate.key
            scored = [e for e in journal[:place] if isinstance(e, RolloutFinished) and e.texts == key]
            assert {e.subset for e in scored} <= {"feedback"} or len(event.candidate.parents) == 2


def test_iterations_reflect_on_different_records(worlds: Any) -> None:
    """Records are used before the reflection is sent: none is shown twice while a failure was never shown."""
    world = worlds.World(lambda _texts, _example: 0.0, {"m": "seed"}, feedback=60, pareto=4)
    asyncio.run(racing(world, Budget(iterations=8), in_flight=8).run())
    pool = Pool()
    for event in world.journal():
        if isinstance(event, ModulesChosen):
            key = pool.candidates[event.parent].key
            fresh = set(pool.board.feedback[key]) - set(pool.used.get(key, ()))
            assert len(fresh.intersection(event.records)) == min(FAILURES, len(fresh))
        pool.apply(event)
    assert len(pool.used) == 1


def test_a_graph_without_failures_is_left_alone(worlds: Any) -> None:
    """Nothing to learn from: no reflection is paid for, and the run ends with budget left."""
    world = worlds.World(lambda _texts, _example: 1.0, {"m": "seed"}, feedback=9, pareto=4)
    for in_flight in (1, 4):
        pool = asyncio.run(racing(world, Budget(rollouts=100), in_flight=in_flight).run())
        assert (pool.best.id, pool.spent.reflections, pool.spent.rollouts) == (0, 0, 13)
        assert pool.finished is not None
        assert pool.finished.ended == "perfect"


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_reflection_that_never_changes_anything_ends(worlds: Any, in_flight: int) -> None:
    """Reflections cost no rollouts, so a budget of rollouts alone has to end them too. Each says why."""
    world = worlds.World(lambda _texts, _example: 0.0, {"m": "seed"}, lambda _: "NO CHANGE", feedback=12, pareto=4)
    pool = asyncio.run(racing(world, Budget(rollouts=100), in_flight=in_flight).run())
    assert pool.finished is not None
    assert pool.spent.reflections <= 12 * 10 / 2
    assert len(pool.candidates) == 1
    assert pool.finished.ended == "unchanged"
    causes = {event.cause for event in world.journal() if isinstance(event, IterationFinished) and event.iteration}
    assert {"no_texts"} <= causes <= {"no_texts", "no_failures"}
    assert {"unchanged"} == {e.reasons["m"] for e in world.journal() if isinstance(e, ChildrenProposed)}


@pytest.mark.parametrize(("reply", "why"), [("", "empty"), ("```\nnew", "unclosed"), ("NO CHANGE", "unchanged")])
@pytest.mark.parametrize("modules", [{"m": "seed"}, {"m": "seed", "n": "more"}])
def test_reflections_without_a_text_are_counted_by_the_reason(
    worlds: Any, reply: str, why: str, modules: dict[str, str]
) -> None:
    """Each module that was reflected on counts once, however often the model was asked about it."""
    world = worlds.World(lambda _texts, _example: 0.0, modules, lambda _: reply, feedback=12, pareto=4)
    pool = asyncio.run(racing(world, Budget(rollouts=100), in_flight=4).run())
    chosen = [event for event in world.journal() if isinstance(event, ModulesChosen)]
    reflections = sum(len(event.modules) for event in chosen)
    assert (pool.answers.reflections, dict(pool.answers.without)) == (reflections, {why: reflections})


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_search_in_which_nothing_helps_says_so(worlds: Any, in_flight: int) -> None:
    """Failures are left and every proposal was tried in vain: neither is a budget spent nor a failure missing."""
    world = worlds.World(lambda _texts, _example: 0.3, {"m": "seed"}, feedback=4, pareto=4)
    pool = asyncio.run(racing(world, Budget(rollouts=500), in_flight=in_flight).run())
    assert pool.finished is not None
    assert (pool.finished.ended, pool.finished.reason, len(pool.candidates)) == ("exhausted", "", 1)
    assert pool.spent.reflections > 0


@pytest.mark.parametrize("named", [{"m3"}, {"m1", "m4"}, set[str]()], ids=["one", "two", "none"])
def test_reflections_are_paid_for_modules_that_the_feedback_names(worlds: Any, named: set[str]) -> None:
    """Joint and single edits alike reflect on these alone, and on all that were called where none is named."""
    world = worlds.random(2, modules=6, pareto=8, feedback=12)
    score = world.score
    world.score = lambda texts, example: Feedback(score(texts, example), by_module=dict.fromkeys(named, "too long"))
    asyncio.run(racing(world, Budget(iterations=9)).run())
    reflected = {event.module for event in world.journal() if isinstance(event, ReflectionFinished)}
    assert reflected == (named or {f"m{place}" for place in range(6)})


def harmful(worlds: Any, **sizes: int) -> Any:
    """A world in which every new text is worse than the seed, and no two replies are the same."""
    replies = (f"```\nlearned {number}\n```" for number in count())
    return worlds.World(lambda texts, _: 0.5 * (texts["m"] == "seed"), {"m": "seed"}, replies, **sizes)


def reading_rejected(optimizer: Optimizer) -> Optimizer:
    """The same search with a template that shows earlier edits."""
    own = {"m": Directions(template="{text}\n{rejected}\n{records}\n{reply}")}
    return replace(optimizer, reflector=replace(optimizer.reflector, directions=own))


def test_reflections_read_which_edits_did_not_help_where_the_template_asks_for_them(worlds: Any) -> None:
    """Each with its scores, before the next one is asked for."""
    world = harmful(worlds)
    asyncio.run(reading_rejected(racing(world, Budget(iterations=3))).run())
    prompts = world.model.prompts
    assert [prompt.count("<rejected_edit n=") for prompt in prompts[:3]] == [0, 1, 2]
    assert '<rejected_edit n="1" before="0.50" after="0.00" runs="3">\n- seed\n+ learned 1\n' in prompts[2]
    world = harmful(worlds)
    asyncio.run(racing(world, Budget(iterations=3)).run())
    assert not any("rejected_edit" in prompt for prompt in world.model.prompts)


def test_a_text_that_was_rejected_is_not_tried_again(worlds: Any) -> None:
    """Neither when the same reply comes again, nor after other texts were tried in between."""
    replies = (f"```\nlearned {number % 2}\n```" for number in count())
    world = worlds.World(lambda texts, _: 0.5 * (texts["m"] == "seed"), {"m": "seed"}, replies)
    asyncio.run(racing(world, Budget(iterations=9)).run())
    proposed = [event for event in world.journal() if isinstance(event, ChildrenProposed)]
    assert [event.children for event in proposed if event.children] == [({"m": "learned 0"},), ({"m": "learned 1"},)]
    assert all(event.repeated for event in proposed[2:])


@pytest.mark.parametrize("call", [30, 55, 80])
def test_resumed_iterations_ask_what_they_had_asked(worlds: Any, call: int) -> None:
    """What others learned since is not in their prompts, so that no reply is paid for twice."""
    world = harmful(worlds, feedback=30)
    failing = racing(world, Budget(rollouts=150), in_flight=5, pace=worlds.failing_at(call))
    with pytest.raises((OSError, Interrupted)):
        asyncio.run(reading_rejected(failing).run())
    asyncio.run(reading_rejected(racing(world, Budget(rollouts=150), in_flight=5)).run())
    paid = [(event.iteration, event.module) for event in world.journal() if isinstance(event, ReflectionFinished)]
    assert len(paid) > 5
    assert len(paid) == len(set(paid))
