"""The loop: iterations under way over one pool, each mutating or merging candidates (Alg. 1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from langgraph_gepa.engine.allowance import BudgetSpent
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.pipeline import Pipeline
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.engine.trials import Trial, Trials
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.search.budget import Budget, Limit, limit_reached, rollouts_left
from langgraph_gepa.search.candidate import Candidate, texts_key
from langgraph_gepa.search.ending import nothing_left
from langgraph_gepa.search.events import (
    CandidateAdmitted,
    Ended,
    Event,
    ExamplesDrawn,
    IterationFinished,
    IterationStarted,
    ModulesLeftOut,
    RolloutFinished,
    RunFinished,
    RunStarted,
    Subset,
)
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.merge import gate_examples, propose_merge
from langgraph_gepa.search.module import Module, NoEffect
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, Rules
from langgraph_gepa.search.turn import Turn

SETS: tuple[Subset, Subset, Subset] = ("feedback", "pareto", "test")


@dataclass(frozen=True, slots=True)
class Examples:
    """The three sets of a run. Ids are unique within a set, not across sets."""

    feedback: Sequence[Example]
    pareto: Sequence[Example]
    test: Sequence[Example] = ()


async def nothing_known() -> Mapping[str, NoEffect]:
    """Of no module is it known that it has no effect."""
    return {}


async def nothing_to_try() -> None:
    """The reflection model answers, as far as anybody knows."""


@dataclass
class Optimizer:
    """One search. `run` goes on where the ledger's journal ends, from the start when it is empty.

    `without_effect` is asked before each reflection which modules the rollouts so far prove to be of no use; `trial`
    is awaited before the first rollout, and raises when the reflection model cannot answer.

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
    without_effect: Callable[[], Awaitable[Mapping[str, NoEffect]]] = nothing_known
    trial: Callable[[], Awaitable[None]] = nothing_to_try

    def __post_init__(self) -> None:
        feedback = {example.id: example for example in self.examples.feedback}
        pareto = {example.id: example for example in self.examples.pareto}
        test = {example.id: example for example in self.examples.test}
        by_id: dict[Subset, dict[str, Example]] = {
            "feedback": feedback,
            "pareto": pareto,
            "gate": pareto,
            "test": test,
        }
        self._ids = {subset: tuple(examples) for subset, examples in by_id.items()}
        self._trials = Trials(self.ledger, by_id, self.rules.repeats, self.rules.reuse)
        self._allowed: dict[int, int] = {}

    @property
    def pool(self) -> Pool:
        return self.ledger.pool

    async def run(self) -> Pool:
        """Searches until the budget is spent, then scores seed and best on the test set.

        Raises `UsageError` before anything is paid for when the search cannot start, `Interrupted`
        when stopped early, and whatever the evaluator or the model raised last; everything paid
        for is kept, and an optimizer with a new ledger on the same store goes on. Cancelled, it
        cancels what is under way, whose cost so far is charged, and ends at once.
        """
        self._check()
        self.ledger.budget = self.budget
        under_way: set[asyncio.Task[None]] = set()
        try:
            await self._admit_seed()
            self._promise_again()
            under_way |= {self._begin(number) for number in sorted(self.pool.open)}
            ended = await self._search(under_way)
            await self._score_tests()
            if self.pool.finished is None:
                self.ledger.tell(RunFinished(ended=ended))
            return self.pool
        except BaseException as stopped:
            self.ledger.stop("another iteration failed")
            if isinstance(stopped, asyncio.CancelledError):
                for task in under_way:
                    task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            # An iteration that was merely told to stop may end before the one that failed.
            if isinstance(stopped, Interrupted) and (failure := self.ledger.failure) is not None:
                raise failure from failure.__cause__
            raise

    def _check(self) -> None:
        for name, examples in (("feedback", self.examples.feedback), ("pareto", self.examples.pareto)):
            if not examples:
                raise UsageError(f"The {name} set is empty: a search needs at least one example in it.")
        pareto, allowed = len(self.examples.pareto), self.budget.rollouts
        needed = self.rules.repeats * len(self._seed_examples())
        if not self.pool.candidates and allowed is not None and allowed < needed:
            raise UsageError(
                f"Budget(rollouts={allowed}) cannot score the seed: with a pareto set of {pareto} that takes {needed}. "
                f"Allow at least {needed + self._cost} rollouts."
            )

    async def _search(self, under_way: set[asyncio.Task[None]]) -> Ended:
        refused: Limit | None = None
        while True:
            limit = refused or self._spent()
            while limit is None and len(under_way) < self.in_flight and (plan := self._plan()) is not None:
                under_way.add(self._begin(plan.iteration))
                limit = self._spent()
            if not under_way:
                return limit or nothing_left(self.pool, self.rules.perfect)
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                under_way.discard(task)
                try:
                    task.result()
                except BudgetSpent as spent:  # it stays open, for a larger budget to go on with
                    refused = spent.limit

    def _begin(self, number: int) -> asyncio.Task[None]:
        return asyncio.create_task(self._iterate(number), name=f"iteration {number}")

    def _spent(self) -> Limit | None:
        """The limit that lets no further iteration start: it is reached, or leaves too few rollouts for a whole one."""
        if limit := limit_reached(self.budget, self.pool.spent, self.ledger.seconds):
            return limit
        if self.budget.iterations is not None and self.pool.iterations >= self.budget.iterations:
            return "iterations"
        promised = sum(map(self._promised, self.pool.open))
        left = rollouts_left(self.budget, self.pool.spent, promised)
        return None if left is None or left >= self._cost else "rollouts"

    @property
    def _cost(self) -> int:
        """Rollouts reserved for an iteration when it starts."""
        return self.rules.most_rollouts(len(self.examples.pareto))

    def _promised(self, number: int) -> int:
        """Rollouts that an iteration under way may still start."""
        allowed = self._allowed.get(number, self._cost)
        return max(0, allowed - _paid(self.pool.open[number]))

    def _promise_again(self) -> None:
        """What iterations in the journal had drawn before the run stopped was granted then, and is theirs still."""
        for number, events in self.pool.open.items():
            draws = [event for event in events if isinstance(event, ExamplesDrawn)]
            unpaid = sum(
                max(0, self.rules.repeats - len(self.pool.known(draw.subset, draw.texts).get(example, ())))
                for draw in draws
                for example in draw.examples
            )
            self._allowed[number] = max(self._cost, _paid(events) + unpaid)

    def _grant(self, number: int, wanted: int) -> int:
        """So many of the rollouts an iteration wants as the budget leaves it, others' promises kept."""
        others = sum(self._promised(other) for other in self.pool.open if other != number)
        left = rollouts_left(self.budget, self.pool.spent, others)
        granted = wanted if left is None else min(wanted, left)
        allowed = self._allowed.get(number, self._cost)
        self._allowed[number] = max(allowed, _paid(self.pool.open[number]) + granted)
        return granted

    async def _admit_seed(self) -> None:
        if self.pool.started is None:
            seed = {module.name: module.text for module in self.modules}
            feedback, pareto, test = (self._ids[subset] for subset in SETS)
            self.ledger.tell(RunStarted(seed, feedback, pareto, test, self.rules.judged_by))
        if not self.pool.candidates:
            texts = self.pool.started.seed if self.pool.started else {}
            try:
                await self.trial()
                trials = await self._trials.run(texts, self._seed_examples(), 0, "pareto")
            except BudgetSpent as spent:
                raise Interrupted(
                    f"The budget's {spent.limit} were spent before the graph as it is was scored. Give more to go on"
                ) from spent
            _require_one_that_ran(trials)
            self.ledger.tell(CandidateAdmitted(0, Candidate(0, texts)))
        if 0 in self.pool.open:
            self.ledger.tell(IterationFinished(0, "accepted", "the seed"))
        await self._leave_out()

    async def _leave_out(self) -> None:
        """Takes modules without effect out of the search. Raises `UsageError` when none is left."""
        modules = self.pool.modules
        found = {name: why for name, why in (await self.without_effect()).items() if name in modules}
        if found:
            self.ledger.tell(ModulesLeftOut(found))
        if not self.pool.modules:
            raise UsageError(
                f"There is nothing to optimise: rollouts prove that a new text of {', '.join(modules)} has no effect."
            )

    def _seed_examples(self) -> tuple[str, ...]:
        """All of the pareto set, or those drawn of it, in its order.

        Where results are reused, those that are in the feedback set too come on top: they are learned from as well,
        and where the tasks themselves are to be solved each gets an output.
        """
        pareto = self.examples.pareto
        drawn = set(self._turn(0).rng("seed").sample(range(len(pareto)), self.rules.seed(len(pareto))))
        learned_from = {example.digest for example in self.examples.feedback} if self.rules.reuse else set()
        kept = (one for place, one in enumerate(pareto) if place in drawn or one.digest in learned_from)
        return tuple(example.id for example in kept)

    def _turn(self, number: int) -> Turn:
        return Turn(self.pool, number, self.seed, self.rules.perfect)

    def _plan(self) -> IterationStarted | None:
        """Decides on parents and minibatch of the next iteration, and tells; `None` when there is nothing to learn."""
        turn = self._turn(self.pool.iterations + 1)
        rng = turn.rng()
        plan: IterationStarted | None = None
        if self.pool.merge_due and self.pool.accepted_merges + self._merging < self.rules.merges:
            plan = self._plan_merge(turn.number, rng)
        if plan is None:
            pick = self.rules.pick(turn, rng)
            if pick is None:
                return None
            batch = self.rules.batch(turn, pick.parent, ())
            plan = IterationStarted(turn.number, (pick.parent,), batch, lineage=pick.lineage)
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
        if self.rules.reuse and self.pool.tried(texts_key(merge.texts), number):
            return None
        first, second = (self.pool.scores(self.pool.candidates[id]) for id in (merge.first, merge.second))
        gate = gate_examples(first, second, rng)
        if not gate:
            return None
        return IterationStarted(number, (merge.first, merge.second), gate, merge.ancestor, merge.texts)

    async def _iterate(self, number: int) -> None:
        plan = next(event for event in self.pool.open[number] if isinstance(event, IterationStarted))
        await Pipeline(
            plan,
            self.ledger,
            self.reflector,
            self.modules,
            self._trials,
            self.rules,
            self._turn(number),
            lambda wanted: self._grant(number, wanted),
            self._leave_out,
        ).carry()

    async def _score_tests(self) -> None:
        for candidate in {c.id: c for c in (self.pool.candidates[0], self.pool.best)}.values():
            await self._trials.run(candidate.texts, self._ids["test"], 0, "test")


def _require_one_that_ran(trials: Sequence[Trial]) -> None:
    """Raises `UsageError` when the seed fails everywhere: no prompt mends that, and a search would pay to find out."""
    if all(rollout.error for trial in trials for rollout in trial):
        first = trials[0][0]
        raise UsageError(
            f"The graph as it is fails on every validation example it was run on. On {first.example!r}: "
            f"{str(first.error).rstrip('.')}. Mend the graph, the examples' inputs or how rollouts are run, "
            "and start again."
        )


def _paid(events: Iterable[Event]) -> int:
    return sum(isinstance(event, RolloutFinished) and not event.reused for event in events)
