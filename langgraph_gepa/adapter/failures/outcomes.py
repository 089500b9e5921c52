"""Decides whether the outcome of a rollout counts, from the failures that it raised or handled on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langgraph_gepa.adapter.failures.causes import chain
from langgraph_gepa.adapter.failures.classification import (
    FailureContext,
    IsWorldFailure,
    Verdict,
    as_world_failure,
    classify,
    is_declared,
    is_lasting,
    is_pressure,
    is_world_failure,
)


def verdict_by(rule: IsWorldFailure, failure: BaseException, context: FailureContext) -> Verdict:
    """Decides whose failure it is by the user's `rule`, which leaves nothing open, or else by our own."""
    if rule is is_world_failure:
        return classify(failure, context)
    return "world" if is_declared(failure) or rule(failure) else "candidate"


def ambiguous_failure(
    rule: IsWorldFailure,
    raised: Exception | None,
    handled: Sequence[Exception],
    context: Callable[[], FailureContext],
    *,
    scored: bool = True,
) -> Exception | None:
    """Returns the failure because of which the rollout is to be tried again before its outcome counts, if any.

    `raised` ended the graph or the metric; `handled` are failed calls after which it went on. Raises the failure
    because of which no outcome can count: one of the world's that was raised, or, where it was handled, a provider that
    limits its rate, a wrong or missing key, or what the user's code or rule declared to be the world's. Of a rollout
    that is not `scored` only the failures of models are raised.
    """
    if raised is None and not handled:
        return None
    known = context()

    def prevents_scoring(failure: Exception) -> bool:
        return scored or any(map(known.ended_model_call, chain(failure)))

    verdict = "candidate" if raised is None else verdict_by(rule, raised, known)
    if raised is not None and verdict != "candidate":
        if verdict == "world" and prevents_scoring(raised):
            raise raised
        return as_world_failure(raised)
    ambiguous: list[Exception] = []
    for failure in handled:
        verdict, lasting = verdict_by(rule, failure, known), is_lasting(failure)
        declared = rule is not is_world_failure or is_declared(failure)
        fatal = verdict == "world" and (declared or lasting or is_pressure(failure))
        if fatal and prevents_scoring(failure):
            raise failure
        if verdict != "candidate" and (fatal or not lasting):
            ambiguous.append(as_world_failure(failure))
    return next(iter(ambiguous), None)
