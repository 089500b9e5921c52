"""The rule of `repeats="auto"`: runs the two best candidates again where their race is open and scores are noisy."""

from __future__ import annotations

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import ExamplesDrawn
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.racing import STOP, SURE
from langgraph_gepa.search.stopping import expected_gain, mean_above
from langgraph_gepa.search.turn import Stage, Turn

PAIRS = 6
"""How many pairs of texts and example are run again at once. If the first of these all score as before, no more are."""

MOST = 4
"""The most rollouts of a pair."""

START, SHARE = 15, 0.25
"""When repeats begin to pay: after `START` rollouts for each pareto example, where they may gain a `SHARE` of what
other iterations gain. Lower, they cost more in simulated worlds than they gain (`evals/bench/README.md`)."""


def run_again(turn: Turn, child: Candidate) -> Stage | None:
    """Runs the child or its rival again, on examples that it ran on least, while it is undecided which is better.

    Only once both ran on the whole pareto set, where that pays, and unless scores are found to repeat themselves. Of
    the two the one that ran less goes first.
    """
    pool = turn.pool
    if pool.spent.rollouts < START * len(pool.pareto_set) or not _may_be_noisy(turn):
        return None
    rival = pool.candidates[pool.posterior.rival(child.id)]
    if not (_ran_on_all(pool, child) and _ran_on_all(pool, rival)):
        return None
    if not STOP <= pool.posterior.beats(child.id, rival.id) <= SURE or not _pays(turn, child, rival):
        return None
    first, second = sorted((child, rival), key=lambda one: sum(map(len, pool.known("pareto", one.key).values())))
    return _next_repeat(turn, first) or _next_repeat(turn, second)


def _ran_on_all(pool: Pool, candidate: Candidate) -> bool:
    return len(pool.known("pareto", candidate.key)) == len(pool.pareto_set)


def _may_be_noisy(turn: Turn) -> bool:
    """Whether scores of repeated rollouts differ. Until that is known, one iteration at a time finds out."""
    noise = turn.pool.noise
    if noise.repeated >= min(PAIRS, len(turn.pool.pareto_set)):
        return not noise.none
    return not any(draw.repeat for draw in _draws_of_others(turn))


def _pays(turn: Turn, one: Candidate, other: Candidate) -> bool:
    """Whether it is worth another rollout of both candidates on every example to know which is better.

    Knowing it gains the difference between the expected worth of the better candidate and the worth of the one that
    seems better now. Per rollout this must reach a `SHARE` of what further iterations are expected to gain
    (`stopping.expected_gain`), which take as many rollouts as earlier ones took.
    """
    pool = turn.pool
    mean, sd = pool.posterior.difference(one.id, other.id)
    by_choice = (mean_above(0.0, mean, sd) - max(mean, 0.0)) / (2 * len(pool.pareto_set))
    by_iterations = expected_gain(pool) * pool.spent.iterations / pool.spent.rollouts
    return by_choice >= SHARE * by_iterations


def _next_repeat(turn: Turn, candidate: Candidate) -> Stage | None:
    """Returns a stage of pairs that ran equally often, less than `MOST` times, and are not running now."""
    known = turn.pool.known("pareto", candidate.key)
    drawn = {(draw.texts, example, draw.repeat) for draw in _draws_of_others(turn) for example in draw.examples}
    left = [example for example in turn.pool.pareto_set if (candidate.key, example, len(known[example])) not in drawn]
    repeat = min((len(known[example]) for example in left), default=MOST)
    if repeat >= MOST:
        return None
    least = [example for example in left if len(known[example]) == repeat]
    turn.rng(f"again {candidate.id} {repeat}").shuffle(least)
    return Stage(candidate, tuple(least[:PAIRS]), repeat)


def _draws_of_others(turn: Turn) -> list[ExamplesDrawn]:
    """Returns what other iterations under way drew from the sets."""
    others = (events for number, events in turn.pool.open.items() if number != turn.number)
    return [event for events in others for event in events if isinstance(event, ExamplesDrawn)]
