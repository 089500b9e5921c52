"""`Job`: carries out one run, that is opens its folder, searches, and writes down what was found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.failures.classification import is_lasting, is_overload, is_pressure, is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import diagnosis, is_garbled, retry_after, trouble, unreachable_address
from langgraph_gepa.adapter.proposer import FunctionProposer
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask, clean, masked, masked_rollout
from langgraph_gepa.core.events import CandidateAdmitted, Event, ModulesLeftOut
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.reason import NO_EFFECT
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.judging import Critic
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Optimizer
from langgraph_gepa.engine.ports import Observer, Store
from langgraph_gepa.engine.proposing import OwnReflector, Reflector
from langgraph_gepa.engine.retry import IN_THE_METRIC
from langgraph_gepa.errors import Interrupted, MetricError, UsageError
from langgraph_gepa.reflection.critic import TOKENS as CRITIC_TOKENS
from langgraph_gepa.report.screen import Screen, note
from langgraph_gepa.report.terminal import Live
from langgraph_gepa.report.words import plural
from langgraph_gepa.runs import notices
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.runs.event_loop import Brake, run
from langgraph_gepa.runs.page_writer import PageWriter, write_results
from langgraph_gepa.runs.publish import log_at_the_end
from langgraph_gepa.runs.result import Result
from langgraph_gepa.runs.resume import (
    already_finished,
    begin_with_its_prompts,
    how_to_resume,
    identity_of,
    session_of,
    start_or_resume,
)
from langgraph_gepa.runs.saved_run import SavedRun, replay, seed_rollouts
from langgraph_gepa.runs.subject import AnyEvaluator
from langgraph_gepa.runs.traced import traced
from langgraph_gepa.runs.tracked import end_tracking, tracked_run
from langgraph_gepa.runs.warm_start import WarmStart, carrying, not_taken_over, rollouts_known, why_unknown
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.server.remote import RemoteEvaluator
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.store.stop_file import STOP, watch
from langgraph_gepa.trackers.tracking import TrackedRun, Tracker, Tracking

WORLD = Patience(
    outage=1800.0,
    is_lasting=is_lasting,
    retry_after=retry_after,
    is_pressure=is_pressure,
    is_overload=is_overload,
    is_garbled=is_garbled,
    absent_address=unreachable_address,
    describe=trouble,
)
"""Half an hour without a provider, then the run stops, to be resumed."""

ALONE = 300.0
"""Seconds after which an example is set aside that fails when nothing else is left to run. Where many fail, the
provider is down; one that fails alone is more likely refused."""

Notify = Callable[[str], None]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run with everything it needs.

    - `proposer`: the user's, in place of the `model`; `critic`: judges what is proposed, where there is one.
    - `graph`: what the result's graph is made from.
    - `warnings`: given before anything runs; `observed`: makes those that follow from the rollouts of the graph as it
      is, once there are any.
    - `start`: what the search starts with beside the seed.
    - `mask`: hides keys in messages and errors.
    - `named`: whether the caller named the run's folder, so that the very same call finds it again.
    """

    graph: Any
    evaluator: AnyEvaluator
    model: ChatReflection
    config: RunConfig
    rules: Rules
    options: RunnerOptions
    mask: Mask
    proposer: FunctionProposer | None = None
    critic: ChatReflection | None = None
    start: WarmStart = WarmStart()  # noqa: RUF009 - it is frozen
    observers: Sequence[Observer] = ()
    trackers: Mapping[str, Callable[[TrackedRun], Tracker]] = field(default_factory=dict)
    progress: bool = True
    warnings: Sequence[str] = ()
    observed: Callable[[Sequence[Rollout]], Iterable[str]] = lambda _: ()
    named: bool = False

    def carry_out(self, folder: Path) -> Result:
        """Searches until the budget is spent; goes on where `folder` holds the same run already.

        The page and the prompts are written however it ends. Raises as `api.optimize` does.
        """
        try:
            run(lambda brake: self._session(folder, brake))
        except KeyboardInterrupt as stopped:
            raise KeyboardInterrupt(f"Stopped by Ctrl-C. {self._how_to_resume(folder)}") from stopped.__cause__
        except Interrupted as stopped:
            clean(stopped, self.mask)
            raise Interrupted(f"Stopped: {stopped}. {self._how_to_resume(folder)}") from stopped
        except MetricError as mistake:
            clean(mistake, self.mask)
            if not SavedRun.open(folder).pool.candidates:  # then the same call begins again with another metric
                raise
            kept = f"What was found so far is kept in {folder}: once the metric is fixed"
            raise MetricError(f"{mistake} {kept}, {begin_with_its_prompts(folder)}.") from mistake.__cause__
        except Exception as failure:
            clean(failure, self.mask)
            worlds = self.options.is_world_failure(failure) or is_world_failure(failure)
            if isinstance(failure, UsageError) or not worlds:
                raise
            when = "once that is fixed, " if is_lasting(failure) else ""
            whose = f" {IN_THE_METRIC}" if IN_THE_METRIC in getattr(failure, "__notes__", ()) else ""
            raise Interrupted(f"Stopped: {diagnosis(failure)}.{whose} {self._how_to_resume(folder, when)}") from failure
        saved = replace(SavedRun.open(folder), own=True)
        log_at_the_end(saved, note if self.progress else _logged(_LOG.warning))
        return Result(saved, self.graph)

    def _how_to_resume(self, folder: Path, when: str = "") -> str:
        return how_to_resume(self.config, folder, named=self.named, when=when)

    async def _session(self, folder: Path, brake: Brake) -> None:
        """Does everything that touches the store, which belongs to the thread that opened it."""
        live = Live(Screen(stderr=True), self.config.budget, title=str(folder), simulated=self.config.simulated)
        notify: Notify = live.note if self.progress else _logged(_LOG.warning)
        same_run, tracked = False, list[Tracking]()
        try:
            with closing(open_run(folder, create=True)) as store:
                hide = self.options.mask or str
                restarted = start_or_resume(
                    self.config, store, folder=folder, texts=self.mask, examples=lambda value: masked(value, hide)
                )
                same_run = True
                before = replay(self.config, (event for _, event in store.events()))
                with PageWriter(folder) as page, live if self.progress else nullcontext():
                    if restarted:
                        notify(restarted)
                    if self.trackers:
                        about = tracked_run(self.config, session_of(store), folder.name, self.mask)
                        tracked += [Tracking(name, begin, about, before) for name, begin in self.trackers.items()]
                    observers = (*((live,) if self.progress else ()), page, *tracked, *self.observers)
                    inform = notify if self.progress else _logged(_LOG.info)
                    with await self._traced(folder, session_of(store), notify):
                        await self._search(folder, store, observers, notify, inform, brake)
        finally:
            if same_run:  # the files of another run are not to be touched
                write_results(folder, notify)
                await end_tracking(tracked, folder, lambda text: notify(self.mask(text)))

    async def _traced(self, folder: Path, session: str, notify: Notify) -> AbstractContextManager[None]:
        config = self.config
        how = partial(traced, own_project=config.own_project, notify=notify, id=session)
        # In a thread, as it may ask LangSmith.
        return await asyncio.to_thread(how, folder.name or config.graph["name"], config.sets, config.sources)

    async def _search(
        self, folder: Path, store: Store, observers: Sequence[Observer], notify: Notify, inform: Notify, brake: Brake
    ) -> None:
        config = self.config
        ledger = Ledger(
            self.evaluator,
            self.model,
            store,
            critic=self.critic,
            observers=(
                *observers,
                self._observer(store, notify, inform),
                notices.of_unread_replies(store, self.mask, notify, proposer=self.proposer is not None),
            ),
            concurrency=config.concurrency,
            patience=replace(WORLD, alone=ALONE),
            notify=lambda text: notify(self.mask(text)),
            reports_usage=self.model.reports_usage,
            objectives=config.objectives,
        )
        for warning in self.warnings:
            notify(warning)
        for forecast in notices.forecast(config, self.rules) if ledger.pool.started is None else ():
            inform(forecast)
        if ledger.pool.started is None and self.start.sources:
            inform(self.start.message)
            self._carry_over(ledger, store, notify, inform)
        brake.on_pull = lambda by: _stop(by, ledger, notify)
        optimizer = Optimizer(
            ledger=ledger,
            reflector=self._reflector(ledger),
            modules=self.evaluator.modules,
            examples=config.examples,
            budget=config.budget,
            rules=self.rules,
            start=config.start,
            seed=config.seed,
            in_flight=config.in_flight,
            without_effect=self.evaluator.without_effect,
            trial=partial(self._try_models, ledger),
            critic=None
            if self.critic is None
            else Critic(ledger, min(CRITIC_TOKENS, config.reflection_tokens), config.objective),
        )
        before, spent = ledger.pool.finished, ledger.pool.spent
        loop = asyncio.get_running_loop()
        watcher = asyncio.create_task(watch(folder, lambda: brake.pull(f"the file {STOP!r} in the run's folder", loop)))
        remote = self.evaluator if isinstance(self.evaluator, RemoteEvaluator) else None
        try:
            if remote is not None:
                await remote.begin(session_of(store), notify)
            after = (await optimizer.run()).finished
            if before is not None and after is not None and ledger.pool.spent == spent:
                notify(already_finished(config, folder, after, ledger.pool, ledger.seconds))
        finally:
            watcher.cancel()
            ledger.close()
            if remote is not None:
                await remote.end()

    def _reflector(self, ledger: Ledger) -> Reflector | OwnReflector:
        if self.proposer is not None:
            return OwnReflector(ledger, self.evaluator, self.proposer)
        config = self.config
        return Reflector(
            ledger,
            self.evaluator,
            config.reflection_tokens,
            config.objective,
            config.directions,
            sees=() if self.options.mask else self.model.sees,  # no mask hides what is in a picture
        )

    def _carry_over(self, ledger: Ledger, store: Store, notify: Notify, inform: Notify) -> None:
        """Takes over the rollouts of earlier runs that hold for this one, and reports the runs without any.

        A run that was killed meanwhile takes over the rest when it is started again. Where an earlier run is gone by
        then, it says so before it pays for them.
        """
        identity, runs = digest(identity_of(self.config)), self.start.runs()
        lost = [name for name in self.start.left(store.settings(), identity) if name not in runs]
        if lost:
            notify(not_taken_over(lost, ledger.pool.spent.carried))
        store.configure(carrying(identity, [*runs, *lost]))
        unknown = {run.folder: why_unknown(self.config, run) for run in runs.values()}
        for why in filter(None, unknown.values()):
            inform(f"Its candidates are scored anew, as new ones are: {why}.")
        own = [run for run in runs.values() if not unknown[run.folder]]
        for texts, example, number, rollout in rollouts_known(self.config, own, self.rules):
            ledger.carry(texts, example, number, masked_rollout(rollout, self.mask))
        store.configure(carrying(identity, lost))
        if own:
            carried = plural(ledger.pool.spent.carried, "rollout")
            inform(f"{carried} of earlier runs carried over, which are not paid for again.")

    async def _try_models(self, ledger: Ledger) -> None:
        """Raises `ModelError` when the reflection model or the critic cannot answer. Nothing else was paid for yet."""
        if trial := self.model.trial:
            await ledger.replies.try_model(trial, self.config.reflection_model)
        if self.critic is not None and (trial := self.critic.trial):
            await ledger.replies.try_model(trial, self.config.critic_model, critic=True)

    def _observer(self, store: Store, notify: Notify, inform: Notify) -> Observer:
        """Says what follows from the scores of the graph as it is, and once that a score is off the scale."""
        off_scale = False

        def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001 - an observer's signature
            nonlocal off_scale
            if not off_scale and (warning := notices.of_scale(event, pool.scale)):
                off_scale = True
                notify(warning)
            if isinstance(event, ModulesLeftOut):
                for name, why in event.reasons.items():
                    notify(f"{name} is left as it is: {NO_EFFECT[why]}.")
            if isinstance(event, CandidateAdmitted) and event.candidate.origin == "seed":
                for forecast in notices.measured_forecast(self.config, self.rules, pool.spent):
                    inform(forecast)
                paid = map(store.paid, seed_rollouts(event for _, event in store.events()))
                rollouts = [load(Rollout, body) for body in paid if body is not None]
                for warning in (
                    *notices.of_failures(rollouts, pool.scale.failure_score),
                    *notices.of_failure_score(pool.scale),
                    *self.observed(rollouts),
                    *notices.of_uncounted_calls(pool, self.config.budget),
                ):
                    notify(warning)

        return observe


def _stop(by: str, ledger: Ledger, notify: Notify) -> None:
    who = f"{by[0].upper()}{by[1:]}"
    notify(f"{who}: stopping when the rollouts under way have ended, which may take a while; again stops at once.")
    ledger.stop(by)


def _logged(log: Callable[[str], None]) -> Notify:
    """Logs a text on one line, so that no text of a model's can act on a terminal or look like another record."""
    return lambda text: log(visible(text).replace("\n", " "))
