"""The rules of racing, each alone, on pools written as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.core.candidate import Candidate, ancestors
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    RunStarted,
)
from langgraph_gepa.search import racing
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.turn import Concern, Pick, Turn

seeds = st.integers(0, 2**32)
FEEDBACK = [f"f{place}" for place in range(25)]


def trained(tables: Any, rng: Random, letters: str = "ab") -> Pool:
    """A seed scored on the pareto set, run on some of the feedback set, some of it reflected on."""
    pool = Pool()
    pool.apply(RunStarted(tables.texts_of(letters), tuple(FEEDBACK), ("p0", "p1", "p2"), judged_by="posterior"))
    for event in tables.journal([tables.Row((), letters, [0.0, 0.5, 1.0])])[1:]:
        pool.apply(event)
    for example in rng.sample(FEEDBACK, rng.randint(0, 25)):
        pool.apply(tables.rollout(letters, example, rng.choice((0.0, 0.5, 1.0)), 1, "feedback"))
    known = list(pool.known("feedback", pool.candidates[0].key))
    for number in range(rng.randint(0, 3)):
        shown = tuple(rng.sample(known, min(len(known), 4)))
        pool.apply(IterationStarted(number + 1, (0,), ()))
        pool.apply(ModulesChosen(number + 1, 0, ("m0",), shown))
        pool.apply(IterationFinished(number + 1, "rejected"))
    return pool


@given(seeds)
def test_records_are_failures_shown_least_and_a_few_successes(tables: Any, seed: int) -> None:
    """At most ten failures, none left out shown less often than one taken; two successes, if there are failures."""
    turn = Turn(trained(tables, Random(seed)), 9, seed)
    found = racing.failures(turn, 0)
    records = racing.failures_and_successes(turn, 0, (), ())
    failed, succeeded = [e for e in records if e in found], [e for e in records if e not in found]
    known = turn.pool.known("feedback", turn.pool.candidates[0].key)
    solved = [example for example, scores in known.items() if scores == [1.0]]
    assert len(records) == len(set(records))
    assert len(failed) == min(racing.FAILURES, len(found))
    assert all(found[a] <= found[b] for a in failed for b in set(found) - set(failed))
    assert set(succeeded) <= set(solved)
    assert len(succeeded) == (min(racing.SUCCESSES, len(solved)) if found else 0)


@given(seeds)
def test_batches_are_unseen_and_end(tables: Any, seed: int) -> None:
    """Examples the parent has not seen, run least by others, until a new failure, three batches or none is left."""
    rng = Random(seed)
    pool = trained(tables, rng)
    turn, key = Turn(pool, 9, seed), pool.candidates[0].key
    drawn: list[str] = []
    while batch := racing.fresh_batch(turn, 0, drawn):
        seen = set(pool.known("feedback", key))
        assert seen.isdisjoint(batch)
        assert len(racing.unused_failures(turn, 0)) < racing.FAILURES
        assert set(racing.unused_failures(turn, 0)).isdisjoint(drawn)
        drawn += batch
        for example in batch:
            pool.apply(tables.rollout("ab", example, rng.choice((0.0, 1.0, 1.0, 1.0)), 9, "feedback"))
    assert len(drawn) <= 18
    unseen = set(FEEDBACK) - set(pool.known("feedback", key))
    unused = racing.unused_failures(turn, 0)
    assert len(unused) >= racing.FAILURES or set(unused) & set(drawn) or len(drawn) == 18 or not unseen


def test_a_batch_leaves_what_another_iteration_is_running_to_it(tables: Any) -> None:
    """Two iterations with one parent pay for different examples."""
    pool = trained(tables, Random(25), "ab")
    unseen = [example for example in FEEDBACK if example not in pool.known("feedback", pool.candidates[0].key)]
    pool.apply(IterationStarted(7, (0,), tuple(unseen[:2])))
    pool.apply(ExamplesDrawn(7, pool.candidates[0].key, "feedback", tuple(unseen[2:4])))
    batch = racing.fresh_batch(Turn(pool, 8, 0), 0, (), wanted=100)
    assert batch
    assert set(batch).isdisjoint(unseen[:4])


@given(seeds)
@settings(deadline=None)
def test_a_parent_is_of_the_lineage_it_is_picked_for(tables: Any, seed: int) -> None:
    """Single proposals edit candidates made by single edits, joint ones the others; the seed serves both."""
    rng = Random(seed)
    pool = Pool.replay(tables.journal(tables.random_rows(rng)))
    for number in range(20):
        pick = racing.pick_by_draw(Turn(pool, number, seed), rng)
        assert pick is not None
        assert pick.lineage in pool.lineages(pick.parent)


@given(seeds)
def test_the_single_lineage_is_that_of_single_edits(tables: Any, seed: int) -> None:
    """A candidate is single exactly when no edit on its way from the seed changed two modules, and none was a merge."""
    pool = Pool.replay(tables.journal(tables.random_rows(Random(seed))))
    for candidate in pool.candidates[1:]:
        line = [candidate, *(pool.candidates[id] for id in ancestors(pool.candidates, candidate.id) if id)]
        edits = [
            sum(one.texts[name] != pool.candidates[one.parents[0]].texts[name] for name in pool.modules) for one in line
        ]
        single = all(len(one.parents) == 1 for one in line) and max(edits) <= 1
        assert pool.lineages(candidate.id) == (("single",) if single else ("joint",))


def test_a_third_of_the_first_proposals_is_single_then_the_leaders_lineage_gets_most(tables: Any) -> None:
    """2 of 6; later 65 % go to the lineage of the best draw."""
    row = tables.Row
    rows = [row((), "aa", [0, 0]), row((0,), "ba", [1, 1])]
    started = list(tables.journal(rows))
    lineages = []
    pool = Pool.replay(started)
    for number in range(2, 8):
        lineages.append(racing.pick_lineage(pool, [0.0, 1.0], Random(number), trial=7))
        pool.apply(IterationStarted(number, (0,), ()))
        pool.apply(IterationFinished(number, "rejected"))
    assert Counter(lineages)["single"] == 2
    later = Counter(racing.pick_lineage(pool, [0.0, 1.0], Random(n)) for n in range(2000))
    assert later["single"] / 2000 == pytest.approx(0.65, abs=0.04)


@given(seeds)
def test_children_are_the_whole_edit_and_a_half_of_it(tables: Any, seed: int) -> None:
    """Each child changes nothing but what was reflected on, the second half as much."""
    rng = Random(seed)
    pool = Pool.replay(tables.journal([tables.Row((), "aaaaa", [0])]))
    parent = pool.candidates[0].texts
    changed = {name: rng.choice("abc") for name in rng.sample(list(parent), rng.randint(1, 5))}
    children = racing.full_and_half(Turn(pool, 1, seed), parent, changed)
    assert children[0] == {**parent, **changed}
    for child in children[1:]:
        assert sum(child[name] != parent[name] for name in parent) <= len(changed) // 2
        assert all(child[name] in (parent[name], changed.get(name)) for name in parent)


@given(st.lists(st.frozensets(st.sampled_from("abc")), max_size=12), st.sets(st.sampled_from("abc")), seeds)
def test_a_screen_is_of_three_records_that_concern_the_edit(
    modules: list[frozenset[str]], edited: set[str], seed: int
) -> None:
    """Three places, or all where there are fewer; others only once those that concern an edited module are taken."""
    records = [Concern(f"f{place}", float(place % 2), names) for place, names in enumerate(modules)]
    places = racing.concerning_records(Turn(Pool(), 1, seed), records, edited)
    concerning = {place for place, names in enumerate(modules) if names & edited}
    assert len(set(places)) == min(3, len(records))
    assert len(concerning.intersection(places)) == min(3, len(concerning))
    assert list(places) == list(racing.concerning_records(Turn(Pool(), 1, seed), records, edited))


def test_a_screen_is_drawn_anew_in_each_iteration() -> None:
    """Where nothing distinguishes the records, every one of them is drawn some time."""
    records = [Concern(f"f{place}", 0.0) for place in range(12)]
    drawn = [racing.concerning_records(Turn(Pool(), number, 0), records, {"m"}) for number in range(40)]
    assert {place for places in drawn for place in places} == set(range(12))


def racing_pool(tables: Any, child: list[float], size: int = 60) -> Pool:
    """A seed that scores one half on all of the pareto set, and a child run on a part of it."""
    seed = tables.Row((), "a", [0.5] * size)
    pool = tables.pool(seed)
    pool.apply(replace(pool.started, judged_by="posterior"))
    pool.apply(IterationStarted(1, (0,), ()))
    pool.apply(CandidateAdmitted(1, Candidate(1, tables.texts_of("b"), (0,))))
    for place, score in enumerate(child):
        pool.apply(tables.rollout("b", f"p{place}", score, 1))
    return pool


@given(seeds)
@settings(deadline=None)
def test_a_heat_takes_the_child_or_the_best_of_the_others_to_its_next_rung(tables: Any, seed: int) -> None:
    """On nothing that it was run on; the child first on the lowest rung, then whoever has seen less."""
    rng = Random(seed)
    pool = Pool.replay(tables.journal(tables.random_rows(rng)))
    pool.apply(replace(pool.started, judged_by="posterior"))
    child = rng.choice(pool.candidates)
    rungs = (1, 2, 4)
    stage = racing.next_stage(Turn(pool, 99, seed), child, 0, rungs=rungs, stop=0.0, sure=1.0)
    left = {c.id: set(pool.pareto_set) - set(pool.known("pareto", c.key)) for c in pool.candidates}
    if stage is None:
        return
    seen = len(pool.pareto_set) - len(left[stage.candidate.id])
    others = [c for c in pool.candidates if c.id != child.id]
    rival = max(others, key=lambda c: pool.posterior.means[c.id], default=child)
    assert stage.candidate in (child, rival)
    assert stage.examples
    assert set(stage.examples) <= left[stage.candidate.id]
    assert seen + len(stage.examples) in (*rungs, len(pool.pareto_set))


def test_a_race_goes_on_in_turns_while_either_may_win(tables: Any) -> None:
    """The child's rungs are 6, 12, 18, 24; once it has seen more than its rival, that one goes on."""
    pool = racing_pool(tables, [], 60)
    seen = [f"p{place}" for place in range(30)]
    pool.board.pareto[pool.candidates[0].key] = {example: [0.5] for example in seen}
    ran: list[tuple[int, int]] = []
    while stage := racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], len(ran), stop=0.0, sure=1.0):
        ran.append((stage.candidate.id, len(stage.examples)))
        for example in stage.examples:
            pool.apply(tables.rollout("ab"[stage.candidate.id], example, 0.5, 1))
    assert ran[:6] == [(1, 6), (1, 6), (1, 6), (1, 6), (1, 12), (0, 6)]
    assert ran[-1][0] in (0, 1)
    assert all(len(pool.known("pareto", candidate.key)) == 60 for candidate in pool.candidates)


def test_a_child_is_run_first_on_what_its_rival_has_seen(tables: Any) -> None:
    """Two candidates are compared on what they share."""
    pool = racing_pool(tables, [], 60)
    seen = {f"p{place}" for place in range(20, 40)}
    pool.board.pareto[pool.candidates[0].key] = {example: [0.5] for example in sorted(seen)}
    stage = racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], 0)
    assert stage is not None
    assert set(stage.examples) <= seen


@pytest.mark.parametrize(("score", "goes_on"), [(0.0, False), (0.5, True), (0.95, False)])
def test_a_race_that_is_decided_is_stopped(tables: Any, score: float, goes_on: bool) -> None:
    """After the first rung, unlikely to win and as good as won both end it."""
    pool = racing_pool(tables, [score] * 12)
    assert bool(racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], 1)) is goes_on


def test_a_child_that_has_won_runs_on_while_it_is_perfect(tables: Any) -> None:
    """Once it is perfect on the whole pareto set the search can end; its first flaw ends the race."""
    pool = racing_pool(tables, [1.0] * 12)
    stage = racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], 1)
    assert stage is not None
    assert stage.candidate.id == 1
    pool.apply(tables.rollout("b", stage.examples[0], 0.9, 1))
    assert racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], 2) is None


def test_a_race_leaves_what_another_iteration_is_running_to_it(tables: Any) -> None:
    """Two iterations that take the same rival further pay for different examples."""
    pool = racing_pool(tables, [0.5] * 12)
    seed = pool.candidates[0]
    pool.board.pareto[seed.key] = {f"p{place}": [0.5] for place in range(6)}
    pool.apply(IterationStarted(2, (0,), ()))
    pool.apply(ExamplesDrawn(2, seed.key, "pareto", ("p6", "p7", "p8")))
    stage = racing.next_stage(Turn(pool, 1, 0), pool.candidates[1], 1)
    assert stage is not None
    assert stage.candidate is seed
    assert {"p6", "p7", "p8"}.isdisjoint(stage.examples)
    assert len(stage.examples) == 3


@pytest.mark.parametrize(
    ("records", "joint", "single"),
    [
        ([], ("m0", "m1", "m2"), ("m1",)),
        ([Concern("f0", 0.0)], ("m0", "m1", "m2"), ("m1",)),
        ([Concern("f0", 0.0, frozenset({"m0"})), Concern("f1", 0.5, frozenset({"m2"}))], ("m0", "m2"), ("m2",)),
        ([Concern("f0", 0.0, frozenset({"m0"})), Concern("f1", 1.0, frozenset({"m1"}))], ("m0",), ("m0",)),
        ([Concern("f0", 0.0, frozenset({"m1", "gone"}))], ("m1",), ("m1",)),
    ],
    ids=["no records", "failures that concern nothing", "some modules", "a success", "a module that was left out"],
)
def test_proposals_edit_what_failures_concern(
    tables: Any, records: list[Concern], joint: tuple[str, ...], single: tuple[str, ...]
) -> None:
    """Joint ones all such modules, single ones the parent's next; every module where failures concern none."""
    turn = Turn(tables.pool(tables.Row((), "aaa", [0]), tables.Row((0,), "baa", [1])), 2, 0)
    assert racing.by_lineage(turn, Pick(1, "joint"), records) == joint
    assert racing.by_lineage(turn, Pick(1, "single"), records) == single


@given(seeds)
@settings(deadline=None)
def test_who_has_nothing_to_teach_is_not_picked(tables: Any, seed: int) -> None:
    """A candidate run on all feedback examples without a failure that is still to be used is passed over."""
    rng = Random(seed)
    pool = Pool.replay(tables.journal(tables.random_rows(rng)))
    for candidate in pool.candidates:
        letters = "".join(candidate.texts.values())
        for example in pool.feedback_set if rng.random() < 0.7 else ():
            pool.apply(tables.rollout(letters, example, rng.choice((0.0, 1.0)), 1, "feedback"))
    turn = Turn(pool, 1, seed)
    able = [id for id in range(len(pool.candidates)) if racing.teaches(turn, id)]
    pick = racing.pick_by_draw(turn, rng)
    assert (pick is None) == (not able)
    assert pick is None or pick.parent in able


def test_with_one_module_a_better_child_becomes_the_parent(tables: Any) -> None:
    """Every edit is single then, and the search goes on from the best."""
    pool = tables.pool(tables.Row((), "a", [0.0] * 30), tables.Row((0,), "b", [1.0] * 30))
    picks = [racing.pick_by_draw(Turn(pool, number, 0), Random(number)) for number in range(20)]
    assert {(pick.parent, pick.lineage) for pick in picks if pick} == {(1, "single")}
