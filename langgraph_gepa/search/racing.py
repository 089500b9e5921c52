"""The rules of `search="racing"`: learn from known failures, screen children, race them against the best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from random import Random

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import ExamplesDrawn, IterationStarted, Lineage, Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.search.acceptance import perfect
from langgraph_gepa.search.merge import Merge, propose_merge
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.selection import leaders, round_robin
from langgraph_gepa.search.tally import average
from langgraph_gepa.search.turn import Concern, Pick, Stage, Turn

BATCH, SCREEN = 6, 3
"""Feedback examples of a batch that the parent runs on, and records that children are screened on."""

FAILURES, SUCCESSES = 10, 2
"""The most records of a reflection: failures, and a few successes whose qualities the new text should keep."""

USES = 10
"""The most reflections on one failure of a parent: a search whose reflections change nothing has to end."""

SEED = 24
"""Pareto examples that the seed is scored on first. It runs on more when children challenge it."""

RUNGS = (6, 12, 18, 24, 36, 48)
"""The numbers of pareto examples at which a race is looked at; the whole set is the last one."""

STOP, SURE = 0.4, 0.9
"""A race ends when the child's probability of being better falls below `STOP`, lost, or exceeds `SURE`, won."""

SCALE, SPECIALISTS = 0.5, 0.25
"""The scale of posterior draws, and how often a parent is picked for its score on a single example instead."""

GOAL = 0.5
"""How often a specialist is the best by a goal, in a search that has goals beside the score."""

TRIAL, FAVOUR = 6, 0.65
"""The first proposals, which try both lineages in turn, and how often the better lineage is picked afterwards."""


def pick_by_draw(turn: Turn, rng: Random, *, scale: float = SCALE, specialists: float = SPECIALISTS) -> Pick | None:
    """Picks mostly the winner of a posterior draw within a lineage, else one of the best on a random pareto example,
    or by a goal.

    So specialists stay in play although others are better overall, as in Alg. 2. Candidates without failures to learn
    from are skipped, if necessary for the other lineage; `None` when there are none.
    """
    pool = turn.pool
    worths = pool.posterior.draw(rng, scale)
    lineage = pick_lineage(pool, worths, rng)
    everyone = sorted(range(len(worths)), key=lambda id: -worths[id])
    members = [id for id in everyone if lineage in pool.lineages(id)]
    solvers = _specialists(pool, members, rng) if rng.random() < specialists else []
    for id in (*solvers, *members, *everyone):
        if teaches(turn, id):
            return Pick(id, lineage if lineage in pool.lineages(id) else pool.lineages(id)[0])
    return None


def teaches(turn: Turn, parent: int) -> bool:
    """Whether this candidate has failures to reflect on, or examples to run on that may reveal some."""
    return bool(failures(turn, parent) or _unseen(turn, parent))


def pick_lineage(
    pool: Pool, worths: Sequence[float], rng: Random, *, trial: int = TRIAL, favour: float = FAVOUR
) -> Lineage:
    """Picks `single` for a third of the first `trial` proposals, else `joint`; later mostly the lineage of the best.

    With one module every edit is single.
    """
    if len(pool.modules) == 1:
        return "single"
    if pool.proposals < trial:
        return "single" if pool.proposals % 3 == 2 else "joint"
    leader = max(range(len(worths)), key=lambda id: worths[id])
    ahead: Lineage = "joint" if "joint" in pool.lineages(leader) else "single"
    other: Lineage = "single" if ahead == "joint" else "joint"
    return ahead if rng.random() < favour else other


def fresh_batch(
    turn: Turn, parent: int, drawn: Sequence[str], *, size: int = BATCH, wanted: int = FAILURES, most: int = 3
) -> tuple[str, ...]:
    """Draws feedback examples to run the parent on next; none once it has enough failures.

    It has when `wanted` were never reflected on, when those `drawn` in this iteration revealed a new one, after `most`
    batches, or when it ran on all examples. Examples that ran least go first.
    """
    pool = turn.pool
    fresh = set(unused_failures(turn, parent))
    if len(fresh) >= wanted or not fresh.isdisjoint(drawn) or len(drawn) >= most * size:
        return ()
    rng = turn.rng(f"batch {len(drawn)}")
    unseen = sorted((pool.board.ran[example], rng.random(), example) for example in _unseen(turn, parent))
    return tuple(example for _, _, example in unseen[:size])


def failures(turn: Turn, parent: int, *, uses: int = USES) -> dict[str, int]:
    """Returns the feedback examples the parent fails on, with how often each was reflected on if less than `uses`.

    In the order of the set: rollouts end in any order, and draws from these must not depend on it.
    """
    pool = turn.pool
    key = pool.candidates[parent].key
    used: Mapping[str, int] = pool.used.get(key, {})
    known, enough = pool.known("feedback", key), turn.enough_for(parent)
    failed = (e for e in pool.feedback_set if e in known and average(known[e]) < enough)
    return {example: times for example in failed if (times := used.get(example, 0)) < uses}


def unused_failures(turn: Turn, parent: int) -> list[str]:
    """Returns the parent's failures that no reflection has used yet."""
    return [example for example, times in failures(turn, parent).items() if not times]


def failures_and_successes(
    turn: Turn,
    parent: int,
    _drawn: Sequence[str],
    _scores: Sequence[float],
    *,
    size: int = FAILURES,
    beside: int = SUCCESSES,
) -> tuple[str, ...]:
    """Chooses records: the parent's failures, those reflected on least first, and a few successes.

    None when it has no failure.
    """
    rng = turn.rng("records")
    order = sorted((times, rng.random(), example) for example, times in failures(turn, parent).items())
    failed = [example for _, _, example in order[:size]]
    succeeded = _succeeded(turn, parent) if failed else []
    return (*failed, *rng.sample(succeeded, min(beside, len(succeeded))))


def by_lineage(turn: Turn, pick: Pick, records: Sequence[Concern]) -> tuple[str, ...]:
    """Chooses the modules that failed records concern: all of them for a joint edit, the parent's next for a single.

    Where they concern none, all of the parent's modules count.
    """
    enough = turn.enough_for(pick.parent)
    failed = [record.modules for record in records if record.score < enough]
    (first,) = round_robin(turn.pool, pick.parent)
    start = turn.pool.modules.index(first)
    in_turn = (*turn.pool.modules[start:], *turn.pool.modules[:start])
    names = [name for name in in_turn if any(name in modules for modules in failed)] or in_turn
    return tuple(name for name in turn.pool.modules if name in names) if pick.lineage == "joint" else (names[0],)


def full_and_half(turn: Turn, parent: Texts, changed: Mapping[str, str]) -> list[dict[str, str]]:
    """Makes a child with the whole edit, and one with a random half of it if it changes several modules."""
    children = [{**parent, **changed}]
    if len(changed) > 1:
        half = turn.rng("half").sample(sorted(changed), len(changed) // 2)
        children.append({**parent, **{name: changed[name] for name in half}})
    return children


def concerning_records(
    turn: Turn, records: Sequence[Concern], edited: Collection[str], *, size: int = SCREEN
) -> Sequence[int]:
    """Chooses the places of the records to screen children on: at random among those that concern an edited module.

    Others fill up where these are too few. Successes count as well: without them a screen sees no harm.
    """
    chance = turn.rng("screen")
    order = [(record.modules.isdisjoint(edited), chance.random(), place) for place, record in enumerate(records)]
    return sorted(place for _, _, place in sorted(order)[:size])


def next_stage(
    turn: Turn,
    child: Candidate,
    _stage: int,
    *,
    rungs: Sequence[int] = RUNGS,
    stop: float = STOP,
    sure: float = SURE,
    finish: bool = True,
) -> Stage | None:
    """Runs the child on the first rung; then child or rival, while it is undecided which of them is better.

    The rival is the best other candidate. Of the two the one that ran on fewer pareto examples continues to its next
    rung, the child on a tie. None once the child is unlikely or almost sure to win, or both ran on all examples.
    So a leader is validated by its challengers, and no further, unless it is to `finish` because it scored
    perfect so far.
    """
    pool = turn.pool
    if len(pool.candidates) < 2 or len(pool.known("pareto", child.key)) < rungs[0]:
        return _next_rung(turn, child, rungs)
    rival = pool.candidates[pool.posterior.rival(child.id)]
    chance = pool.posterior.beats(child.id, rival.id)
    if finish and chance > sure and flawless(turn, child):  # if it is perfect everywhere, the search can end
        return _next_rung(turn, child, rungs)
    if not stop <= chance <= sure:
        return None
    first, second = sorted((child, rival), key=lambda one: len(_taken(turn, one, "pareto")))
    return _next_rung(turn, first, rungs, second) or _next_rung(turn, second, rungs, first)


def flawless(turn: Turn, candidate: Candidate) -> bool:
    """Whether a candidate scores perfect on every pareto example it ran on."""
    means = [average(scores) for scores in turn.pool.known("pareto", candidate.key).values()]
    return turn.pool.may_be_flawless and perfect(means, turn.perfect)


def untried_merge(turn: Turn, rng: Random) -> Merge | None:
    """Proposes a merge of two survivors, unless its texts are in the pool or being tried."""
    merge = propose_merge(turn.pool, rng)
    return None if merge is None or turn.pool.tried(texts_key(merge.texts), turn.number) else merge


def seed_set(turn: Turn, feedback: Sequence[Example], pareto: Sequence[Example], size: int) -> tuple[str, ...]:
    """Draws `size` pareto examples at random, and adds all that are in the feedback set too.

    These are learned from as well, and when the tasks themselves are to be solved each needs an output.
    """
    drawn = set(turn.rng("seed").sample(range(len(pareto)), size))
    learned_from = {example.digest for example in feedback}
    kept = (one for place, one in enumerate(pareto) if place in drawn or one.digest in learned_from)
    return tuple(example.id for example in kept)


def try_costs(feedback: int, pareto: int) -> tuple[float, float]:
    """Estimates `Rules.try_costs`: both sets run only as far as the search is undecided."""
    size = (min(feedback, RUNGS[-2]) + min(pareto, RUNGS[-2])) / 2
    return 2.5 + 0.45 * size, 6 + size


def _next_rung(turn: Turn, runner: Candidate, rungs: Sequence[int], against: Candidate | None = None) -> Stage | None:
    """Returns the runner's next rung; examples that its parents and its opponent ran on come first."""
    pool = turn.pool
    taken = _taken(turn, runner, "pareto")
    left = [example for example in pool.pareto_set if example not in taken]
    if not left:
        return None
    target = next((rung for rung in rungs if rung > len(taken)), len(pool.pareto_set))
    others = [*(pool.candidates[parent] for parent in runner.parents), *([against] if against else ())]
    known = Counter(example for other in others for example in pool.known("pareto", other.key))
    turn.rng(f"heat {runner.id}").shuffle(left)
    left.sort(key=known.__getitem__, reverse=True)
    return Stage(runner, tuple(left[: target - len(taken)]))


def _succeeded(turn: Turn, parent: int) -> list[str]:
    """Returns the feedback examples on which the parent scores perfect."""
    known, enough = turn.pool.known("feedback", turn.pool.candidates[parent].key), turn.enough_for(parent)
    return [e for e in turn.pool.feedback_set if e in known and average(known[e]) >= enough]


def _specialists(pool: Pool, members: Sequence[int], rng: Random) -> list[int]:
    """Returns the best members on a random pareto example or, every other time where there are goals, by a goal."""
    example = rng.choice(pool.pareto_set)
    if pool.goals and rng.random() < GOAL:
        goal = rng.choice(sorted(pool.goals))
        return [id for id in leaders(pool)[goal] if id in members]
    return _solvers(pool, example, members)


def _solvers(pool: Pool, example: str, members: Sequence[int]) -> list[int]:
    """Returns the members with the best score on the example, in the order given."""
    known = {id: pool.known("pareto", pool.candidates[id].key) for id in members}
    scores = {id: average(results[example]) for id, results in known.items() if example in results}
    best = max(scores.values(), default=0.0)
    return [id for id, score in scores.items() if score == best]


def _unseen(turn: Turn, parent: int) -> list[str]:
    """Returns feedback examples that the parent did not run on, in this iteration or another under way."""
    taken = _taken(turn, turn.pool.candidates[parent], "feedback")
    return [example for example in turn.pool.feedback_set if example not in taken]


def _taken(turn: Turn, candidate: Candidate, subset: Subset) -> set[str]:
    """Returns the examples of a set that a candidate ran on, or is running on in another iteration."""
    key = candidate.key
    taken = set(turn.pool.known(subset, key))
    for number, events in turn.pool.open.items():
        for event in events if number != turn.number else ():
            if isinstance(event, IterationStarted) and event.parents == (candidate.id,) and subset == "feedback":
                taken.update(event.minibatch)
            if isinstance(event, ExamplesDrawn) and (event.texts, event.subset) == (key, subset):
                taken.update(event.examples)
    return taken
