"""The pool: all candidates and their scores, folded from the events of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from langgraph_gepa.core import events as ev
from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import Event, Lineage, Subset
from langgraph_gepa.core.objectives import Goals
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.search.answers import Answers
from langgraph_gepa.search.attempts import Attempt, attempts_of, texts_tried
from langgraph_gepa.search.calibration import Critique
from langgraph_gepa.search.critic_history import CriticHistory
from langgraph_gepa.search.objective_values import Objectives
from langgraph_gepa.search.scoreboard import Scoreboard
from langgraph_gepa.search.tally import Noise, spent_after

if TYPE_CHECKING:
    from langgraph_gepa.search.algebra import Array
    from langgraph_gepa.search.posterior import Posterior

FEWEST = 6
"""The fewest pareto examples that a candidate must be scored on to be the best, where the set has as many."""


@dataclass(slots=True)
class Pool:
    """A fold of events: `apply` each one, in order. Nothing else changes it.

    By candidate:

    - `pointers`: the place of the module to edit next, in round-robin order;
    - `born`: how many iterations had ended when it entered;
    - `used`: by its key and example, how many reflections read its rollout on that example.

    By iteration:

    - `open`: the events so far of each iteration under way;
    - `known_attempts`: how many `attempts` were known when each iteration under way started;
    - `replies`: by a reply's key in the ledger, the iteration that paid for it.

    Of the run:

    - `board` and `objectives`: what the rollouts scored, and what else is known of them by name;
    - `attempts`: the children that mutations tried, once these ended; `critic`: the critic's opinions; `answers`: what
      came of the replies of both models;
    - `merges`: the merges that were started; `merge_due`: a mutation was accepted since the last start of an iteration;
    - `starts`: the number of iterations that score texts which the search was given;
    - `carried`: the ledger keys of rollouts that earlier runs paid for.
    """

    started: ev.RunStarted | None = None
    finished: ev.RunFinished | None = None
    left_out: dict[str, NoEffect] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    pointers: list[int] = field(default_factory=list)
    born: list[int] = field(default_factory=list)
    spent: Spent = Spent()
    board: Scoreboard = field(default_factory=Scoreboard)
    objectives: Objectives = field(default_factory=Objectives)
    goals: Goals = field(default_factory=dict)
    iterations: int = 0
    starts: int = 0
    carried: set[str] = field(default_factory=set)
    open: dict[int, list[Event]] = field(default_factory=dict)
    merges: list[ev.IterationStarted] = field(default_factory=list)
    merge_due: bool = False
    used: dict[str, Counter[str]] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    known_attempts: dict[int, int] = field(default_factory=dict)
    critic: CriticHistory = field(default_factory=CriticHistory)
    answers: Answers = field(default_factory=Answers)
    _single: list[bool] = field(default_factory=list, repr=False)
    _posterior: Posterior | None = field(default=None, repr=False, compare=False)

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Pool:
        pool = cls()
        for event in events:
            pool.apply(event)
        return pool

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules under optimisation, in round-robin order, without those left out since."""
        return tuple(name for name in self.started.seed if name not in self.left_out) if self.started else ()

    @property
    def feedback_set(self) -> tuple[str, ...]:
        return self.started.feedback_set if self.started else ()

    @property
    def pareto_set(self) -> tuple[str, ...]:
        return self.started.pareto_set if self.started else ()

    @property
    def scale(self) -> MetricScale:
        return self.board.scale

    @property
    def set_aside(self) -> Mapping[Subset, Mapping[str, str]]:
        """By set the examples on which the world kept failing, with the failure."""
        return self.board.set_aside

    @property
    def frontier(self) -> dict[str, frozenset[int]]:
        """Per pareto example the candidates with the best score on it, ties included (Alg. 2)."""
        return self.board.frontier.ids

    @property
    def wins(self) -> Sequence[int]:
        """By candidate the pareto examples on which it is not beaten, as bits by their place in the pareto set."""
        return self.board.frontier.wins

    @property
    def accepted_merges(self) -> int:
        return sum(len(candidate.parents) == 2 for candidate in self.candidates)

    @property
    def merges_begun(self) -> int:
        """Merges that were accepted, and those under way."""
        return self.accepted_merges + sum(merge.iteration in self.open for merge in self.merges)

    @property
    def proposals(self) -> int:
        """Mutations started."""
        return self.iterations - self.starts - len(self.merges)

    @property
    def best(self) -> Candidate:
        """The candidate with the highest worth of those with at least `FEWEST` pareto scores; the earliest on a tie.

        A posterior may rank a child highest that was scored on hardly any example, and such a child is no result.
        """
        worths = self.worths
        run = [id for id in range(len(worths)) if self.eligible(id)]
        return self.candidates[max(run or range(len(worths)), key=lambda id: (worths[id], -id))]

    def eligible(self, id: int) -> bool:
        """Whether a candidate was scored on enough pareto examples to be the best."""
        return len(self.board.pareto.get(self.board.keys[id], ())) >= min(FEWEST, len(self.pareto_set))

    @property
    def may_be_flawless(self) -> bool:
        """Whether a candidate with perfect scores leaves nothing to gain: they are known, and nothing else counts."""
        return self.scale.bounded and not self.goals

    @property
    def worths(self) -> Sequence[float]:
        """By candidate the value that it is compared by: mean score or posterior mean (see `RunStarted.judged_by`)."""
        if self.candidates and self.started is not None and self.started.judged_by == "posterior":
            worths: list[float] = self.posterior.means.tolist()
            return worths
        return [self.mean(candidate) for candidate in self.candidates]

    @property
    def posterior(self) -> Posterior:
        """The posterior of the candidates' worth given their scores on the pareto set; the pool must not be empty."""
        if self._posterior is None:
            # Only searches that judge by it need numpy.
            from langgraph_gepa.search.posterior import fit

            parents = [candidate.parents for candidate in self.candidates]
            scale, within = self.scale.range, self.noise.variance
            shifts = list(map(self.critique.shift, self.critic.by_candidate))
            self._posterior = fit(parents, *self.tables(), scale=scale, within=within, shifts=shifts)
        return self._posterior

    @property
    def noise(self) -> Noise:
        """How much scores of the same candidate on the same pareto example differ."""
        return self.board.tally.noise(self.scale.range)

    @property
    def critique(self) -> Critique:
        """The critic, calibrated on what became of the edits that were tried."""
        return self.critic.critique(self.attempts)

    def tables(self) -> tuple[Array, Array]:
        """Returns sums and counts of the scores, shape (candidates, pareto examples). The next call overwrites them."""
        return self.board.tables()

    def lineages(self, id: int) -> tuple[Lineage, ...]:
        """Returns `single` if every edit since the seed changed one module, otherwise `joint`; the seed is both."""
        if id == 0:
            return ("joint", "single")
        return ("single",) if self._single[id] else ("joint",)

    def holds(self, key: str) -> bool:
        """Whether a candidate with these texts is in the pool."""
        return key in self.board.ids

    def tried(self, key: str, iteration: int) -> bool:
        """Whether the pool holds these texts, or an iteration other than this one is trying them."""
        return self.holds(key) or any(
            key in texts_tried(events, self.candidates) for number, events in self.open.items() if number != iteration
        )

    def known(self, subset: Subset, key: str) -> Mapping[str, Sequence[float]]:
        """Returns the scores of the texts with this key in a set, by example."""
        return self.board.of(subset).get(key, {})

    def scores(self, candidate: Candidate) -> dict[str, float]:
        """Returns the candidate's score by pareto example that it ran on; the mean if it ran repeatedly."""
        return self.board.scores(self.board.keys[candidate.id])

    def mean(self, candidate: Candidate) -> float:
        """Returns the mean over the pareto examples that it ran on; the lowest score there is when there are none."""
        return self.board.mean(self.board.keys[candidate.id])

    def apply(self, event: Event) -> None:
        self.spent = spent_after(self.spent, event)
        version = self.board.version, self.critic.version
        match event:
            case ev.RunStarted():
                self.started = event
                self.board.begin(event.pareto_set)
            case ev.ExampleSetAside() if self.started is not None:
                self.board.leave_out(event.subset, event.example, event.failure)
                self.started = self.started.without(event.subset, event.example)
            case ev.ScaleGiven():
                self.board.rescale(replace(self.scale, perfect=event.perfect, failure=event.failure))
            case ev.GoalsGiven():
                self.goals = event.goals
            case ev.ModulesLeftOut():
                self.left_out |= event.reasons
            case ev.IterationStarted():
                self._start(event)
            case ev.ModulesChosen():
                if len(event.modules) == 1:
                    self.pointers[event.parent] = (self.modules.index(event.modules[0]) + 1) % len(self.modules)
                self.used.setdefault(self.board.keys[event.parent], Counter()).update(event.records)
            case ev.RolloutFinished():
                self.board.add(event)
                self.objectives.add(event)
            case ev.RolloutCarried():
                self.carried.add(event.ledger)
            case ev.ChildrenProposed():
                self.critic.add(event)
                self.answers.add(event, self.open.get(event.iteration, ()))
            case ev.ReflectionFinished():
                self.replies.setdefault(event.ledger, event.iteration)
            case ev.CandidateAdmitted():
                self._admit(event.candidate, self.open.get(event.iteration, ()))
            case ev.IterationFinished():
                self._finish(event)
            case ev.RunFinished():
                self.finished = event
        self._note(event)
        if (self.board.version, self.critic.version) != version:
            self._posterior = None

    def _note(self, event: Event) -> None:
        if isinstance(event, ev.OfRun | ev.IterationFinished):
            return
        if not (isinstance(event, ev.RolloutFinished) and event.subset == "test"):
            self.open.setdefault(event.iteration, []).append(event)
            self.finished = None  # a larger budget made it go on

    def _start(self, event: ev.IterationStarted) -> None:
        self.iterations = max(self.iterations, event.iteration)
        self.merge_due = False
        self.known_attempts[event.iteration] = len(self.attempts)
        self.starts += event.origin == "start"
        if event.origin == "merge":
            self.merges.append(event)

    def _finish(self, event: ev.IterationFinished) -> None:
        opened = self.open.pop(event.iteration, [])
        self.known_attempts.pop(event.iteration, None)
        if opened and isinstance(start := opened[0], ev.IterationStarted):
            parent = self.candidates[start.parents[0]]
            self.attempts += attempts_of(opened, parent, self.board.pareto, self.board.feedback)
            self.critic.finish(opened)
        if any(isinstance(e, ev.CandidateAdmitted) and len(e.candidate.parents) == 1 for e in opened):
            self.merge_due = True

    def _admit(self, candidate: Candidate, events: Iterable[Event]) -> None:
        if candidate.id != len(self.candidates):
            raise ValueError(f"candidate {candidate.id} admitted where {len(self.candidates)} is next")
        self.candidates.append(candidate)
        self.born.append(self.spent.iterations)
        self.pointers.append(max((self.pointers[parent] for parent in candidate.parents), default=0))
        changed = self._edited(candidate)
        single = len(candidate.parents) == 1 and self._single[candidate.parents[0]] and len(changed) <= 1
        self._single.append(single or not candidate.parents)
        self.critic.admit(changed, events)
        self.board.admit(candidate.key)

    def _edited(self, candidate: Candidate) -> list[str]:
        """Returns the modules whose texts are not the parent's, in their order; none for a seed and for a merge."""
        if len(candidate.parents) != 1:
            return []
        old = self.candidates[candidate.parents[0]].texts
        return [name for name, text in candidate.texts.items() if text != old[name]]
