"""Carries out the decisions of an iteration: journals each before it acts, and reads them back when a run resumes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TypeVar

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.endings import Cause, Outcome
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    Subset,
)
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.objectives import LENGTH, length_of
from langgraph_gepa.engine.judging import Critic
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.proposing import OwnReflector, Reflector
from langgraph_gepa.engine.reservations import Reservations
from langgraph_gepa.engine.scoring import Trial, Trials, lowest, score_of
from langgraph_gepa.reflection.relevance import calling_nodes, concerned, reached, with_evidence
from langgraph_gepa.search.acceptance import gains
from langgraph_gepa.search.attempts import Attempt, earlier_edits
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.search.turn import Concern, Stage, Turn

Decision = ExamplesDrawn | ModulesChosen | ChildrenProposed | CandidateAdmitted
D = TypeVar("D", ExamplesDrawn, ModulesChosen, ChildrenProposed, CandidateAdmitted)


@dataclass(frozen=True, slots=True)
class Passed:
    """A child that was accepted, with the scores of the parent and its own that decided it."""

    texts: Texts
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass
class Step:
    """The iteration that `plan` started, with what the journal already holds of it.

    Decisions in the journal are repeated in order, at no cost. A decision not to do something leaves no event: the next
    event is then of another kind. `reservations` grants rollouts before they start. `leave_out` takes modules without
    effect out of the search.
    """

    plan: IterationStarted
    ledger: Ledger
    reflector: Reflector | OwnReflector
    modules: Sequence[Module]
    trials: Trials
    rules: Rules
    turn: Turn
    reservations: Reservations
    leave_out: Callable[[], Awaitable[None]]
    critic: Critic | None = None
    number: int = field(init=False)
    journalled: list[Decision] = field(init=False)

    def __post_init__(self) -> None:
        self.number = self.plan.iteration
        self.journalled = [event for event in self.pool.open[self.number] if isinstance(event, Decision)]

    @property
    def pool(self) -> Pool:
        return self.ledger.pool

    @property
    def parents(self) -> list[Candidate]:
        return [self.pool.candidates[id] for id in self.plan.parents]

    def passed(self) -> Passed | None:
        """Returns the child if it is in the pool already, and skips the decisions that led to it."""
        admitted = next((event for event in self.journalled if isinstance(event, CandidateAdmitted)), None)
        if admitted is None:
            return None
        self.journalled = [event for event in self.journalled if event is admitted or _of_race(event)]
        return Passed(admitted.candidate.texts, admitted.before, admitted.after)

    def _again(self, kind: type[D]) -> D | None:
        """Returns the next decision in the journal if it is of this kind, and moves past it."""
        first = self.journalled[0] if self.journalled else None
        if not isinstance(first, kind):
            return None
        del self.journalled[0]
        return first

    async def run(
        self, texts: Texts, ids: Sequence[str], subset: Subset, turn: str = "", repeat: int = 0
    ) -> list[Trial]:
        return await self.trials.run(texts, ids, self.number, subset, turn, repeat)

    def settled(self, trials: Sequence[Trial]) -> list[Trial]:
        """Returns the trials with the score that rollouts that failed have by now."""
        return [tuple(map(self.pool.scale.settled, trial)) for trial in trials]

    def scores(self, trials: Sequence[Trial]) -> tuple[float, ...]:
        return tuple(map(score_of, self.settled(trials)))

    def gains(self, parent: Texts, child: Texts, examples: Sequence[str]) -> bool:
        """Whether the child reaches a goal beside the score better than its parent on these feedback examples."""
        before, after = (self._objectives(texts, examples) for texts in (parent, child))
        return gains(self.pool.goals, before, after)

    def _objectives(self, texts: Texts, examples: Sequence[str]) -> dict[str, float]:
        """Returns the means of what is known of the texts on all of these examples."""
        values = self.pool.objectives.values("feedback", texts_key(texts))
        known = {name: [found[one] for one in examples if one in found] for name, found in values.items()}
        means = {name: fmean(found) for name, found in known.items() if len(found) == len(examples)}
        return {**means, LENGTH: length_of(texts)}

    def affords(self, trials: int) -> bool:
        """Whether the budget leaves enough rollouts for `trials`, runs of texts on an example."""
        return self.reservations.grant(self.number, trials) == trials

    def minibatch(self, drawn: Sequence[str]) -> tuple[str, ...]:
        """Returns feedback examples to run the parent on after those `drawn`; none once they are enough."""
        parent = self.parents[0]
        if self.plan.minibatch and not drawn:
            return self.plan.minibatch
        if self.journalled:
            again = None if _of_race(self.journalled[0]) else self._again(ExamplesDrawn)
            return again.examples if again else ()
        return self._draw(parent, "feedback", self.rules.batch(self.turn, parent.id, drawn))

    def stage(self, child: Candidate, number: int) -> Stage | None:
        """Returns which candidate to run next on which pareto examples; `None` when the race is over."""
        if self.journalled:
            again = self._again(ExamplesDrawn)
            runners = {candidate.key: candidate for candidate in (*self.pool.candidates, child)}
            return Stage(runners[again.texts], again.examples, again.repeat) if again else None
        stage = self.rules.stage(self.turn, child, number) or self.rules.again(self.turn, child)
        examples = self._draw(stage.candidate, "pareto", stage.examples, stage.repeat) if stage else ()
        return replace(stage, examples=examples) if stage and examples else None

    def _draw(self, candidate: Candidate, subset: Subset, wanted: tuple[str, ...], repeat: int = 0) -> tuple[str, ...]:
        """Draws as many of the examples as the budget allows, and journals the draw."""
        examples = wanted[: self.reservations.grant(self.number, len(wanted))]
        if examples and (repeat or examples != self.pool.pareto_set):
            # The whole pareto set is no decision that could come out otherwise.
            self.ledger.append(ExamplesDrawn(self.number, candidate.key, subset, examples, repeat))
        return examples

    async def records(self, choose: Callable[[], tuple[str, ...]]) -> list[Trial]:
        """Returns the parent's trials on the examples that the rules choose as records for the reflection."""
        parent = self.parents[0].texts
        if self.journalled and isinstance(chosen := self.journalled[0], ModulesChosen):
            return await self.run(
                parent, chosen.records or choose(), "feedback", "before"
            )  # runs of the first version kept no records
        await self.leave_out()
        while True:
            ids = choose()
            trials = await self.run(parent, ids, "feedback", "before")
            if ids == choose():  # no other iteration has taken one of them meanwhile
                return trials

    def concerns(self, records: Sequence[Trial]) -> list[Concern]:
        """Returns, for the rules, which modules each of these records concerns."""
        records = self.settled(records)
        seen = [lowest(trial) for trial in records]
        calling = calling_nodes(seen, self.modules)
        examples = self.trials.examples["feedback"]
        return [
            Concern(rollout.example, score_of(trial), concerned(self.modules, rollout, expected, calling))
            for trial, rollout in zip(records, seen, strict=True)
            for expected in (examples[rollout.example].outputs,)
        ]

    def choose(self, records: Sequence[Trial], modules: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """Chooses modules to reflect on, among those that the records are evidence about; these then count as used."""
        if (again := self._again(ModulesChosen)) is not None:
            return again.modules
        bearing = reached(self.modules, [rollout for trial in records for rollout in trial])
        names = with_evidence(modules(), bearing, self.pool.modules)
        examples = tuple(trial[0].example for trial in records)
        self.ledger.append(ModulesChosen(self.number, self.plan.parents[0], names, examples))
        return names

    @property
    def earlier(self) -> Sequence[Attempt]:
        """What earlier iterations tried, as far as it was known when this one started; a resumed run knows the same."""
        return self.pool.attempts[: self.pool.known_attempts[self.number]]

    def rejected(self, module: str) -> list[Edit]:
        """Returns earlier edits of a module that did not help, the nearest first."""
        return [edit for edit in self.edits(module) if not edit.helped]

    def edits(self, module: str) -> list[Edit]:
        """Returns earlier edits of a module, the nearest first."""
        return earlier_edits(self.earlier, module, self.parents[0].texts[module])

    def tried(self, texts: Texts) -> bool:
        """Whether the pool holds these texts, another iteration is trying them, or an earlier one has in vain."""
        key = texts_key(texts)
        before = self.earlier if self.rules.remembers else ()
        return self.pool.tried(key, self.number) or any(attempt.key == key for attempt in before)

    async def proposed(self, propose: Callable[[], Awaitable[ChildrenProposed]]) -> ChildrenProposed:
        """Returns the children to try: those in the journal, or those of `propose`, which it journals."""
        if (again := self._again(ChildrenProposed)) is not None:
            return again
        proposed = await propose()
        self.ledger.append(proposed)
        return proposed

    def admit(self, child: Candidate, before: tuple[float, ...], after: tuple[float, ...]) -> Candidate:
        """Adds the child to the pool, under the next number there."""
        if (again := self._again(CandidateAdmitted)) is not None:
            return again.candidate
        child = replace(child, id=len(self.pool.candidates))
        self.ledger.append(CandidateAdmitted(self.number, child, before, after))
        return child

    def ended(
        self,
        outcome: Outcome,
        cause: Cause | None,
        before: tuple[float, ...] = (),
        after: tuple[float, ...] = (),
        ran: int | None = None,
    ) -> IterationFinished:
        return IterationFinished(self.number, outcome, "", before, after, cause, ran)


def _of_race(event: Decision) -> bool:
    return isinstance(event, ExamplesDrawn) and event.subset == "pareto"
