"""The loop: iterations under way over one pool, each mutating or merging candidates (Alg. 1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import fsum
from random import Random

from langgraph_gepa.engine.allowance import BudgetSpent
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.limits import settle
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.search.acceptance import perfect
from langgraph_gepa.search.budget import Budget, limit_reached, rollouts_left
from langgraph_gepa.search.candidate import Candidate
from langgraph_gepa.search.events import (
    CandidateAdmitted,
    Event,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    Outcome,
    RolloutFinished,
    RunFinished,
    RunStarted,
    Subset,
)
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.merge import gate_examples, propose_merge
from langgraph_gepa.search.minibatch import minibatch
from langgraph_gepa.search.module import Module, Texts
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.reflection import Record
from langgraph_gepa.search.rollout import Rollout
from langgraph_gepa.search.rules import GEPA, Rules


@dataclass(frozen=True, slots=True)
class Examples:
    """The three sets of a run. Ids are unique within a set, not across sets."""

    feedback: Sequence[Example]
    pareto: Sequence[Example]
    test: Sequence[Example] = ()


@dataclass
class Optimizer:
    """One search. `run` goes on where the ledger's journal ends, from the start when it is empty.

    With `in_flight=1` iterations follow each other and the candidates depend on the seed and
    the replies alone; with more, a new one starts as soon as another ends.
    """

    ledger: Ledger
    reflector: Reflector
    modules: Sequence[Module]
    examples: Examples
    budget: Budget
    rules: Rules = GEPA
    seed: int = 0
    in_flight: int = 1
    _by_id: dict[Subset, dict[str, Example]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        feedback = {example.id: example for example in self.examples.feedback}
        pareto = {example.id: example for example in self.examples.pareto}
        test = {example.id: example for example in self.examples.test}
        self._by_id = {"feedback": feedback, "pareto": pareto, "gate": pareto, "test": test}

    @property
    def pool(self) -> Pool:
        return self.ledger.pool

    async def run(self) -> Pool:
        """Searches until the budget is spent, then scores seed and best on the test set.

        Raises `UsageError` before anything is paid for when the search cannot start, `Interrupted`
        when stopped early, and whatever the evaluator or the model raised last; everything paid
        for is kept, and an optimizer with a new ledger on the same store goes on.
        """
        self._check()
        self.ledger.budget = self.budget
        under_way: set[asyncio.Task[None]] = set()
        try:
            await self._admit_seed()
            under_way |= {self._begin(number) for number in sorted(self.pool.open)}
            reason = await self._search(under_way)
            await self._score_tests()
            if self.pool.finished is None:
                self.ledger.tell(RunFinished(reason))
            return self.pool
        except BaseException as stopped:
            self.ledger.stop("another iteration failed")
            await asyncio.gather(*under_way, return_exceptions=True)
            # An iteration that was merely told to stop may end before the one that failed.
            if isinstance(stopped, Interrupted) and (failure := self.ledger.failure) is not None:
                raise failure from failure.__cause__
            raise

    def _check(self) -> None:
        for name, examples in (("feedback", self.examples.feedback), ("pareto", self.examples.pareto)):
            if not examples:
                raise UsageError(f"The {name} set is empty: a search needs at least one example in it.")
        needed, allowed = len(self.examples.pareto), self.budget.rollouts
        if not self.pool.candidates and allowed is not None and allowed < needed:
            raise UsageError(
                f"A budget of {allowed} rollouts cannot score the seed on the pareto set of {needed} examples. "
                f"Allow at least {needed + self._cost} rollouts, or give fewer pareto (validation) examples."
            )

    async def _search(self, under_way: set[asyncio.Task[None]]) -> str:
        exhausted: str | None = None
        while True:
            reason = exhausted or self._spent()
            while reason is None and len(under_way) < self.in_flight:
                under_way.add(self._begin(self._plan().iteration))
                reason = self._spent()
            if not under_way:
                return reason or "nothing to do"
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                under_way.discard(task)
                try:
                    task.result()
                except BudgetSpent as spent:  # it stays open, for a larger budget to go on with
                    exhausted = str(spent)

    def _begin(self, number: int) -> asyncio.Task[None]:
        return asyncio.create_task(self._iterate(number), name=f"iteration {number}")

    def _spent(self) -> str | None:
        """Why no further iteration may start: a limit, or too few rollouts left for a whole one."""
        if reason := limit_reached(self.budget, self.pool.spent, self.ledger.seconds):
            return reason
        if self.budget.iterations is not None and self.pool.iterations >= self.budget.iterations:
            return f"{self.budget.iterations} iterations started"
        promised = sum(self._cost - _rollouts(events) for events in self.pool.open.values())
        left = rollouts_left(self.budget, self.pool.spent, promised)
        if left is None or left >= self._cost:
            return None
        return f"{left} rollouts left of {self.budget.rollouts}, and an iteration may need {self._cost}"

    @property
    def _cost(self) -> int:
        """Rollouts an iteration needs at the most; they are reserved when it starts."""
        return self.rules.most_rollouts(len(self.examples.pareto))

    async def _admit_seed(self) -> None:
        if self.pool.started is None:
            seed = {module.name: module.text for module in self.modules}
            ids = (tuple(e.id for e in s) for s in (self.examples.feedback, self.examples.pareto, self.examples.test))
            self.ledger.tell(RunStarted(seed, *ids))
        if self.pool.candidates:
            return
        texts = self.pool.started.seed if self.pool.started else {}
        try:
            rollouts = await self._rollouts(texts, self.pool.pareto_set, 0, "pareto")
        except BudgetSpent as spent:
            raise Interrupted(f"{spent}, before the graph as it is was scored. Give more to go on") from spent
        _require_one_that_ran(rollouts)
        self.ledger.tell(CandidateAdmitted(0, Candidate(0, texts)))
        self._close(0, "accepted", "the seed")

    def _plan(self) -> IterationStarted:
        """Decides on parents and minibatch of the next iteration, and tells."""
        number = self.pool.iterations + 1
        rng = Random(f"{self.seed}:{number}")
        plan: IterationStarted | None = None
        if self.pool.merge_due and self.pool.accepted_merges + self._merging < self.rules.merges:
            plan = self._plan_merge(number, rng)
        if plan is None:
            ids = [example.id for example in self.examples.feedback]
            batch = minibatch(ids, self.rules.minibatch, number - 1, self.seed)
            plan = IterationStarted(number, (self.rules.pick_parent(self.pool, rng),), batch)
        self.ledger.tell(plan)
        return plan

    @property
    def _merging(self) -> int:
        """Merges under way."""
        return sum(merge.iteration in self.pool.open for merge in self.pool.merges)

    def _plan_merge(self, number: int, rng: Random) -> IterationStarted | None:
        merge = propose_merge(self.pool, rng)
        if merge is None:
            return None
        first, second = (self.pool.scores(self.pool.candidates[id]) for id in (merge.first, merge.second))
        gate = gate_examples(first, second, rng)
        return IterationStarted(number, (merge.first, merge.second), gate, merge.ancestor, merge.texts)

    async def _iterate(self, number: int) -> None:
        """Carries an iteration through from whatever of it is already in the journal."""
        events = self.pool.open[number]
        if any(isinstance(event, CandidateAdmitted) for event in events):
            self._close(number, "accepted")
            return
        plan = next(event for event in events if isinstance(event, IterationStarted))
        await (self._merge(plan) if len(plan.parents) == 2 else self._mutate(plan))

    async def _mutate(self, plan: IterationStarted) -> None:
        parent = self.pool.candidates[plan.parents[0]]
        shown = await self._rollouts(parent.texts, plan.minibatch, plan.iteration, "feedback", "before")
        before = tuple(rollout.score for rollout in shown)
        if perfect(before, self.rules.perfect):
            self._close(plan.iteration, "skipped", "every score is perfect", before)
            return
        changed, reason = await self._reflect(parent, shown, plan.iteration)
        if not changed:
            self._close(plan.iteration, "skipped", reason, before)
            return
        texts = {**parent.texts, **changed}
        tried = await self._rollouts(texts, plan.minibatch, plan.iteration, "feedback", "after")
        after = tuple(rollout.score for rollout in tried)
        if not self.rules.mutation_bar(before, after):
            self._close(plan.iteration, "rejected", "no better on the minibatch", before, after)
            return
        await self._admit(plan, texts, before, after)

    async def _merge(self, plan: IterationStarted) -> None:
        if plan.texts is None:
            raise ValueError(f"iteration {plan.iteration}: a merge without texts")
        parents = (self.pool.scores(self.pool.candidates[id]) for id in plan.parents)
        before = max((tuple(scores[id] for id in plan.minibatch) for scores in parents), key=fsum)
        tried = await self._rollouts(plan.texts, plan.minibatch, plan.iteration, "gate")
        after = tuple(rollout.score for rollout in tried)
        if not self.rules.merge_bar(before, after):
            self._close(plan.iteration, "rejected", "worse than a parent on the gate", before, after)
            return
        await self._admit(plan, plan.texts, before, after)

    async def _admit(
        self, plan: IterationStarted, texts: Texts, before: tuple[float, ...], after: tuple[float, ...]
    ) -> None:
        await self._rollouts(texts, self.pool.pareto_set, plan.iteration, "pareto")
        candidate = Candidate(len(self.pool.candidates), texts, plan.parents, plan.ancestor)
        self.ledger.tell(CandidateAdmitted(plan.iteration, candidate))
        self._close(plan.iteration, "accepted", "", before, after)

    async def _reflect(self, parent: Candidate, shown: Sequence[Rollout], number: int) -> tuple[dict[str, str], str]:
        """New texts by module, and when there are none, why."""
        names = self._choose_modules(parent, number)
        examples = self._by_id["feedback"]
        records = [Record(examples[rollout.example].inputs, rollout) for rollout in shown]
        modules = [module for module in self.modules if module.name in names]
        proposals = await settle(self.reflector.propose(m, parent.texts[m.name], records, number) for m in modules)
        pairs = list(zip(modules, proposals, strict=True))
        changed = {module.name: proposal.text for module, proposal in pairs if proposal.text is not None}
        return changed, "; ".join(f"{m.name}: {p.reason or 'no change'}" for m, p in pairs if p.text is None)

    def _choose_modules(self, parent: Candidate, number: int) -> tuple[str, ...]:
        for event in self.pool.open[number]:
            if isinstance(event, ModulesChosen):
                return event.modules
        names = self.rules.pick_modules(self.pool, parent.id)
        self.ledger.tell(ModulesChosen(number, parent.id, names))
        return names

    async def _rollouts(
        self, texts: Texts, ids: Iterable[str], number: int, subset: Subset, turn: str = ""
    ) -> list[Rollout]:
        """Rollouts in the order of `ids`. An id that stands there twice is run twice."""
        seen: dict[str, int] = {}
        calls = []
        for id in ids:
            seen[id] = seen.get(id, 0) + 1
            example = self._by_id[subset][id]
            calls.append(self.ledger.rollout(texts, example, number, subset, f"{turn}{seen[id]}"))
        return await settle(calls)

    async def _score_tests(self) -> None:
        for candidate in {c.id: c for c in (self.pool.candidates[0], self.pool.best)}.values():
            await self._rollouts(candidate.texts, self._by_id["test"], 0, "test")

    def _close(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        before: tuple[float, ...] = (),
        after: tuple[float, ...] = (),
    ) -> None:
        self.ledger.tell(IterationFinished(number, outcome, reason, before, after))


def _require_one_that_ran(rollouts: Sequence[Rollout]) -> None:
    """Raises `UsageError` when the seed fails everywhere: no prompt mends that, and a search would pay to find out."""
    if all(rollout.error for rollout in rollouts):
        raise UsageError(
            f"The graph as it is fails on every validation example. On {rollouts[0].example!r}: {rollouts[0].error} "
            "Mend the graph, the examples' inputs or how rollouts are run, and start again in a new folder."
        )


def _rollouts(events: Iterable[Event]) -> int:
    return sum(isinstance(event, RolloutFinished) for event in events)
