"""Decides why a search ends although its budget is not spent."""

from __future__ import annotations

from math import fsum
from statistics import NormalDist

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.endings import Ended
from langgraph_gepa.search.acceptance import perfect
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tally import average

ROUNDING = 1e-9
"""The share of the scale by which rounding may keep a mean below a target that it reaches."""

SURE = 0.9
"""The probability with which a target has to be reached."""

FIRST_LOOK = 10
"""Iterations before a search ends because little is expected of another one."""

TRIES = 20
"""Iterations in which a flawless candidate with failures on training examples may still be improved."""

UNREAD = 10
"""Iterations after which a search ends in which no reply of the reflection model could be used."""

_NORMAL = NormalDist()


def enough(pool: Pool, budget: Budget) -> Ended | None:
    """Returns why no further iteration is worth its price, or `None`."""
    if not pool.candidates:
        return None
    best = pool.best
    if budget.target is not None and chance_of(pool, best.id, budget.target) >= SURE:
        return "target"
    if budget.patience is not None and pool.spent.iterations - pool.born[best.id] >= budget.patience:
        return "patience"
    if budget.gain == 0:
        return None
    if _flawless(pool, best):
        return "perfect"
    if pool.answers.unread >= UNREAD and not pool.answers.read:
        return "unread"
    if budget.gain is not None and pool.spent.iterations >= FIRST_LOOK:
        resolution = pool.posterior.width / len(pool.pareto_set)
        return "gain" if expected_gain(pool) < budget.gain * resolution else None
    return None


def chance_of(pool: Pool, id: int, target: float) -> float:
    """Returns the probability that a candidate's mean over the whole pareto set reaches `target`.

    Scores that are known count as they are; the posterior predicts the others, where one judges.
    """
    scores, of = pool.scores(pool.candidates[id]), len(pool.pareto_set)
    known = fsum(scores.values())
    if len(scores) == of:
        low, high = pool.scale.range
        return float(known / of >= target - ROUNDING * ((high - low) or 1.0))
    if pool.started is None or pool.started.judged_by != "posterior":
        return 0.0
    sums, counts = pool.tables()
    mean, sd = pool.posterior.total(id, counts[id] == 0, sums, counts)
    return 1 - _NORMAL.cdf((target * of - known - mean) / sd)


def expected_gain(pool: Pool) -> float:
    """Estimates what another iteration adds to the worth of the best candidate, which cannot exceed a perfect score.

    It adds a child as often as earlier ones did, and the child differs from its parent, taken to be the best, as the
    latest children do from theirs.
    """
    posterior = pool.posterior
    step, spread = posterior.step * posterior.width, posterior.spread * posterior.width
    child = mean_above(0.0, step, spread)
    if pool.scale.bounded:
        child -= mean_above(max(0.0, pool.scale.full - float(posterior.means[pool.best.id])), step, spread)
    return child * len(pool.candidates) / (pool.spent.iterations + 2)


def nothing_left(pool: Pool) -> Ended:
    """Returns why no candidate has failures left to reflect on."""
    if any(_solves(pool, candidate.key) for candidate in pool.candidates):
        return "solved"
    seed = pool.candidates[0].key
    return "exhausted" if pool.board.feedback.keys() - {seed} else "unchanged"


def mean_above(bound: float, mean: float, sd: float) -> float:
    """Returns by how much a normal variable exceeds a bound on average; less than the bound counts as nothing."""
    z = (mean - bound) / sd
    return (mean - bound) * _NORMAL.cdf(z) + sd * _NORMAL.pdf(z)


def _flawless(pool: Pool, best: Candidate) -> bool:
    """Whether nothing is left to gain: the best is perfect on the whole pareto set, and that is hardly luck.

    Means that are perfect cannot be beaten. A posterior can still prefer another candidate, and rightly where scores
    are noisy. There the best has to be perfect on as many feedback examples as well, or unbeaten in `TRIES` iterations.
    """
    scores, learned_from, full = pool.scores(best), pool.known("feedback", best.key), pool.scale.full
    if not pool.may_be_flawless:
        return False
    if len(scores) < len(pool.pareto_set) or not perfect(list(scores.values()), full):
        return False
    if pool.started is not None and pool.started.judged_by == "mean":
        return True
    if pool.spent.iterations - pool.born[best.id] >= TRIES:
        return True
    seen = len(learned_from) >= min(len(pool.feedback_set), len(pool.pareto_set))
    return seen and perfect([average(known) for known in learned_from.values()], full)


def _solves(pool: Pool, texts: str) -> bool:
    """Whether these texts score perfect on the whole feedback set."""
    known = pool.known("feedback", texts)
    means = [average(scores) for scores in known.values()]
    return len(means) == len(pool.feedback_set) and pool.may_be_flawless and perfect(means, pool.scale.full)
