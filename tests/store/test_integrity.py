"""A journal whose events do not fit together is refused at the first that does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    Event,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    ModulesLeftOut,
    OpinionFinished,
    ReflectionFinished,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.errors import RunError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.integrity import coherent, sound

SEED = {"a": "A.", "b": "B."}
STARTED = RunStarted(SEED, ("f",), ("p", "q"), ("t",))
ROLLOUT = RolloutFinished(0, "key", "p", "pareto", 0.5, Usage(), 0.1, "r")
ADMITTED = CandidateAdmitted(0, Candidate(0, SEED))
JOURNAL: list[Event] = [
    STARTED,
    ROLLOUT,
    ADMITTED,
    IterationFinished(0, "accepted"),
    IterationStarted(1, (0,), ("f",)),
    ModulesChosen(1, 0, ("a",)),
    ReflectionFinished(1, "a", Usage(), 0.1, "l"),
    CandidateAdmitted(1, Candidate(1, {**SEED, "a": "AA."}, (0,))),
    IterationStarted(2, (0, 1), ("p",), 0, SEED),
]


def test_a_journal_that_fits_is_passed_on() -> None:
    """Event by event, to whoever folds it."""
    assert list(coherent(JOURNAL)) == JOURNAL
    assert Pool.replay(coherent(JOURNAL)).spent.rollouts == 1


@pytest.mark.parametrize(
    "event",
    [
        STARTED,
        replace(ROLLOUT, example="nobody"),
        replace(ROLLOUT, subset="test"),
        replace(ROLLOUT, score=math.nan),
        replace(ROLLOUT, objectives={"style": math.inf}),
        replace(ROLLOUT, objectives={str(n): 0.0 for n in range(10_001)}),
        replace(ROLLOUT, seconds=math.inf),
        replace(ROLLOUT, usage=Usage(10**400)),
        replace(ROLLOUT, iteration=2**64),
        ReflectionFinished(1, "nobody", Usage(), 0.1, "l"),
        ChildrenProposed(1, (), opinions={"nobody": Opinion(0.5)}),
        ChildrenProposed(1, (), opinions={"a": Opinion(1.5)}),
        ChildrenProposed(1, (), opinions={"a": Opinion(math.nan)}),
        OpinionFinished(1, Usage(), math.inf, "o"),
        ModulesChosen(1, 7, ("a",)),
        ModulesChosen(1, -1, ("a",)),
        ModulesChosen(1, 0, ("nobody",)),
        IterationStarted(3, (2,), ()),
        IterationStarted(3, (), ()),
        IterationStarted(3, (0, 1, 0), ()),
        IterationStarted(3, (0,), ("p",)),
        IterationStarted(3, (0, 1), ("p",), 9, SEED),
        IterationStarted(3, (0, 1), ("p",), 0, {"a": "A."}),
        ExamplesDrawn(1, "key", "feedback", ("p",)),
        CandidateAdmitted(2, Candidate(3, SEED, (0,))),
        CandidateAdmitted(2, Candidate(2, SEED, (2,))),
        CandidateAdmitted(2, Candidate(2, SEED, ())),
        CandidateAdmitted(2, Candidate(2, {**SEED, "c": "C."}, (0,))),
        CandidateAdmitted(2, Candidate(2, {"a": "A."}, (0,))),
        CandidateAdmitted(2, Candidate(2, SEED, (0,)), (math.nan,)),
        CandidateAdmitted(2, Candidate(2, {**SEED, "a": "x" * 20_000_000}, (0,))),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_names_something_unknown_is_refused(event: Event) -> None:
    """Candidates, modules, examples that are not there, numbers that are none."""
    with pytest.raises(RunError, match="damaged"):
        list(coherent([*JOURNAL, event]))


def test_a_module_that_was_left_out_is_not_reflected_on_again() -> None:
    """The pool has no turn for it any more."""
    with pytest.raises(RunError, match="Event 11"):
        list(coherent([*JOURNAL, ModulesLeftOut({"a": "stale"}), ModulesChosen(3, 0, ("a",))]))


def test_a_journal_cannot_ask_for_more_places_than_memory_has() -> None:
    """A score has a place for every example of the pareto set: small rows of a file would be gigabytes."""
    wide = RunStarted(SEED, ("f",), tuple(map(str, range(1_000_000))))
    rollouts = (replace(ROLLOUT, texts=str(n), example=str(n)) for n in range(1_000))
    with pytest.raises(RunError, match="Event 22"):
        list(coherent([wide, *rollouts]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rollout: replace(rollout, seconds=math.nan),
        lambda rollout: replace(rollout, feedback=Feedback(math.inf)),
        lambda rollout: replace(rollout, usage=Usage(dollars=math.nan)),
        lambda rollout: replace(rollout, calls=(Call("model", "n", "m", "hello"),)),
        lambda rollout: replace(rollout, calls=(Call("model", "n", "m", ["hello"]),)),
        lambda rollout: replace(rollout, calls=(Call("model", "n", "m", [], seconds=math.inf),)),
    ],
)
def test_what_is_ours_in_a_rollout_is_as_we_write_it(spoil: Callable[[Rollout], Any]) -> None:
    """What the graph made is any JSON data, NaN included; scores, times and messages are not."""
    rollout = Rollout("e", {"x": math.nan}, Feedback(0.5), (Call("model", "n", "m", [{"role": "user"}]),))
    assert sound(rollout) is rollout
    with pytest.raises(RunError, match="damaged"):
        sound(spoil(rollout))
