"""Whether the outcome of a rollout counts, from what it raised and what it handled."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.adapter.failures.classification import FailureContext, is_world_failure
from langgraph_gepa.adapter.failures.outcomes import ambiguous_failure, verdict_by
from langgraph_gepa.errors import WorldFailure

BUG = KeyError("plan")
SLOW = TimeoutError("slow")
DECLARED = WorldFailure("no verdict")
LIMITED = type("RateLimitError", (Exception,), {"__module__": "search.errors"})("too many requests")


def outcome(raised: Any = None, *handled: Exception, of_models: Any = (), **how: Any) -> Exception | None:
    rule = how.pop("rule", is_world_failure)
    return ambiguous_failure(rule, raised, handled, lambda: FailureContext(of_models), **how)


def test_without_failures_the_context_is_not_made() -> None:
    """It costs the texts of a whole rollout."""
    assert ambiguous_failure(is_world_failure, None, [], lambda: pytest.fail("made")) is None


@pytest.mark.parametrize(("raised", "found"), [(BUG, None), (SLOW, SLOW)])
def test_what_was_raised_counts_unless_it_may_be_the_worlds(raised: Exception, found: Exception | None) -> None:
    """A bug is the candidate's; a time-out of its own is tried again first."""
    assert outcome(raised) is found


def test_what_is_certainly_the_worlds_is_raised() -> None:
    """Nothing is scored beside it."""
    with pytest.raises(WorldFailure):
        outcome(DECLARED)
    with pytest.raises(TimeoutError):
        outcome(SLOW, of_models=[SLOW])


def test_what_was_handled_makes_the_outcome_ambiguous() -> None:
    """The first one that may be the world's; a bug that the graph handled is none."""
    assert outcome(None, BUG, SLOW) is SLOW
    assert outcome(None, BUG) is None
    assert outcome(None, LIMITED) is LIMITED


@pytest.mark.parametrize("failure", [DECLARED, LIMITED], ids=["declared", "a model's rate limit"])
def test_handling_does_not_make_up_for_every_failure_of_the_world(failure: Exception) -> None:
    """What the user declared, and a provider's rate limit, would change the score if the rollout counted."""
    with pytest.raises(type(failure)):
        outcome(None, failure, of_models=[failure])


def test_without_a_score_only_failures_of_models_are_raised() -> None:
    """Watching goes on after a tool that fails."""
    assert outcome(DECLARED, scored=False) is DECLARED
    assert outcome(None, DECLARED, scored=False) is DECLARED
    with pytest.raises(WorldFailure):
        outcome(DECLARED, scored=False, of_models=[DECLARED])


def test_the_users_rule_leaves_nothing_ambiguous() -> None:
    """What it calls the world's is raised, and so is `WorldFailure`; all else is scored."""

    def rule(error: BaseException) -> bool:
        return isinstance(error, KeyError)

    verdicts = [verdict_by(rule, error, FailureContext()) for error in (BUG, SLOW, DECLARED)]
    assert verdicts == ["world", "candidate", "world"]
    assert outcome(None, SLOW, rule=rule) is None
    with pytest.raises(KeyError):
        outcome(None, BUG, rule=rule)
