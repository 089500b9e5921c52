"""The choices of an iteration, each a pure function; a search is a value of `Rules`.

An iteration picks a parent, runs it on batches of feedback examples until enough is known of it, chooses
records among its results and modules to edit, reflects, makes children of the replies, screens them on
some of the records, and runs the best one on the pareto set, stage by stage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Literal

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import Judge
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Goals
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.search import doubting, racing
from langgraph_gepa.search.acceptance import improves, keeps_up, perfect
from langgraph_gepa.search.merge import GATE, Merge, propose_merge
from langgraph_gepa.search.minibatch import minibatch
from langgraph_gepa.search.repeats import run_again
from langgraph_gepa.search.selection import pick_parent, round_robin
from langgraph_gepa.search.turn import Concern, Pick, Stage, Turn

Bar = Callable[[Sequence[float], Sequence[float]], bool]

MINIBATCH = 3


def by_wins(turn: Turn, rng: Random) -> Pick:
    """Picks a survivor by the number of its wins (Alg. 2); one module is edited."""
    return Pick(pick_parent(turn.pool, rng))


def one_minibatch(turn: Turn, _parent: int, drawn: Sequence[str], *, size: int = MINIBATCH) -> tuple[str, ...]:
    """Returns the iteration's minibatch, which does not depend on the parent (Alg. 1)."""
    return () if drawn else minibatch(turn.pool.feedback_set, size, turn.number - 1, turn.seed)


def all_unless_perfect(turn: Turn, parent: int, drawn: Sequence[str], scores: Sequence[float]) -> tuple[str, ...]:
    """Chooses the whole minibatch; nothing when every score is perfect."""
    return () if perfect(scores, turn.enough_for(parent)) else tuple(drawn)


def merge_of_two(turn: Turn, rng: Random) -> Merge | None:
    """Proposes a merge of two survivors that was not tried before (Alg. 3)."""
    return propose_merge(turn.pool, rng)


def next_module(turn: Turn, pick: Pick, _records: Sequence[Concern]) -> tuple[str, ...]:
    """Chooses the parent's next module (Alg. 1)."""
    return round_robin(turn.pool, pick.parent)


def drawn_seed_set(turn: Turn, _feedback: Sequence[Example], pareto: Sequence[Example], size: int) -> tuple[str, ...]:
    """Draws `size` pareto examples, in the order of the set: all of them in Alg. 1."""
    drawn = set(turn.rng("seed").sample(range(len(pareto)), size))
    return tuple(example.id for place, example in enumerate(pareto) if place in drawn)


def doubt_nothing(_turn: Turn, _opinions: Mapping[str, Opinion]) -> Collection[str]:
    """Doubts no proposed text."""
    return ()


def whole_edit(_turn: Turn, parent: Texts, changed: Mapping[str, str]) -> list[dict[str, str]]:
    """Makes one child."""
    return [{**parent, **changed}]


def all_records(_turn: Turn, records: Sequence[Concern], _edited: Collection[str]) -> Sequence[int]:
    """Tries the child on all records of the parent (Alg. 1)."""
    return range(len(records))


def whole_pareto_set(turn: Turn, child: Candidate, stage: int) -> Stage | None:
    """Runs the child on the whole pareto set at once (Alg. 1)."""
    return None if stage else Stage(child, turn.pool.pareto_set)


def run_never_again(_turn: Turn, _child: Candidate) -> Stage | None:
    """Runs no candidate on an example again."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a search. The defaults are `search="gepa"`: Algorithms 1 to 4 as their published code runs them.

    - `pick`: the parent and lineage; `None` when no candidate has anything to learn from at the moment;
    - `batch`: feedback examples to run the parent on next, given those drawn so far; none when that is enough;
    - `records`: feedback examples to reflect on, given those drawn and their scores; none ends the iteration;
    - `modules`: what to reflect on given these records, a reply for each;
    - `asks`: whether to ask the critic, where there is one, about the texts that reflection proposed; `doubts`: which
      modules' texts not to try, given its opinions. Without `asks` a search has no use for a critic;
    - `children`: texts to try, given the parent's and the changed ones;
    - `screen`: the places of the records to try them on, given the modules that they edit; the best child has to clear
      `mutation_bar`;
    - `stage`: the candidate to run on which pareto examples next, given the child and the number of stages so far; none
      ends the race;
    - `again`: where `stage` ends the race, the candidate to run again on which pareto examples, if it is to go on;
    - `merge`: what to merge, in an iteration that a merge is due in;
    - `gate`: what a merge's rollouts on the gate count as: pareto scores, or nothing but the gate's;
    - `seed`: how many examples of a pareto set of this size the seed is scored on before the first iteration;
    - `seed_set`: which examples these are, given the feedback set, the pareto set and their number;
    - `reserves`: rollouts reserved when an iteration starts, over a pareto set of this size. More are granted when
      they are needed, as far as the budget allows;
    - `try_costs`: rollouts that trying a new prompt takes, at the least and at the most, with all that goes before and
      after it, over feedback and pareto sets of these sizes (measured in simulated searches, `evals/bench/budget.py`);
    - `enters_after`: the number of stages of its race after which a child enters the pool;
    - `remembers`: a child that was rejected is not tried again;
    - `reuse`: no candidate is run twice on an example; what is known is taken from the ledger;
    - `repeats`: rollouts of a candidate on an example each time it is run there. The mean of all rollouts counts;
    - `judged_by`: what candidates are compared by (see `RunStarted`);
    - `perfect`, `failure_score`: the score that leaves nothing to learn, and that of a rollout that fails, where these
      are known (see `MetricScale`);
    - `goals`: objectives beside the score that are to be low or high;
    - `merges`: the most merges that are accepted in a run.
    """

    pick: Callable[[Turn, Random], Pick | None] = by_wins
    batch: Callable[[Turn, int, Sequence[str]], tuple[str, ...]] = one_minibatch
    records: Callable[[Turn, int, Sequence[str], Sequence[float]], tuple[str, ...]] = all_unless_perfect
    modules: Callable[[Turn, Pick, Sequence[Concern]], tuple[str, ...]] = next_module
    asks: Callable[[Turn], bool] | None = None
    doubts: Callable[[Turn, Mapping[str, Opinion]], Collection[str]] = doubt_nothing
    children: Callable[[Turn, Texts, Mapping[str, str]], Sequence[Texts]] = whole_edit
    screen: Callable[[Turn, Sequence[Concern], Collection[str]], Sequence[int]] = all_records
    stage: Callable[[Turn, Candidate, int], Stage | None] = whole_pareto_set
    again: Callable[[Turn, Candidate], Stage | None] = run_never_again
    mutation_bar: Bar = improves
    merge: Callable[[Turn, Random], Merge | None] = merge_of_two
    merge_bar: Bar = keeps_up
    gate: Literal["gate", "pareto"] = "gate"
    seed: Callable[[int], int] = lambda pareto: pareto
    seed_set: Callable[[Turn, Sequence[Example], Sequence[Example], int], tuple[str, ...]] = drawn_seed_set
    reserves: Callable[[int], int] = lambda pareto: max(2 * MINIBATCH, GATE) + pareto
    try_costs: Callable[[int, int], tuple[float, float]] = lambda _, pareto: (9 + 0.3 * pareto, 25 + 1.1 * pareto)
    enters_after: int = 1
    remembers: bool = False
    reuse: bool = False
    repeats: int = 1
    judged_by: Judge = "mean"
    perfect: float | None = None
    failure_score: float | None = None
    goals: Goals = field(default_factory=dict, hash=False)
    merges: int = 5

    @property
    def decides_repeats(self) -> bool:
        """Whether the rules run candidates again where that decides a race: `repeats="auto"`."""
        return self.again is not run_never_again

    def most_rollouts(self, pareto: int) -> int:
        """Returns the rollouts reserved for an iteration when it starts, over `pareto` examples."""
        return self.repeats * self.reserves(pareto)

    def seed_rollouts(self, pareto: int) -> int:
        """Returns the rollouts before the first iteration."""
        return self.repeats * self.seed(pareto)


GEPA = Rules()

RACING = Rules(
    pick=racing.pick_by_draw,
    batch=racing.fresh_batch,
    records=racing.failures_and_successes,
    modules=racing.by_lineage,
    asks=doubting.worth_asking,
    doubts=doubting.unlikely,
    children=racing.full_and_half,
    screen=racing.concerning_records,
    stage=racing.next_stage,
    again=run_again,
    merge=racing.untried_merge,
    gate="pareto",  # as no rollout is paid for twice, those on the gate are the first of the race
    seed=lambda pareto: min(racing.SEED, pareto),
    seed_set=racing.seed_set,
    reserves=lambda pareto: racing.BATCH + 2 * racing.SCREEN + min(racing.RUNGS[0], pareto),
    try_costs=racing.try_costs,
    enters_after=0,
    remembers=True,
    reuse=True,
    judged_by="posterior",
)
"""`search="racing"`: the same loop with choices that spend rollouts where they are most informative."""


def reading(rules: Rules, records: int) -> Rules:
    """Returns racing rules whose reflections read so many records, `SUCCESSES` of them successes."""
    failures = records - racing.SUCCESSES
    return replace(
        rules,
        batch=partial(racing.fresh_batch, wanted=failures),
        records=partial(racing.failures_and_successes, size=failures),
    )
