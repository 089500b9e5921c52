"""The rules of `search="racing"`: learn from known failures, screen before a race, race while it is open who wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import ExamplesDrawn, IterationStarted, Lineage, Subset
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.search.merge import Merge, propose_merge
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.selection import round_robin
from langgraph_gepa.search.tally import average
from langgraph_gepa.search.turn import Pick, Stage, Turn

BATCH, SCREEN = 6, 3
FAILURES, SUCCESSES = 10, 2
"""Records a reflection is shown: what went wrong, and of what went well a little, to be kept."""

USES = 10
"""How often a parent's failure is reflected on at most: a search whose reflections change nothing has to end."""

SEED = 24
"""Pareto examples the seed is scored on to begin with. It goes on as others have to beat it."""

RUNGS = (6, 12, 18, 24, 36, 48)
STOP, SURE = 0.4, 0.9
"""A race is over when the child's chance to be the better one is below the one, lost, or above the other, won."""

SCALE, SPECIALISTS = 0.5, 0.25
"""How wide posterior draws are, and how often a parent is taken for its score on a single example instead."""

TRIAL, FAVOUR = 6, 0.65


def pick_by_draw(turn: Turn, rng: Random, *, scale: float = SCALE, specialists: float = SPECIALISTS) -> Pick | None:
    """Within a lineage, mostly the winner of a posterior draw; else of those who did best on an example.

    The example is any of the pareto set: its best solvers stay in play although others are better
    on the whole, as in Alg. 2. Who has nothing to teach is passed over, if need be for the other
    lineage; `None` when nobody has.
    """
    pool = turn.pool
    worths = pool.posterior.draw(rng, scale)
    lineage = pick_lineage(pool, worths, rng)
    everyone = sorted(range(len(worths)), key=lambda id: -worths[id])
    members = [id for id in everyone if lineage in pool.lineages(id)]
    solvers = _solvers(pool, rng.choice(pool.pareto_set), members) if rng.random() < specialists else []
    for id in (*solvers, *members, *everyone):
        if teaches(turn, id):
            return Pick(id, lineage if lineage in pool.lineages(id) else pool.lineages(id)[0])
    return None


def teaches(turn: Turn, parent: int) -> bool:
    """Whether a failure of this candidate can be reflected on, or may still turn up in what it was not run on."""
    return bool(failures(turn, parent) or _unseen(turn, parent))


def pick_lineage(
    pool: Pool, worths: Sequence[float], rng: Random, *, trial: int = TRIAL, favour: float = FAVOUR
) -> Lineage:
    """Of the first `trial` proposals a third single, the rest joint; later most to the lineage of the best.

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
    """Feedback examples to run the parent on next; none once its failures suffice.

    That is when `wanted` were never reflected on, when those `drawn` in this iteration turned
    up a new one, after `most` batches, or when it has seen all. Examples run least go first.
    """
    pool = turn.pool
    fresh = set(unused_failures(turn, parent))
    if len(fresh) >= wanted or not fresh.isdisjoint(drawn) or len(drawn) >= most * size:
        return ()
    rng = turn.rng(f"batch {len(drawn)}")
    unseen = sorted((pool.ran[example], rng.random(), example) for example in _unseen(turn, parent))
    return tuple(example for _, _, example in unseen[:size])


def failures(turn: Turn, parent: int, *, uses: int = USES) -> dict[str, int]:
    """The feedback examples the parent fails on, with how often each was reflected on, if not `uses` times already.

    In the order of the set: rollouts end in any order, and what is drawn from these must not depend on it.
    """
    pool = turn.pool
    key = pool.candidates[parent].key
    used: Mapping[str, int] = pool.used.get(key, {})
    known = pool.known("feedback", key)
    failed = (e for e in pool.feedback_set if e in known and average(known[e]) < turn.perfect)
    return {example: times for example in failed if (times := used.get(example, 0)) < uses}


def unused_failures(turn: Turn, parent: int) -> list[str]:
    """Those of the parent's failures that no reflection has seen yet."""
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
    """Records to reflect on: the parent's failures, those reflected on least first, and a few of its successes.

    None where it has no failure.
    """
    rng = turn.rng("records")
    order = sorted((times, rng.random(), example) for example, times in failures(turn, parent).items())
    failed = [example for _, _, example in order[:size]]
    succeeded = _succeeded(turn, parent) if failed else []
    return (*failed, *rng.sample(succeeded, min(beside, len(succeeded))))


def by_lineage(turn: Turn, pick: Pick) -> tuple[str, ...]:
    """All modules of a joint edit, the parent's next one of a single edit."""
    if pick.lineage == "joint":
        return turn.pool.modules
    return round_robin(turn.pool, pick.parent)


def full_and_half(turn: Turn, parent: Texts, changed: Mapping[str, str]) -> list[dict[str, str]]:
    """The whole edit, and where it changes several modules a random half of it."""
    children = [{**parent, **changed}]
    if len(changed) > 1:
        half = turn.rng("half").sample(sorted(changed), len(changed) // 2)
        children.append({**parent, **{name: changed[name] for name in half}})
    return children


def some_records(turn: Turn, records: Sequence[str], *, size: int = SCREEN) -> Sequence[int]:
    """The places of the records that children are screened on."""
    return sorted(turn.rng("screen").sample(range(len(records)), min(size, len(records))))


def next_stage(
    turn: Turn,
    child: Candidate,
    _stage: int,
    *,
    rungs: Sequence[int] = RUNGS,
    stop: float = STOP,
    sure: float = SURE,
) -> Stage | None:
    """The child on the first rung; then, while it is open which of the two is better, child and rival in turn.

    The rival is the best of the others. Of the two the one run on fewer pareto examples goes on to its next
    rung; on an equal rung the child. None once the child is unlikely to win, has as good as won, or both
    have seen all. A leader is so validated by those who challenge it, and no more than that takes.
    """
    pool = turn.pool
    if len(pool.candidates) < 2 or len(pool.known("pareto", child.key)) < rungs[0]:
        return _next_rung(turn, child, rungs)
    rival = pool.candidates[pool.posterior.rival(child.id)]
    if not stop <= pool.posterior.beats(child.id, rival.id) <= sure:
        return None
    first, second = sorted((child, rival), key=lambda one: len(_taken(turn, one, "pareto")))
    return _next_rung(turn, first, rungs, second) or _next_rung(turn, second, rungs, first)


def untried_merge(turn: Turn, rng: Random) -> Merge | None:
    """A merge of two survivors, unless its texts are in the pool or being tried."""
    merge = propose_merge(turn.pool, rng)
    return None if merge is None or turn.pool.tried(texts_key(merge.texts), turn.number) else merge


def seed_set(turn: Turn, feedback: Sequence[Example], pareto: Sequence[Example], size: int) -> tuple[str, ...]:
    """So many of the pareto set, drawn at random, and all that are in the feedback set too.

    Those are learned from as well, and where the tasks themselves are to be solved each gets an output.
    """
    drawn = set(turn.rng("seed").sample(range(len(pareto)), size))
    learned_from = {example.digest for example in feedback}
    kept = (one for place, one in enumerate(pareto) if place in drawn or one.digest in learned_from)
    return tuple(example.id for example in kept)


def try_costs(feedback: int, pareto: int) -> tuple[float, float]:
    """What `Rules.try_costs` asks for: both sets are run only as far as it is open what they tell."""
    size = (min(feedback, RUNGS[-2]) + min(pareto, RUNGS[-2])) / 2
    return 2.5 + 0.45 * size, 6 + size


def _next_rung(turn: Turn, runner: Candidate, rungs: Sequence[int], against: Candidate | None = None) -> Stage | None:
    """The runner's next rung: examples that its parents and whom it is compared to were run on first."""
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
    """The feedback examples on which the parent leaves nothing to learn."""
    known = turn.pool.known("feedback", turn.pool.candidates[parent].key)
    return [e for e in turn.pool.feedback_set if e in known and average(known[e]) >= turn.perfect]


def _solvers(pool: Pool, example: str, members: Sequence[int]) -> list[int]:
    """Of the members run on the example those with the best score there, in the order given."""
    known = {id: pool.known("pareto", pool.candidates[id].key) for id in members}
    scores = {id: average(results[example]) for id, results in known.items() if example in results}
    best = max(scores.values(), default=0.0)
    return [id for id, score in scores.items() if score == best]


def _unseen(turn: Turn, parent: int) -> list[str]:
    """Feedback examples that the parent was not run on, and is not being run on by another iteration."""
    taken = _taken(turn, turn.pool.candidates[parent], "feedback")
    return [example for example in turn.pool.feedback_set if example not in taken]


def _taken(turn: Turn, candidate: Candidate, subset: Subset) -> set[str]:
    """Examples of a set that a candidate was run on, or is being run on by another iteration under way."""
    key = candidate.key
    taken = set(turn.pool.known(subset, key))
    for number, events in turn.pool.open.items():
        for event in events if number != turn.number else ():
            if isinstance(event, IterationStarted) and event.parents == (candidate.id,) and subset == "feedback":
                taken.update(event.minibatch)
            if isinstance(event, ExamplesDrawn) and (event.texts, event.subset) == (key, subset):
                taken.update(event.examples)
    return taken
