"""One optimisation from its parts to its result: open the folder, search, write what was found."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.failures.classification import IsWorldFailure, is_lasting, is_pressure, is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import diagnosis, is_garbled, retry_after, trouble, unreachable_address
from langgraph_gepa.adapter.rollout.redaction import Mask, clean, masked
from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.core.events import CandidateAdmitted, Event, ModulesLeftOut
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.reason import NO_EFFECT, NoEffect
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.allowance import expected, uncountable
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Optimizer, nothing_known, nothing_to_try
from langgraph_gepa.engine.ports import Evaluator, LanguageModel, Observer, Store
from langgraph_gepa.engine.preflight import VERDICT, Preflight, preflight
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.report.failed_examples import HOW, failure_sentence
from langgraph_gepa.report.html.page import write_whole
from langgraph_gepa.report.screen import Screen
from langgraph_gepa.report.terminal import Live
from langgraph_gepa.report.words import score
from langgraph_gepa.runs.config import Asked
from langgraph_gepa.runs.result import PAGE, PROMPTS, Result
from langgraph_gepa.runs.resume import finished, kept
from langgraph_gepa.runs.run import SavedRun, replayed, seed_rollouts
from langgraph_gepa.runs.session import Brake, run
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.store.folder import open_run

WORLD = Patience(
    outage=1800.0,
    lasts=is_lasting,
    asked=retry_after,
    presses=is_pressure,
    garbled=is_garbled,
    absent=unreachable_address,
    trouble=trouble,
)
"""Half an hour without a provider, then the run stops, to be resumed."""

Say = Callable[[str], None]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`graph` is what the result's graph is made from; everything else is what the engine needs.

    `unpriced` names the models whose price is unknown; `warnings` are told before anything runs, those that
    `watch` makes of the rollouts of the graph as it is when there are any.
    `trial` is a prompt by which the model is tried before anything is paid for, if it is worth that.
    `mask` hides keys in what is said and raised; `mask_examples` is the user's, for the examples as they are kept.
    `is_world_failure` is the user's border, by which rollouts may fail as the world's besides our own.
    `named` says that the caller named the run's folder, so that the very same call finds it again.
    """

    graph: Any
    evaluator: Evaluator
    model: LanguageModel
    asked: Asked
    rules: Rules
    observers: Sequence[Observer] = ()
    progress: bool = True
    unpriced: Sequence[str] = ()
    warnings: Sequence[str] = ()
    watch: Callable[[Sequence[Rollout]], Iterable[str]] = lambda _: ()
    without_effect: Callable[[], Awaitable[Mapping[str, NoEffect]]] = nothing_known
    trial: str = ""
    mask: Mask = str
    mask_examples: Mask | None = None
    is_world_failure: IsWorldFailure = is_world_failure
    named: bool = False

    def carry_out(self, folder: Path) -> Result:
        """Searches until the budget is spent; goes on where `folder` holds the same run already.

        The page and the prompts are written however it ends. Raises as `api.optimize` does.
        """
        self._afford()
        try:
            run(lambda brake: self._session(folder, brake))
        except KeyboardInterrupt as stopped:
            raise KeyboardInterrupt(f"Stopped by Ctrl-C. {self._kept(folder)}") from stopped
        except Interrupted as stopped:
            clean(stopped, self.mask)
            raise Interrupted(f"Stopped: {stopped}. {self._kept(folder)}") from stopped
        except Exception as failure:
            clean(failure, self.mask)
            if isinstance(failure, UsageError) or not (self.is_world_failure(failure) or is_world_failure(failure)):
                raise
            when = "once that is fixed, " if is_lasting(failure) else ""
            raise Interrupted(f"Stopped: {diagnosis(failure)}. {self._kept(folder, when)}") from failure
        return Result(replace(SavedRun.open(folder), own=True), self.graph)

    def _kept(self, folder: Path, when: str = "") -> str:
        return kept(self.asked, folder, named=self.named, when=when)

    async def _session(self, folder: Path, brake: Brake) -> None:
        """Everything that touches the store, which belongs to the thread that opened it."""
        store = open_run(folder, create=True)
        live = Live(Screen(stderr=True), self.asked.budget, title=str(folder), simulated=self.asked.simulated)
        say: Say = live.note if self.progress else _logged(_LOG.warning)
        ours = False
        try:
            hide = self.mask_examples or str
            begun_again = self.asked.save(store, texts=self.mask, examples=lambda value: masked(value, hide))
            ours = True
            replayed(self.asked, (event for _, event in store.events()))
            with live if self.progress else nullcontext():
                if begun_again:
                    say(begun_again)
                if self.progress:
                    await self._search(folder, store, (live, *self.observers), say, say, brake)
                else:
                    await self._search(folder, store, self.observers, say, _logged(_LOG.info), brake)
        finally:
            store.close()
            if ours:  # not another run, whose files are not to be touched
                write_up(folder, say)

    async def _search(
        self, folder: Path, store: Store, observers: Sequence[Observer], say: Say, inform: Say, brake: Brake
    ) -> None:
        ledger = Ledger(
            self.evaluator,
            self.model,
            store,
            observers=(*observers, self._forecast(inform), self._lookout(store, say)),
            concurrency=self.asked.concurrency,
            patience=WORLD,
            say=say,
        )
        for warning in self.warnings:
            say(warning)
        if ledger.pool.started is None and (buys := self._buys(None)) is not None:
            inform(str(buys))
        brake.on_pull = lambda by: self._stop(by, ledger, say)
        optimizer = Optimizer(
            ledger=ledger,
            reflector=Reflector(ledger, self.evaluator, self.asked.reflection_tokens, self.asked.objective),
            modules=self.evaluator.modules,
            examples=self.asked.examples,
            budget=self.asked.budget,
            rules=self.rules,
            seed=self.asked.seed,
            in_flight=self.asked.in_flight,
            without_effect=self.without_effect,
            trial=partial(ledger.try_model, self.trial, self.asked.reflection_model) if self.trial else nothing_to_try,
        )
        before = ledger.pool.finished
        try:
            after = (await optimizer.run()).finished
            if before is not None and before is after:
                say(finished(self.asked, folder, before, ledger.pool, ledger.seconds))
        finally:
            ledger.close()

    def _stop(self, by: str, ledger: Ledger, say: Say) -> None:
        say(f"{by}: stopping when the rollouts under way have ended, which may take a while; again stops at once.")
        ledger.stop(by)

    def _buys(self, spent: Spent | None) -> Preflight | None:
        sets = self.asked.examples
        return preflight(self.asked.budget, len(sets.feedback), len(sets.pareto), self.rules, spent)

    def _forecast(self, say: Say) -> Observer:
        """Tells what tokens or dollars buy as soon as that is known: when the graph as it is has been scored."""

        def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001 - an observer's signature
            if isinstance(event, CandidateAdmitted) and event.candidate.origin == "seed":
                known = self._buys(pool.spent)
                if known is not None and known != self._buys(None):
                    tokens = expected(pool.spent, "rollout").tokens
                    say(f"A rollout takes about {tokens:,} tokens. So far as is known {known}")

        return observe

    def _lookout(self, store: Store, say: Say) -> Observer:
        """Tells what the rollouts of the graph as it is show of its texts and the metric, when it has been scored."""

        def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001 - an observer's signature
            if isinstance(event, ModulesLeftOut):
                for name, why in event.reasons.items():
                    say(f"{name} is left as it is: {NO_EFFECT[why]}.")
            if isinstance(event, CandidateAdmitted) and event.candidate.origin == "seed":
                paid = map(store.paid, seed_rollouts(event for _, event in store.events()))
                rollouts = [load(Rollout, body) for body in paid if body is not None]
                for warning in (
                    *_failing(rollouts),
                    *self.watch(rollouts),
                    *_beyond(rollouts, self.rules.perfect),
                    *_uncounted(pool, self.asked.budget),
                ):
                    say(warning)

        return observe

    def _afford(self) -> None:
        """Raises `UsageError` for a budget that cannot be kept, or ends before anything can have been learned."""
        budget, pareto = self.asked.budget, len(self.asked.examples.pareto)
        if budget.dollars is not None and self.unpriced:
            raise UsageError(uncountable(self.unpriced))
        if not budget.bounded:
            raise UsageError("The budget has no limit. Give at least one: Budget(rollouts=500), or --rollouts 500.")
        least = self.rules.seed_rollouts(pareto) + self.rules.most_rollouts(pareto)
        if budget.rollouts is not None and budget.rollouts < least:
            smaller = self.rules.seed_rollouts(pareto // 2) + self.rules.most_rollouts(pareto // 2) < least
            ways = ["more rollouts"]
            ways += ["fewer validation examples"] if pareto > VERDICT and smaller else []
            ways += ["fewer repeats"] if self.rules.repeats > 1 else []
            raise UsageError(
                f"Budget(rollouts={budget.rollouts}) is too small: scoring the graph as it is and one improvement "
                f"take up to {least}. Give {' or '.join(ways)}."
            )


def _logged(log: Callable[[str], None]) -> Say:
    """Logs a text on one line, so that no text of a model's can act on a terminal or look like another record."""
    return lambda text: log(visible(text).replace("\n", " "))


def _failing(rollouts: Sequence[Rollout]) -> Iterable[str]:
    """On how many examples the graph failed: no prompt can help where its code is at fault."""
    errors = {rollout.example: rollout.error for rollout in rollouts if rollout.error}
    if errors:
        of = len({rollout.example for rollout in rollouts})
        yield failure_sentence(len(errors), of, "validation example", HOW["seed"], *next(iter(errors.items())))


def _beyond(rollouts: Sequence[Rollout], perfect: float) -> Iterable[str]:
    """What is to be known of a metric on another scale."""
    most = max((rollout.score for rollout in rollouts), default=perfect)
    if most > perfect:
        yield (
            f"The metric gives scores up to {score(most)}, and from {perfect:g} on an answer counts as perfect, with "
            f"nothing to learn from it. Let the metric give {perfect:g} for the best answer there can be."
        )


def _uncounted(pool: Pool, budget: Budget) -> Iterable[str]:
    """What is to be known of a graph whose calls nobody sees, such as those of a client without LangChain."""
    other = budget.rollouts is not None or budget.seconds is not None or budget.iterations is not None
    if (budget.tokens is not None or budget.dollars is not None) and not other and not pool.spent.graph.tokens:
        yield (
            "No model call of the graph was seen, so what its rollouts spend is not counted: the limit holds for "
            "reflection alone. Give a limit of rollouts or seconds as well."
        )


def write_up(folder: Path, say: Say) -> None:
    """Writes the page and the best prompts of the run in `folder`, once the seed is scored.

    What cannot be written is said only: it must hide neither the run's result nor its failure.
    """
    result = Result.open(folder)
    if not result.pool.candidates:
        return
    prompts = json.dumps(dict(result.prompts), indent=2, ensure_ascii=False) + "\n"
    for file, write in {PROMPTS: lambda: write_whole(prompts, folder / PROMPTS), PAGE: result.report}.items():
        try:
            write()
        except OSError as error:
            say(
                f"{folder / file} could not be written ({error.strerror}). The run is kept whole: once that is "
                f"fixed, `langgraph-gepa report {folder}` writes its page and `export` its prompts."
            )
