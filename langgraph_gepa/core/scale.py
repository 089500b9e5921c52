"""The scale of a metric's scores: what the user says of it, and what the scores that were seen say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite

from langgraph_gepa.core.rollout import Rollout

ROUNDING = 1e-9
"""How far rounding may put the mean of several scores from 0 to 1 outside that range."""


@dataclass(frozen=True, slots=True)
class MetricScale:
    """The scale of a run's scores. `perfect` and `failure` are the scores that the user gave, if any.

    Without them the scale is 0 to 1, until a score outside it is seen. The scores seen so far lie between `low` and
    `high`. Those of failed rollouts are not counted in; `failed` says whether there were any.
    """

    perfect: float | None = None
    failure: float | None = None
    low: float = inf
    high: float = -inf
    failed: bool = False

    def after(self, score: float, *, failed: bool) -> MetricScale:
        """Returns the scale after one more rollout."""
        if failed:
            return self if self.failed else replace(self, failed=True)
        if self.low <= score <= self.high:
            return self
        return replace(self, low=min(self.low, score), high=max(self.high, score))

    def settled(self, rollout: Rollout) -> Rollout:
        """Returns the rollout with the score that counts where it failed."""
        if rollout.error is None:
            return rollout
        return replace(rollout, feedback=replace(rollout.feedback, score=self.failure_score))

    @property
    def unit(self) -> bool:
        """Whether every score, and a perfect one, lies between 0 and 1 as far as is known."""
        return self.low >= -ROUNDING and max(self.high, self.perfect or 0.0) <= 1 + ROUNDING

    @property
    def bounded(self) -> bool:
        """Whether it is known what a perfect answer scores."""
        return self.perfect is not None or self.unit

    @property
    def full(self) -> float:
        """The score that leaves nothing to learn: the perfect one, or the highest seen where none is known.

        Where all scores are the same, and none is known to be perfect, there is no such score: it is infinite.
        """
        if self.perfect is not None:
            return self.perfect
        if self.unit:
            return 1.0
        return self.high if self.high > self.low else inf

    @property
    def failure_score(self) -> float:
        """The score of a rollout that failed: the one given, or 0, or the lowest seen if that is lower."""
        if self.failure is not None:
            return self.failure
        return 0.0 if self.low >= -ROUNDING else self.low

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score there can be, as far as is known."""
        low = self.failure if self.failure is not None else 0.0 if self.unit else self.low
        high = self.full if self.bounded else self.high
        known = [score for score in (low, high, self.low, self.high) if isfinite(score)]
        known += [self.failure_score] if self.failed or not known else []
        return min(known), max(known)
