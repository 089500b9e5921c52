"""The view of a run: plain data derived from its journal, which the page, the terminal and `show` draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.events import RunFinished, Subset
from langgraph_gepa.core.leakage import Leakage
from langgraph_gepa.core.module import Module
from langgraph_gepa.report import words
from langgraph_gepa.report.candidate_table import CandidateView
from langgraph_gepa.report.comparison import Comparison
from langgraph_gepa.report.failed_examples import Failures
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.memorization import Copy
from langgraph_gepa.report.progress import Iteration
from langgraph_gepa.report.slices import warning
from langgraph_gepa.report.story import Story
from langgraph_gepa.report.tradeoff_view import TradeoffView
from langgraph_gepa.search.score import Score
from langgraph_gepa.search.tally import Noise

ENOUGH = 6
"""Pairs needed for a verdict: fewer cannot reach 95 % in a sign test even when all agree."""

Conclusion = Literal["better", "worse", "unclear", "few", "learned", "same", "none"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate's scores on validation (the pareto set) and on held-out test. The mean of `validation` is `score`."""

    id: int
    score: Score
    validation: Interval | None
    test: Interval | None


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module's text in the seed and in the best candidate; `authors` are the candidates that rewrote it, in order."""

    module: Module
    seed: str
    best: str
    authors: tuple[int, ...]

    @property
    def changed(self) -> bool:
        return self.seed != self.best


@dataclass(frozen=True, slots=True)
class View:
    """A run, whatever its state. `seed`, `best` and the comparisons are `None` until the seed is scored.
    `starts` are the candidates that the search was given, and `set_aside` holds by set the examples that count for
    none.

    `settings` are those the run was created with; `ended` is the event that ended the search, `reason` why in words.
    `line` holds the ids of the best candidate's ancestors and its own. `curve` has a step (rollouts, score) for each
    time another candidate became the best, and ends with the rollouts spent. `copied` is what the best candidate's
    texts repeat of single examples' reference outputs. `fruitless` are sentences on models most of whose replies were
    of no use. `pareto` is the size of the pareto set. `stories` say how candidates came about, by id. `noise` is what
    repeated rollouts of a candidate on an example tell of the scores, `range` the lowest and the highest score seen.
    `next_step` is the command, or the call, with which to go on.
    """

    settings: Mapping[str, Any]
    ended: RunFinished | None
    seed: Standing | None
    best: Standing | None
    starts: tuple[Standing, ...]
    validation: Comparison | None
    test: Comparison | None
    candidates: tuple[CandidateView, ...]
    line: tuple[int, ...]
    curve: tuple[tuple[int, float], ...]
    frontier_score: float
    modules: tuple[ModuleView, ...]
    copied: tuple[Copy, ...]
    leakage: Leakage
    failures: tuple[Failures, ...]
    fruitless: tuple[str, ...]
    set_aside: Mapping[Subset, Mapping[str, str]]
    left_alone: tuple[Module, ...]
    iterations: tuple[Iteration, ...]
    pareto: int
    noise: Noise
    spent: Spent
    seconds: float
    tradeoffs: TradeoffView = field(default_factory=TradeoffView)
    stories: Mapping[int, Story] = field(default_factory=dict)
    range: tuple[float, float] = (0.0, 1.0)
    next_step: str = ""

    @property
    def finished(self) -> bool:
        return self.ended is not None

    @property
    def reason(self) -> str:
        """Why the search ended, in words; empty while it has not."""
        if self.ended is None:
            return ""
        return words.ending(self.ended, self.settings.get("budget") or {}, self.spent, self.seconds)

    @property
    def standings(self) -> tuple[tuple[Literal["seed", "start", "best"], Standing], ...]:
        """The candidates that a reader compares, by their role: the seed, those of a start, and the best if another."""
        seed = (("seed", self.seed),) if self.seed else ()
        best = (("best", self.best),) if self.best and self.best.id else ()
        return (*seed, *(("start", standing) for standing in self.starts), *best)

    @property
    def estimated(self) -> bool:
        """Whether some scores are estimates: of candidates that were not run on the whole pareto set."""
        return any(candidate.score.estimated for candidate in self.candidates)

    @property
    def under_way(self) -> tuple[Iteration, ...]:
        return tuple(iteration for iteration in self.iterations if iteration.outcome is None)

    @property
    def changed(self) -> tuple[ModuleView, ...]:
        return tuple(module for module in self.modules if module.changed)

    @property
    def evidence(self) -> Comparison | None:
        """The comparison to judge by: on held-out test when there is one, or else on validation.

        A test set of which every example is in another set is none.
        """
        for comparison in (self.test, self.validation):
            if comparison is not None and comparison.learned < len(comparison.changes):
                return comparison
        return self.test if self.test and self.test.changes else self.validation

    @property
    def worse_slice(self) -> str:
        """A sentence on the group of examples that got worse, by their metadata; empty where none did."""
        return warning(self.evidence.slices) if self.evidence else ""

    @property
    def verdict(self) -> Conclusion:
        """Whether the best candidate beats the seed, as far as 95 % intervals tell.

        Examples that were learned from are no evidence: `learned` says that too few others are left, `few` that there
        are too few at all.
        """
        evidence = self.evidence
        if evidence is None or not evidence.changes or self.best is None:
            return "none"
        if self.best.id == 0:
            return "same"
        if evidence.difference is None or len(evidence.changes) - evidence.learned < ENOUGH:
            return "learned" if evidence.learned else "few"
        if evidence.difference.side == 0:
            return "unclear"
        return "better" if evidence.difference.side > 0 else "worse"
