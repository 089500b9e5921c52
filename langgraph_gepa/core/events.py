"""The events of a run. The journal holds them in order, and the pool is a fold of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from langgraph_gepa.core.candidate import Candidate, Origin, origin_of
from langgraph_gepa.core.endings import Cause, Ended, Loss, Outcome
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import Goals
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Usage

Subset = Literal["feedback", "pareto", "gate", "test"]
"""Why a rollout ran: on the feedback set (minibatch), the pareto set, as the gate of a merge (paid, but no pareto
score), or on held-out examples after the search."""

MOST_SET_ASIDE = 0.2
"""The largest share of a set that is set aside: where the world fails on more, it is down."""

Lineage = Literal["single", "joint"]
"""A proposal edits one module, or several at once; for candidates see `Pool.lineages`."""

Judge = Literal["mean", "posterior"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event. Sets hold example ids; the order of `seed` is the round-robin order of modules.

    `judged_by` is what candidates are compared by: the mean of their scores, or the mean of the
    posterior, where not every candidate is run on the whole pareto set.
    """

    seed: Texts
    feedback_set: tuple[str, ...]
    pareto_set: tuple[str, ...]
    test_set: tuple[str, ...] = ()
    judged_by: Judge = "mean"

    def examples(self, subset: Subset) -> tuple[str, ...]:
        """Returns the examples of a set; those of a gate are the pareto set's."""
        sets = {"feedback": self.feedback_set, "pareto": self.pareto_set, "gate": self.pareto_set}
        return sets.get(subset, self.test_set)

    def without(self, subset: Subset, example: str) -> RunStarted:
        """Returns the same event, with the example left out of the set."""
        left = tuple(other for other in self.examples(subset) if other != example)
        match subset:
            case "feedback":
                return replace(self, feedback_set=left)
            case "test":
                return replace(self, test_set=left)
            case "pareto" | "gate":
                return replace(self, pareto_set=left)


@dataclass(frozen=True, slots=True)
class ScaleGiven:
    """What the user says of the metric's scores: the score of a perfect answer, and that of a rollout that fails.

    Missing where neither was given, and in runs of earlier versions.
    """

    perfect: float | None = None
    failure: float | None = None


@dataclass(frozen=True, slots=True)
class GoalsGiven:
    """The objectives beside the score that the search is to lower or raise; missing where there are none."""

    goals: Goals


@dataclass(frozen=True, slots=True)
class ExampleSetAside:
    """An example on which the world kept failing, and on no other: from here on the set is without it.

    `subset` is `feedback`, `pareto` or `test`, and `failure` names the last exception.
    """

    subset: Subset
    example: str
    failure: str


@dataclass(frozen=True, slots=True)
class ModulesLeftOut:
    """Modules whose new texts have no effect, as rollouts proved: from here on they keep their text."""

    reasons: Mapping[str, NoEffect]


@dataclass(frozen=True, slots=True)
class IterationStarted:
    """A decision: the parents and the minibatch. Two parents are merged over `ancestor` into `texts`.

    The minibatch is empty when enough is known of the parent already. With one parent, the seed, `texts` are those of a
    candidate that the search was given as a start.
    """

    iteration: int
    parents: tuple[int, ...]
    minibatch: tuple[str, ...]
    ancestor: int | None = None
    texts: Texts | None = None
    lineage: Lineage = "single"

    @property
    def origin(self) -> Origin:
        return origin_of(self.parents, given=len(self.parents) == 1 and self.texts is not None)


@dataclass(frozen=True, slots=True)
class ExamplesDrawn:
    """A decision: the examples to run next, a further minibatch of the parent or a part of the pareto set.

    `texts` is the key of the candidate to run, and `repeat` how often it ran on each of these examples before.
    """

    iteration: int
    texts: str
    subset: Subset
    examples: tuple[str, ...]
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class ModulesChosen:
    """A decision: the modules to reflect on. Moves the parent's round-robin pointer.

    `records` are the feedback examples with the rollouts that the reflection gets; they count as used from now on.
    """

    iteration: int
    parent: int
    modules: tuple[str, ...]
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RolloutFinished:
    """A paid rollout. `texts` is the candidate's key; `ledger` is the key of the whole rollout in the store.

    The `score` of one with an `error` is a placeholder: what counts is the scale's (`MetricScale.failure_score`).

    `objectives` are those of `core.objectives.objectives_of`, and empty in runs of earlier versions.
    One that is `reused` was paid for before, for the same content in another set or by an earlier run, and cost
    nothing.
    """

    iteration: int
    texts: str
    example: str
    subset: Subset
    score: float
    usage: Usage
    seconds: float
    ledger: str
    error: str | None = None
    reused: bool = False
    objectives: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RolloutCarried:
    """A rollout that an earlier run paid for was taken over into the ledger under this key, at no cost."""

    ledger: str


@dataclass(frozen=True, slots=True)
class ReflectionFinished:
    """A paid reply of the reflection model, before it is parsed."""

    iteration: int
    module: str
    usage: Usage
    seconds: float
    ledger: str


@dataclass(frozen=True, slots=True)
class OpinionFinished:
    """A paid reply of the critic on the edit that an iteration proposes, before it is parsed."""

    iteration: int
    usage: Usage
    seconds: float
    ledger: str


@dataclass(frozen=True, slots=True)
class ModelTried:
    """A paid call that showed, before the first rollout, that the reflection model answers, or the critic."""

    usage: Usage
    seconds: float
    ledger: str
    critic: bool = False


@dataclass(frozen=True, slots=True)
class Charged:
    """The cost of an attempt at a rollout or a reply that gave no result.

    `ledger` is the key under which it is tried again; `usage` counts the model calls that had ended. `reason` names
    the exception of an attempt that `failed`, and what changed in a run that was `restarted`. Runs of earlier versions
    have a sentence there and no `cause`.
    """

    ledger: str
    usage: Usage
    reason: str = ""
    cause: Loss | None = None


@dataclass(frozen=True, slots=True)
class ChildrenProposed:
    """A decision: the children to try after reflection. Each maps modules to their new texts.

    `reasons` are the codes (`reflection.proposal.Fault`, or `unchanged`) of modules without a new text, `details` add
    to them, `refused` are proposed texts that the module cannot take. `repeated` counts children left out because the
    pool holds them or another iteration already tries them. `opinions` are the critic's of the new texts, also of those
    that are left out because it doubts them (the reason `doubted`).
    """

    iteration: int
    children: tuple[Texts, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)
    opinions: Mapping[str, Opinion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CandidateAdmitted:
    """A new member of the pool. The seed is admitted in iteration 0.

    `before` and `after` are those of `IterationFinished`, kept here for a run that stops in between.
    """

    iteration: int
    candidate: Candidate
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IterationFinished:
    """How an iteration ended. `before` and `after` are the gate's scores of parent (the better one) and child.

    Of an accepted child, `ran` is the number of pareto examples it was run on. Runs of earlier versions have a sentence
    as `reason` in place of `cause` and `ran`.
    """

    iteration: int
    outcome: Outcome
    reason: str = ""
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    cause: Cause | None = None
    ran: int | None = None


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The search is over. A stopped run has no such event.

    Runs of earlier versions have a sentence as `reason` in place of `ended`.
    """

    reason: str = ""
    ended: Ended | None = None


OfRun = (
    RunStarted | ExampleSetAside | ScaleGiven | GoalsGiven | ModulesLeftOut | ModelTried | RolloutCarried | Charged
    | RunFinished
)  # fmt: skip
OfIteration = (
    IterationStarted | ExamplesDrawn | ModulesChosen | RolloutFinished | ReflectionFinished | OpinionFinished
    | ChildrenProposed | CandidateAdmitted | IterationFinished
)  # fmt: skip
"""Events with the number of an iteration, which is meaningless for rollouts on the test set."""

Event = OfRun | OfIteration
