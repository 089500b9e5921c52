"""Follows each iteration through the journal: its stage while it is under way, its outcome afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from langgraph_gepa.core.candidate import Origin, origin_of
from langgraph_gepa.core.endings import Outcome
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    Event,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    OfRun,
    RolloutFinished,
)
from langgraph_gepa.report import words

Journal = Sequence[tuple[float, Event]]
"""All events of a run with the seconds of running time at which they happened, in order."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration so far: a fold of its events. Iteration 0 scores the seed.

    Rollouts are counted by what they are for: `sampled` and `tried` on the minibatch (the parent, then the child; in a
    racing search all batches drawn, then the children on some records), `gated` on a merge's gate, `validated` on the
    pareto set, `compared` those of the rival there. `texts` is the key of its candidate once that is in the pool.
    `before` and `after` are the mean scores of parent and child on the minibatch or gate. `began` and `ended` are
    seconds of running time.
    """

    number: int
    began: float = 0.0
    parents: tuple[int, ...] = ()
    given: bool = False
    ancestor: int | None = None
    minibatch: int = 0
    modules: tuple[str, ...] = ()
    proposals: ChildrenProposed | None = None
    sampled: int = 0
    tried: int = 0
    gated: int = 0
    validated: int = 0
    compared: int = 0
    candidate: int | None = None
    texts: str = ""
    finished: IterationFinished | None = None
    before: float | None = None
    after: float | None = None
    ended: float | None = None

    @property
    def origin(self) -> Origin:
        return origin_of(self.parents, given=self.given)

    @property
    def rollouts(self) -> int:
        return self.sampled + self.tried + self.gated + self.validated + self.compared

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; `None` while it is under way."""
        return self.finished.outcome if self.finished else None

    def reason(self, pareto: int) -> str:
        """Why it ended like this, in words; `pareto` is the size of the pareto set."""
        if self.finished is None:
            return ""
        if self.finished.cause == "no_texts" and self.proposals is not None:
            return words.without_texts(self.proposals)
        return words.cause(self.finished, pareto)

    def why(self, pareto: int) -> str:
        """`reason` without the module's name before it, where there is only one module."""
        reason = self.reason(pareto)
        return reason.removeprefix(f"{self.modules[0]}: ") if len(self.modules) == 1 else reason

    @property
    def opinions(self) -> str:
        """What the critic says of the proposed texts, in words; empty without a critic."""
        return words.opinions(self.proposals) if self.proposals is not None else ""

    @property
    def stage(self) -> Literal["minibatch", "reflecting", "trying", "gate", "validating", "ended"]:
        if self.outcome is not None:
            return "ended"
        if self.validated or self.origin in ("seed", "start") or self.candidate is not None:
            return "validating"
        if self.origin == "merge":
            return "gate"
        if self.tried:
            return "trying"
        return "reflecting" if self.modules else "minibatch"

    def describe(self, pareto: int) -> str:
        """The stage in words; `pareto` is the size of the pareto set."""
        if self.outcome is not None:
            return self.outcome
        done = self.tried if self.origin == "mutation" else self.gated
        if self.origin in ("mutation", "merge") and 0 < done == self.minibatch:
            # A rejected child ends its iteration at once, so this one was accepted.
            return self._validating(pareto)
        return {
            "minibatch": f"running training examples {self.sampled}/{self.minibatch}",
            "reflecting": f"reflecting on {', '.join(self.modules)}",
            "trying": f"trying the new text {self.tried}/{self.minibatch or self.tried}",
            "gate": f"comparing with its parents {self.gated}/{self.minibatch}",
            "validating": self._validating(pareto),
        }[self.stage]

    def _validating(self, pareto: int) -> str:
        beside = f", and the best other candidate on {self.compared}" if self.compared else ""
        return f"validating {self.validated}/{pareto}{beside}"

    def then(self, event: Event, at: float) -> Iteration:
        """The iteration after `event`, which is one of its own."""
        match event:
            case IterationStarted():
                given = event.origin == "start"
                return replace(
                    self,
                    began=at,
                    parents=event.parents,
                    given=given,
                    ancestor=event.ancestor,
                    minibatch=len(event.minibatch),
                )
            case ExamplesDrawn() if event.subset == "feedback":
                return replace(self, minibatch=self.minibatch + len(event.examples))
            case ModulesChosen():
                return replace(self, modules=event.modules)
            case ChildrenProposed():
                return replace(self, proposals=event)
            case RolloutFinished():
                return self._counted(event)
            case CandidateAdmitted():
                return replace(self, candidate=event.candidate.id, texts=event.candidate.key)
            case IterationFinished():
                before, after = (fmean(scores) if scores else None for scores in (event.before, event.after))
                return replace(self, finished=event, before=before, after=after, ended=at)
        return self

    def _counted(self, event: RolloutFinished) -> Iteration:
        if event.subset == "pareto":
            of_rival = self.texts not in ("", event.texts)
            return replace(self, compared=self.compared + of_rival, validated=self.validated + (not of_rival))
        if event.subset == "gate":
            return replace(self, gated=self.gated + 1)
        if self.modules:  # they are chosen only after the parent's minibatch is complete
            return replace(self, tried=self.tried + 1)
        return replace(self, sampled=self.sampled + 1)


def advance(known: dict[int, Iteration], event: Event, at: float) -> Iteration | None:
    """Folds the event into `known`, the iterations by number. Returns the iteration it belongs to, if there is one."""
    if isinstance(event, OfRun):
        return None
    if isinstance(event, RolloutFinished) and event.subset == "test":
        return None
    known[event.iteration] = known.get(event.iteration, Iteration(event.iteration, began=at)).then(event, at)
    return known[event.iteration]


def iterations(journal: Iterable[tuple[float, Event]]) -> tuple[Iteration, ...]:
    """Every iteration of the run, in the order they began."""
    known: dict[int, Iteration] = {}
    for at, event in journal:
        advance(known, event, at)
    return tuple(known.values())
