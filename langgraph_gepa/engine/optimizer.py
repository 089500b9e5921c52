"""Runs Algorithm 1 (GEPA, arXiv 2507.19457): starts iterations over one pool until the budget is spent.

Lines 7 to 18, one iteration, are in `iteration`; this module has the lines around them, and runs iterations at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.common_error import commonest
from langgraph_gepa.core.endings import Ended
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    GoalsGiven,
    IterationFinished,
    IterationStarted,
    ModulesLeftOut,
    RunFinished,
    RunStarted,
    ScaleGiven,
    Subset,
)
from langgraph_gepa.core.example import Example, in_message
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.engine.allowance import BudgetSpent
from langgraph_gepa.engine.decisions import Step
from langgraph_gepa.engine.held_out import HeldOut
from langgraph_gepa.engine.iteration import iterate, plan, plan_start
from langgraph_gepa.engine.judging import Critic
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.proposing import OwnReflector, Reflector
from langgraph_gepa.engine.reservations import Reservations
from langgraph_gepa.engine.scoring import Trial, Trials
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, Rules
from langgraph_gepa.search.stopping import enough, nothing_left
from langgraph_gepa.search.turn import Turn

SETS: tuple[Subset, Subset, Subset] = ("feedback", "pareto", "test")


@dataclass(frozen=True, slots=True)
class Examples:
    """The three sets of a run. Ids are unique within a set, not across sets."""

    feedback: Sequence[Example]
    pareto: Sequence[Example]
    test: Sequence[Example] = ()

    @property
    def by_subset(self) -> dict[str, Sequence[Example]]:
        return {"feedback": self.feedback, "pareto": self.pareto, "test": self.test}


async def nothing_known() -> Mapping[str, NoEffect]:
    """Knows of no module without effect."""
    return {}


async def nothing_to_try() -> None:
    """Assumes that the reflection model answers."""


@dataclass
class Optimizer:
    """One search. `run` continues where the ledger's journal ends, or starts when it is empty.

    `without_effect` is called before each reflection and names the modules that the rollouts so far prove to have no
    effect. `start` are texts for all modules that enter the pool before the search makes its own. `trial` is awaited
    before the first rollout, and raises when the reflection model cannot answer.

    With `in_flight=1` iterations run one after the other, and the candidates depend only on the seed and the replies;
    with more, a new iteration starts as soon as another ends.
    """

    ledger: Ledger
    reflector: Reflector | OwnReflector
    modules: Sequence[Module]
    examples: Examples
    budget: Budget
    rules: Rules = GEPA
    seed: int = 0
    in_flight: int = 1
    start: Sequence[Texts] = ()
    without_effect: Callable[[], Awaitable[Mapping[str, NoEffect]]] = nothing_known
    trial: Callable[[], Awaitable[None]] = nothing_to_try
    critic: Critic | None = None

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
        self._pareto = pareto
        self._seed = {module.name: module.text for module in self.modules}
        self._ids = {subset: tuple(examples) for subset, examples in by_id.items()}
        self._trials = Trials(self.ledger, by_id, self.rules.repeats, self.rules.reuse)
        self._held_out = HeldOut(self._trials, self._ids["test"])
        self._reservations = Reservations(self.ledger, self.budget, self.rules, len(pareto))

    @property
    def pool(self) -> Pool:
        return self.ledger.pool

    async def run(self) -> Pool:
        """Searches until the budget is spent, then scores the seed and the best candidate on the test set.

        Raises `UsageError` before anything is paid for when the search cannot start, `Interrupted` when stopped early,
        and the last exception of the evaluator or the model. Everything paid for is kept, and an optimizer with a new
        ledger on the same store continues. When cancelled, it cancels calls under way, charges their cost so far, and
        ends at once.
        """
        self._check()
        self.ledger.budget = self.budget
        under_way: set[asyncio.Task[None]] = set()
        try:
            await self._score_seed()  # Alg. 1, lines 2 to 5
            self._reservations.restore()
            under_way |= {self._begin(plan) for plan in self._resumed()}
            ended = await self._search(under_way)  # 6 to 20
            both = {candidate.key: candidate.texts for candidate in (self.pool.candidates[0], self.pool.best)}
            await self._held_out.finish([*both.values()])
            if _newly(ended, self.pool.finished):
                self.ledger.append(RunFinished(ended=ended))
            return self.pool  # 21: `pool.best`
        except BaseException as stopped:
            self.ledger.stop("another iteration failed")
            tasks = under_way | self._held_out.tasks
            if isinstance(stopped, asyncio.CancelledError):
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # An iteration that was only stopped may end before the one that failed.
            if isinstance(stopped, Interrupted) and (failure := self.ledger.failure) is not None:
                raise failure from failure.__cause__
            raise

    def _check(self) -> None:
        """Raises `UsageError` when the search cannot start."""
        for name, examples in (("feedback", self.examples.feedback), ("pareto", self.examples.pareto)):
            if not examples:
                raise UsageError(f"The {name} set is empty: a search needs at least one example in it.")
        pareto, allowed = len(self.examples.pareto), self.budget.rollouts
        unpaid = [id for id in self._seed_set() if not self._trials.carried(self._seed, self._pareto[id])]
        needed = self.rules.repeats * len(unpaid)
        if not self.pool.candidates and allowed is not None and allowed < needed:
            raise UsageError(
                f"Budget(rollouts={allowed}) cannot score the seed: with a pareto set of {pareto} that takes {needed}. "
                f"Allow at least {needed + self._reservations.per_iteration} rollouts."
            )

    async def _search(self, under_way: set[asyncio.Task[None]]) -> Ended:
        refused: Ended | None = None
        while True:  # 6: while the budget is not spent
            ended = refused or self._ended()
            while ended is None and len(under_way) < self.in_flight and (begun := self._next()) is not None:
                under_way.add(self._begin(begun))
                ended = self._ended()
            if not under_way:
                return ended or nothing_left(self.pool)
            if ended is not None and self.in_flight > 1:
                self._held_out.begin(self.pool.candidates[0].texts, self.budget)
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                under_way.discard(task)
                try:
                    task.result()
                except BudgetSpent as spent:  # it stays open, for a larger budget to go on with
                    refused = spent.limit

    def _ended(self) -> Ended | None:
        """Returns why no further iteration starts: none is affordable, or none is worth it."""
        return self._reservations.limit() or enough(self.pool, self.budget)

    def _next(self) -> IterationStarted | None:
        """Plans the next iteration and journals the plan; `None` when there is nothing left to learn."""
        number = self.pool.iterations + 1
        given = next((texts for texts in self.start if not self.pool.tried(texts_key(texts), number)), None)
        begun = plan(self._turn(number), self.rules) if given is None else plan_start(number, given)
        if begun is not None:
            self.ledger.append(begun)
        return begun

    def _resumed(self) -> list[IterationStarted]:
        """Returns the plans of the iterations that were under way when the run stopped, in order."""
        opened = [event for number in sorted(self.pool.open) for event in self.pool.open[number]]
        return [event for event in opened if isinstance(event, IterationStarted)]

    def _begin(self, begun: IterationStarted) -> asyncio.Task[None]:
        return asyncio.create_task(self._iterate(begun), name=f"iteration {begun.iteration}")

    async def _iterate(self, begun: IterationStarted) -> None:
        step = Step(
            begun,
            self.ledger,
            self.reflector,
            self.modules,
            self._trials,
            self.rules,
            self._turn(begun.iteration),
            self._reservations,
            self._leave_out,
            self.critic,
        )
        self.ledger.append(await iterate(step))

    async def _score_seed(self) -> None:
        if self.pool.started is None:
            feedback, pareto, test = (self._ids[subset] for subset in SETS)
            self.ledger.append(RunStarted(self._seed, feedback, pareto, test, self.rules.judged_by))
        perfect, failure = self.rules.perfect, self.rules.failure_score
        if (perfect, failure) != (self.pool.scale.perfect, self.pool.scale.failure):
            self.ledger.append(ScaleGiven(perfect, failure))
        if self.rules.goals != self.pool.goals:
            self.ledger.append(GoalsGiven(self.rules.goals))
        if not self.pool.candidates:
            texts = self.pool.started.seed if self.pool.started else {}
            try:
                await self.trial()
                trials = await self._trials.run(texts, self._seed_set(), 0, "pareto")
                await self._trials.take_over(texts, 0)
            except BudgetSpent as spent:
                raise Interrupted(
                    f"The budget's {spent.limit} were spent before the graph as it is was scored. Give more to go on"
                ) from spent
            _require_a_rollout_that_ran(trials, self._pareto)
            self.ledger.append(CandidateAdmitted(0, Candidate(0, texts)))
        if 0 in self.pool.open:
            self.ledger.append(IterationFinished(0, "accepted", cause="seed"))
        await self._leave_out()

    async def _leave_out(self) -> None:
        """Takes modules without effect out of the search. Raises `UsageError` when no module is left."""
        modules = self.pool.modules
        found = {name: why for name, why in (await self.without_effect()).items() if name in modules}
        if found:
            self.ledger.append(ModulesLeftOut(found))
        if not self.pool.modules:
            raise UsageError(
                f"There is nothing to optimise: rollouts prove that a new text of {', '.join(modules)} has no effect."
            )

    def _seed_set(self) -> tuple[str, ...]:
        """Returns the pareto examples that the seed is scored on before the first iteration."""
        feedback, pareto = self.examples.feedback, self.examples.pareto
        return self.rules.seed_set(self._turn(0), feedback, pareto, self.rules.seed(len(pareto)))

    def _turn(self, number: int) -> Turn:
        return Turn(self.pool, number, self.seed)


def _newly(ended: Ended, before: RunFinished | None) -> bool:
    """Whether a search ends otherwise than it had ended `before`; what an earlier version wrote of that is kept."""
    return before is None or before.ended not in (None, ended)


def _require_a_rollout_that_ran(trials: Sequence[Trial], examples: Mapping[str, Example]) -> None:
    """Raises `UsageError` when every rollout of the seed fails, which no prompt repairs."""
    rollouts = [rollout for trial in trials for rollout in trial]
    failures = [(rollout.example, rollout.error) for rollout in rollouts if rollout.error]
    if failures and len(failures) == len(rollouts):
        example, error, count = commonest(failures)
        often = "each time" if count == len(failures) else f"{count} of {len(failures)} times"
        raise UsageError(
            f"The graph as it is (candidate #0) fails on every validation example it was run on, {often} with an error "
            f"like this one. On {in_message(examples[example])}: {error.rstrip('.')}. Fix the graph, the examples' "
            "inputs or how rollouts are run, and start again."
        )
