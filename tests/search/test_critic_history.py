"""What the pool keeps of the critic's opinions."""

from __future__ import annotations

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    Event,
    IterationFinished,
    IterationStarted,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.pool import Pool

SEED = {f"module {number}": "old" for number in range(9)}
CHILD = dict.fromkeys(SEED, "new")
OPINIONS = {name: Opinion(number / 10) for number, name in enumerate(SEED, 1)}


def rollout(iteration: int, texts: dict[str, str], score: float) -> RolloutFinished:
    return RolloutFinished(iteration, texts_key(texts), "p", "pareto", score, Usage(), 0.0, f"{score}")


JOURNAL: tuple[Event, ...] = (
    RunStarted(SEED, ("f",), ("p",), judged_by="posterior"),
    rollout(0, SEED, 0.0),
    CandidateAdmitted(0, Candidate(0, SEED)),
    IterationStarted(1, (0,), ("f",)),
    ChildrenProposed(1, (CHILD,), opinions=OPINIONS),
    CandidateAdmitted(1, Candidate(1, CHILD, (0,))),
    rollout(1, CHILD, 1.0),
    IterationFinished(1, "accepted"),
)


def test_opinions_stand_in_the_order_of_the_modules() -> None:
    """Sums of them are rounded alike in every process, so that a resumed search goes on as it would have."""
    expected = tuple(opinion.chance for opinion in OPINIONS.values())
    assert Pool.replay(JOURNAL).critic.by_candidate == [(), expected]


def test_the_critic_is_calibrated_again_when_it_speaks_and_when_an_outcome_is_known() -> None:
    """In between it is what it was, and so is the posterior that its opinions shift."""
    pool = Pool.replay(JOURNAL[:4])
    seen = [pool.critique]
    for event in JOURNAL[4:]:
        pool.apply(event)
        seen.append(pool.critique)
    changed = [type(event) for event, old, new in zip(JOURNAL[4:], seen, seen[1:], strict=False) if new is not old]
    assert changed == [ChildrenProposed, IterationFinished]
