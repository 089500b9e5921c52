from collections.abc import Callable
from dataclasses import replace
from typing import Any

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report.progress import Iteration, advance, iterations


def test_every_rollout_of_the_search_is_counted_in_one_iteration(finished: Any) -> None:
    """The iterations' rollouts add up to those that the pool has counted."""
    found = iterations(finished.journal)
    spent = finished.pool.spent
    assert sum(iteration.rollouts for iteration in found) == spent.rollouts
    assert {i.candidate for i in found if i.candidate is not None} == {c.id for c in finished.pool.candidates}


def test_a_mutation_is_described_at_each_stage() -> None:
    """What is under way reads as the step that is being waited for."""
    known: dict[int, Iteration] = {}

    def rollout(subset: Any) -> RolloutFinished:
        return RolloutFinished(4, "k", "e", subset, 0.5, Usage(), 1.0, "l")

    descriptions = []
    for event in (
        IterationStarted(4, (2,), ("a", "b")),
        rollout("feedback"),
        rollout("feedback"),
        ModulesChosen(4, 2, ("writer",)),
        ReflectionFinished(4, "writer", Usage(), 1.0, "l"),
        rollout("feedback"),
        rollout("feedback"),
        rollout("pareto"),
    ):
        iteration = advance(known, event, 0.0)
        assert iteration is not None
        descriptions.append(iteration.describe(30))
    assert descriptions == [
        "running training examples 0/2",
        "running training examples 1/2",
        "running training examples 2/2",
        "reflecting on writer",
        "reflecting on writer",
        "trying the new text 1/2",
        "validating 0/30",
        "validating 1/30",
    ]


def test_a_race_counts_the_rollouts_of_the_rival_apart() -> None:
    """Rollouts of whom the child has to beat are the iteration's, and not taken for the child's."""
    known: dict[int, Iteration] = {}
    child = Candidate(1, {"m": "new"}, (0,))
    advance(known, IterationStarted(1, (0,), ()), 0.0)
    advance(known, CandidateAdmitted(1, child), 0.0)
    for key in (child.key, child.key, "of the rival"):
        advance(known, RolloutFinished(1, key, "e", "pareto", 0.5, Usage(), 1.0, "l"), 0.0)
    assert known[1].describe(30) == "validating 2/30, and the best other candidate on 1"
    assert known[1].rollouts == 3


def test_a_merge_passes_its_gate_before_it_is_validated() -> None:
    """A merge reflects on nothing: it is tried on the gate, then on the pareto set."""
    known: dict[int, Iteration] = {}
    advance(known, IterationStarted(1, (1, 2), ("a", "b"), 0, {"m": "t"}), 0.0)
    advance(known, RolloutFinished(1, "k", "a", "gate", 0.5, Usage(), 1.0, "l"), 0.0)
    assert known[1].describe(30) == "comparing with its parents 1/2"
    advance(known, RolloutFinished(1, "k", "b", "gate", 0.5, Usage(), 1.0, "l"), 0.0)
    assert known[1].describe(30) == "validating 0/30"


def test_an_iteration_holds_its_proposed_texts_and_those_refused() -> None:
    """They are in the journal, so that nobody has to read a reply again."""
    known: dict[int, Iteration] = {}
    advance(known, IterationStarted(1, (0,), ("a",)), 0.0)
    advance(known, ChildrenProposed(1, ({"m": "new"},), {"n": "refused"}, refused={"n": "lost {x}"}), 0.0)
    assert known[1].proposals == ChildrenProposed(1, ({"m": "new"},), {"n": "refused"}, refused={"n": "lost {x}"})


def test_why_no_text_was_tried_is_explained_by_module() -> None:
    """The codes and details of the reflections, in words; the name of a single module is left out on one line."""
    proposed = ChildrenProposed(1, (), {"m": "refused", "n": "unchanged"}, {"m": "it lost {x}"})
    for modules, why in (("m", "n"), "m: it lost {x}; n: nothing to change"), (("m",), "it lost {x}"):
        known: dict[int, Iteration] = {}
        reasons = {name: proposed.reasons[name] for name in modules}
        advance(known, ModulesChosen(1, 0, modules), 0.0)
        advance(known, replace(proposed, reasons=reasons), 0.0)
        advance(known, IterationFinished(1, "skipped", cause="no_texts"), 0.0)
        assert known[1].why(30) == why
    assert known[1].reason(30) == "m: it lost {x}"


def test_a_run_cut_in_the_middle_shows_what_was_under_way(script: Callable[..., Any]) -> None:
    """An iteration without an end is under way, at the stage it was left in."""
    run = script()
    run.start()
    run.leave_under_way()
    (left,) = run.view().under_way
    assert (left.number, left.describe(24)) == (1, "reflecting on writer")
