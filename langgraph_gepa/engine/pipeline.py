"""One iteration: from its plan to its end, through the decisions that the rules make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from math import fsum

from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.limits import settle
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.engine.trials import Trial, Trials, lowest, score_of
from langgraph_gepa.search.acceptance import perfect
from langgraph_gepa.search.candidate import Candidate, texts_key
from langgraph_gepa.search.events import (
    CandidateAdmitted,
    ChildrenProposed,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    Outcome,
    Subset,
)
from langgraph_gepa.search.module import Module, Texts
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.reach import reached
from langgraph_gepa.search.reflection import Record
from langgraph_gepa.search.reply import in_words
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.search.turn import Heat, Pick, Turn

Scores = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A child that cleared its bar: the scores of parent and child there."""

    texts: Texts
    before: Scores = ()
    after: Scores = ()


@dataclass
class Pipeline:
    """Carries iteration `plan.iteration` to its end, from whatever of it is in the journal already.

    Each decision that what happens meanwhile could change is told before it is acted on, and read
    from the journal where it stands there. `grant` says how many of the rollouts asked for the
    budget allows; they are this iteration's until it ends. `leave_out` takes modules that turned out to have no effect
    out of the search.
    """

    plan: IterationStarted
    ledger: Ledger
    reflector: Reflector
    modules: Sequence[Module]
    trials: Trials
    rules: Rules
    turn: Turn
    grant: Callable[[int], int]
    leave_out: Callable[[], Awaitable[None]]
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.number = self.plan.iteration

    @property
    def pool(self) -> Pool:
        return self.ledger.pool

    async def carry(self) -> None:
        admitted = next((e for e in self.pool.open[self.number] if isinstance(e, CandidateAdmitted)), None)
        if admitted is not None:
            passed: Passed | None = Passed(admitted.candidate.texts, admitted.before, admitted.after)
        elif len(self.plan.parents) == 2:
            passed = await self._merge()
        else:
            passed = await self._mutate()
        if passed is not None:
            await self._race(passed, admitted.candidate if admitted else None)

    async def _mutate(self) -> Passed | None:
        parent = self.pool.candidates[self.plan.parents[0]]
        drawn, scores = await self._gather(parent)
        names, records, shown = await self._choose(parent, drawn, scores)
        if not records:
            flawless = bool(scores) and perfect(scores, self.rules.perfect)
            why = "every score is perfect" if flawless else "it has no failure left to reflect on"
            self._close("skipped", why, scores)
            return None
        if not names:
            self._close("skipped", "none of the prompts was used in these rollouts", tuple(map(score_of, shown)))
            return None
        proposed = self._proposed or await self._propose(parent, names, shown)
        if not proposed.children:
            self._close("skipped", _why_none(proposed), tuple(map(score_of, shown)))
            return None
        return await self._screen(parent, proposed.children, records, shown)

    async def _gather(self, parent: Candidate) -> tuple[list[str], Scores]:
        """Runs the parent on batch after batch, as long as the rules ask for more."""
        drawn: list[str] = []
        trials: list[Trial] = []
        batch = self.plan.minibatch or self._next_batch(parent, drawn, 0)
        told = 0 if self.plan.minibatch else 1
        while batch:
            trials += await self.trials.run(parent.texts, batch, self.number, "feedback", "before")
            drawn += batch
            batch = self._next_batch(parent, drawn, told)
            told += 1
        return drawn, tuple(map(score_of, trials))

    def _next_batch(self, parent: Candidate, drawn: Sequence[str], told: int) -> tuple[str, ...]:
        before = self._draws("feedback")
        if told < len(before):
            return before[told].examples
        # Records that were chosen already say that the batches before them were enough.
        wanted = () if self._chosen else self.rules.batch(self.turn, parent.id, drawn)
        return self._draw(parent, "feedback", wanted)

    def _draws(self, subset: Subset) -> list[ExamplesDrawn]:
        """Those of this iteration that are in the journal already."""
        events = self.pool.open[self.number]
        return [event for event in events if isinstance(event, ExamplesDrawn) and event.subset == subset]

    def _draw(self, candidate: Candidate, subset: Subset, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """As much of what is wanted as the budget leaves, told."""
        examples = wanted[: self.grant(self.rules.repeats * len(wanted)) // self.rules.repeats]
        if examples and examples != self.pool.pareto_set:
            # The whole pareto set is no decision that could come out otherwise.
            self.ledger.tell(ExamplesDrawn(self.number, candidate.key, subset, examples))
        return examples

    @property
    def _chosen(self) -> ModulesChosen | None:
        return next((event for event in self.pool.open[self.number] if isinstance(event, ModulesChosen)), None)

    async def _choose(
        self, parent: Candidate, drawn: Sequence[str], scores: Scores
    ) -> tuple[tuple[str, ...], tuple[str, ...], list[Trial]]:
        """Modules and records, from now on used, with the parent's trials on these; no records end the iteration."""
        if (chosen := self._chosen) is not None:
            records = chosen.records or tuple(drawn)
            return chosen.modules, records, await self._shown(parent, records)
        await self.leave_out()
        while records := self.rules.records(self.turn, parent.id, drawn, scores):
            shown = await self._shown(parent, records)
            if records == self.rules.records(self.turn, parent.id, drawn, scores):  # no other iteration took them
                names = self._with_evidence(self.rules.modules(self.turn, Pick(parent.id, self.plan.lineage)), shown)
                self.ledger.tell(ModulesChosen(self.number, parent.id, names, records))
                return names, records, shown
        return (), (), []

    async def _shown(self, parent: Candidate, records: Sequence[str]) -> list[Trial]:
        return await self.trials.run(parent.texts, records, self.number, "feedback", "before")

    def _with_evidence(self, names: tuple[str, ...], shown: Sequence[Trial]) -> tuple[str, ...]:
        """Those of the modules that the trials bear on, else the next one in turn that they do."""
        told = reached(self.modules, [rollout for trial in shown for rollout in trial])
        kept = tuple(name for name in names if name in told)
        if kept or not names:
            return kept
        first = self.pool.modules.index(names[0])
        in_turn = (*self.pool.modules[first:], *self.pool.modules[:first])
        return tuple(name for name in in_turn if name in told)[:1]

    @property
    def _proposed(self) -> ChildrenProposed | None:
        return next((event for event in self.pool.open[self.number] if isinstance(event, ChildrenProposed)), None)

    async def _propose(self, parent: Candidate, names: Sequence[str], shown: Sequence[Trial]) -> ChildrenProposed:
        """Reflects on the modules and decides on the children to try: none that is tried already."""
        examples = self.trials.examples["feedback"]
        records = [
            Record(examples[rollout.example].inputs, rollout, examples[rollout.example].outputs)
            for rollout in map(lowest, shown)
        ]
        modules = [module for module in self.modules if module.name in names]
        proposals = await settle(
            self.reflector.propose(module, parent.texts[module.name], records, self.number) for module in modules
        )
        by_name = dict(zip((module.name for module in modules), proposals, strict=True))
        changed = {name: proposal.text for name, proposal in by_name.items() if proposal.text is not None}
        children = self.rules.children(self.turn, parent.texts, changed) if changed else ()
        fresh = [texts for texts in children if not self.pool.tried(texts_key(texts), self.number)]
        failed = {name: proposal for name, proposal in by_name.items() if proposal.text is None}
        proposed = ChildrenProposed(
            self.number,
            tuple({name: texts[name] for name in texts if texts[name] != parent.texts[name]} for texts in fresh),
            {name: proposal.code for name, proposal in failed.items()},
            {name: proposal.detail for name, proposal in failed.items() if proposal.detail},
            len(children) - len(fresh),
        )
        self.ledger.tell(proposed)
        return proposed

    async def _screen(
        self, parent: Candidate, changes: Sequence[Texts], records: Sequence[str], shown: Sequence[Trial]
    ) -> Passed | None:
        """The best child on some of the records, if it clears the bar that the parent sets there."""
        children = [{**parent.texts, **changed} for changed in changes]
        places = self.rules.screen(self.turn, records)
        before = tuple(score_of(shown[place]) for place in places)
        needed = self.rules.repeats * len(places) * len(children)
        if self.grant(needed) < needed:
            self._close("skipped", "no rollouts are left to try the new texts", before)
            return None
        ids = [records[place] for place in places]
        tried = await settle(self.trials.run(texts, ids, self.number, "feedback", "after") for texts in children)
        afters = [tuple(map(score_of, trials)) for trials in tried]
        best = max(range(len(children)), key=lambda place: (fsum(afters[place]), -place))
        if not self.rules.mutation_bar(before, afters[best]):
            self._close("rejected", "no better on the minibatch", before, afters[best])
            return None
        return Passed(children[best], before, afters[best])

    async def _merge(self) -> Passed | None:
        if self.plan.texts is None:
            raise ValueError(f"iteration {self.number}: a merge without texts")
        gate = self.plan.minibatch
        parents = (self.pool.scores(self.pool.candidates[id]) for id in self.plan.parents)
        before = max((tuple(scores[id] for id in gate) for scores in parents), key=fsum)
        # Where results are reused, those on the gate are the first of the race.
        tried = await self.trials.run(self.plan.texts, gate, self.number, "pareto" if self.rules.reuse else "gate")
        after = tuple(map(score_of, tried))
        if not self.rules.merge_bar(before, after):
            self._close("rejected", "worse than a parent on the gate", before, after)
            return None
        return Passed(self.plan.texts, before, after)

    async def _race(self, passed: Passed, admitted: Candidate | None) -> None:
        """Runs the child on the pareto set, and whom it has to beat, heat by heat while the rules ask for more."""
        child = admitted or Candidate(len(self.pool.candidates), passed.texts, self.plan.parents, self.plan.ancestor)
        if admitted is None and self.rules.admit_first:
            self.ledger.tell(CandidateAdmitted(self.number, child, passed.before, passed.after))
        stage = 0
        while (heat := self._next_heat(child, stage)) is not None:
            await self.trials.run(heat.candidate.texts, heat.examples, self.number, "pareto")
            stage += 1
        if admitted is None and not self.rules.admit_first:
            child = replace(child, id=len(self.pool.candidates))
            self.ledger.tell(CandidateAdmitted(self.number, child, passed.before, passed.after))
        ran, all_of_them = len(self.pool.known("pareto", child.key)), len(self.pool.pareto_set)
        reason = "" if ran == all_of_them else f"stopped after {ran} of {all_of_them} pareto examples"
        self._close("accepted", reason, passed.before, passed.after)

    def _next_heat(self, child: Candidate, stage: int) -> Heat | None:
        before = self._draws("pareto")
        if stage < len(before):
            runners = {candidate.key: candidate for candidate in (*self.pool.candidates, child)}
            return Heat(runners[before[stage].texts], before[stage].examples)
        heat = self.rules.heat(self.turn, child, stage)
        if heat is None:
            return None
        examples = self._draw(heat.candidate, "pareto", heat.examples)
        return Heat(heat.candidate, examples) if examples else None

    def _close(self, outcome: Outcome, reason: str, before: Scores = (), after: Scores = ()) -> None:
        self.ledger.tell(IterationFinished(self.number, outcome, reason, before, after))


def _why_none(proposed: ChildrenProposed) -> str:
    """Why there is nothing to try, in words."""
    if proposed.repeated:
        return "these texts were tried before"
    return "; ".join(
        f"{name}: {proposed.details.get(name) or in_words(code)}" for name, code in proposed.reasons.items()
    )
