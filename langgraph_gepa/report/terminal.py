"""Shows a run in the terminal or the notebook: a live view while it is under way, plain lines where nobody watches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import CandidateAdmitted, Event, IterationFinished, RunFinished, RunStarted
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report import words
from langgraph_gepa.report.fruitless import fruitless
from langgraph_gepa.report.notebook import CellOutput
from langgraph_gepa.report.outcome import SIMULATED
from langgraph_gepa.report.pace import pace_of
from langgraph_gepa.report.progress import Iteration, advance
from langgraph_gepa.report.screen import note
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import Score, score_of

_STYLE = {"accepted": "green", "rejected": "dim", "skipped": "dim", "failed": "red"}
_REDRAWS = 8
_GONE = (OSError, ValueError)
"""What writing raises when the terminal is gone or its file closed; rich turns a broken pipe into an exit."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The best candidate and the seed, and since how many rollouts it leads."""

    best: int
    score: Score
    seed: Score
    since: int

    @property
    def words(self) -> str:
        return f"best #{self.best}: {words.candidate_score(self.score)}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the live view draws. Replaced after each event, as the drawing thread must not see the pool change."""

    spent: Spent = Spent()
    seconds: float = 0.0
    candidates: int = 0
    lead: Lead | None = None
    pareto: int = 0
    tests: int = 0
    under_way: tuple[Iteration, ...] = ()
    ended: tuple[Text, ...] = ()
    finished: bool = False
    range: tuple[float, float] = (0.0, 1.0)


@dataclass
class Live:
    """An observer that shows the run; use it as a context manager around the run.

    On a terminal it redraws a panel in place, at most eight times a second, and in a notebook twice a second below
    the cell; elsewhere, and with NO_COLOR or a dumb terminal, it writes one plain line as each iteration ends. It
    never raises: when the terminal goes away it stops printing and the run goes on.
    """

    console: Console
    budget: Budget
    title: str = ""
    simulated: bool = False
    clock: Callable[[], float] = monotonic
    _shot: Snapshot = field(default_factory=Snapshot, init=False, repr=False)
    _taken: float = field(default=0.0, init=False, repr=False)
    _iterations: dict[int, Iteration] = field(default_factory=dict, init=False, repr=False)
    _ended: deque[Text] = field(default_factory=lambda: deque(maxlen=5), init=False, repr=False)
    _lead: Lead | None = field(default=None, init=False, repr=False)
    _live: RichLive | CellOutput | None = field(default=None, init=False, repr=False)
    _caught_up: bool = field(default=False, init=False, repr=False)
    _silent: bool = field(default=False, init=False, repr=False)

    @property
    def animated(self) -> bool:
        console = self.console
        terminal = console.is_terminal and not console.no_color and not console.is_dumb_terminal
        return terminal or console.is_jupyter

    def __enter__(self) -> Self:
        self._taken = self.clock()
        if self.animated:
            self._live = self._redrawn()
            try:
                self._live.start()
            except _GONE:  # half started, it cannot be stopped either
                self._live, self._silent = None, True
        elif self.simulated:
            self._line(SIMULATED)
        return self

    def _redrawn(self) -> RichLive | CellOutput:
        if self.console.is_jupyter:
            return CellOutput(self)
        return RichLive(self, console=self.console, refresh_per_second=_REDRAWS, transient=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            with suppress(*_GONE):
                self._live.stop()
            self._live = None

    def __call__(self, event: Event, pool: Pool, at: float) -> None:
        with words.scores_between(pool.scale.low, pool.scale.high):
            self._follow(event, pool, at)

    def _follow(self, event: Event, pool: Pool, at: float) -> None:
        if not self._caught_up:
            self._catch_up(event, pool, at)
        iteration = advance(self._iterations, event, at)
        if self._lead is None or isinstance(event, CandidateAdmitted | IterationFinished):
            self._lead = _lead(pool, self._lead)
        if iteration is not None and iteration.outcome is not None:
            self._iterations.pop(iteration.number)
            self._end(iteration, pool)
        elif isinstance(event, RunStarted | RunFinished) and not self.animated:
            self._line(self._announcement(event, pool, at))
        elif isinstance(event, RunFinished):
            self._ended.append(Text(self._announcement(event, pool, at)))
        self._taken = self.clock()
        self._shot = Snapshot(
            pool.spent,
            at,
            len(pool.candidates),
            self._lead,
            len(pool.pareto_set),
            len(pool.started.test_set) if pool.started else 0,
            tuple(self._iterations.values()),
            tuple(self._ended),
            pool.finished is not None,
            (pool.scale.low, pool.scale.high),
        )

    def _announcement(self, event: RunStarted | RunFinished, pool: Pool, at: float) -> str:
        if isinstance(event, RunFinished):
            ended = words.ending(event, asdict(self.budget), pool.spent, at)
            return ". ".join((f"Finished: {ended}", *fruitless(pool)))
        sizes = f"{len(event.feedback_set)} training, {len(event.pareto_set)} validation, {len(event.test_set)} test"
        return f"Started: {words.plural(len(event.seed), 'module')}; examples: {sizes}"

    def note(self, text: str) -> None:
        """Prints a message on a line of its own."""
        if self._live is None:
            self._line(text)
        elif self.console.is_jupyter:
            note(text)
        else:
            with suppress(*_GONE):
                self.console.print(Text(visible(text), style="yellow"))

    def _catch_up(self, now: Event, pool: Pool, at: float) -> None:
        """Replays the open iterations of a resumed run, whose events this observer has not seen."""
        self._caught_up = True
        for event in (event for events in pool.open.values() for event in events if event is not now):
            advance(self._iterations, event, at)

    def _end(self, iteration: Iteration, pool: Pool) -> None:
        line = outcome_line(iteration, pool)
        self._ended.append(line)
        if not self.animated:
            rollouts = words.plural(pool.spent.rollouts, "rollout")
            if self.budget.rollouts:
                rollouts = f"{pool.spent.rollouts:,}/{words.plural(self.budget.rollouts, 'rollout')}"
            best = f"  {self._lead.words}" if self._lead else ""
            self._line(f"[{rollouts}] {line.plain}{best}  {_cost(pool.spent.usage)}")

    def _line(self, text: str) -> None:
        """Prints without rich, which would end the process when nobody reads the pipe any more."""
        if self._silent:
            return
        file = self.console.file
        text = visible(text).replace("\n", " ")
        encoding = getattr(file, "encoding", None) or "utf-8"
        try:
            print(text.encode(encoding, "replace").decode(encoding), file=file, flush=True)
        except _GONE:
            self._silent = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shot = self._shot
        seconds = shot.seconds + max(0.0, self.clock() - self._taken)
        yield Text.assemble((self.title or "Search", "bold"), ("  simulated model", "yellow") if self.simulated else "")
        yield self._budget_bar(shot, seconds)
        with words.scores_between(*shot.range):
            facts = _facts(shot, seconds)
        yield facts
        yield Group(*_under_way(shot, max(3, options.max_height - 12)))
        yield Group(*shot.ended)

    def _budget_bar(self, shot: Snapshot, seconds: float) -> Table:
        pace = pace_of(self.budget, shot.spent, seconds)
        table = Table.grid(padding=(0, 1))
        bar = ProgressBar(
            total=pace.limit or 1,
            completed=min(pace.used, pace.limit or 0),
            width=36,
            pulse=pace.limit is None,
            complete_style="cyan",
            finished_style="green",
        )
        table.add_row(bar, Text(pace.words))
        return table


def outcome_line(iteration: Iteration, pool: Pool) -> Text:
    """How an iteration ended, on one line."""
    outcome = iteration.outcome or "under way"
    what = words.descent(iteration.origin, iteration.parents, joint=" + ")
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{iteration.number:>4}  ", "dim").append(f"{outcome:<8}", _STYLE.get(outcome, "")).append(f"  {what}")
    if iteration.modules:
        line.append(f"  {words.one_line(', '.join(iteration.modules), 40)}")
    if iteration.opinions:
        line.append(f"  {words.one_line(iteration.opinions, 60)}", "dim")
    if iteration.before is not None and iteration.after is not None:
        line.append(f"  {words.score(iteration.before, 2)} → {words.score(iteration.after, 2)}")
    if iteration.candidate is not None:
        score = words.candidate_score(score_of(pool, iteration.candidate))
        line.append(f"  #{iteration.candidate} scores {score}", "bold")
    elif why := iteration.why(len(pool.pareto_set)):
        line.append(f"  {words.one_line(why, 100)}", "dim")
    return line


def _lead(pool: Pool, before: Lead | None) -> Lead | None:
    if not pool.candidates:
        return None
    best: Candidate = pool.best
    since = before.since if before and before.best == best.id else pool.spent.rollouts
    return Lead(best.id, score_of(pool, best.id), score_of(pool, 0), since)


def _facts(shot: Snapshot, seconds: float) -> Text:
    parts = []
    if shot.lead is not None:
        lead = shot.lead
        parts.append(f"{lead.words} (since rollout {lead.since:,}; seed {words.candidate_score(lead.seed)})")
        parts.append(words.plural(shot.candidates, "candidate"))
    usage = shot.spent.usage
    tokens = f"{words.large(usage.tokens)} tokens"
    cost = f"{tokens} (price unknown)" if usage.dollars is None else f"{words.money(usage.dollars)}, {tokens}"
    parts.append(f"{cost}, {words.duration(seconds)}")
    return Text(" · ".join(parts))


def _cost(usage: Usage) -> str:
    """The price so far, or the tokens where a model's price is unknown: a line is no place to repeat that."""
    return f"{words.large(usage.tokens)} tokens" if usage.dollars is None else words.money(usage.dollars)


def _under_way(shot: Snapshot, limit: int) -> list[Text]:
    lines = [
        Text.assemble((f"{it.number:>4}  ", "dim"), (f"{it.describe(shot.pareto)}", "cyan"),
                      f"  {words.descent(it.origin, it.parents, joint=' + ')}")
        for it in shot.under_way[:limit]
    ]  # fmt: skip
    if len(shot.under_way) > limit:
        lines.append(Text(f"      and {len(shot.under_way) - limit} more", style="dim"))
    if not lines and shot.pareto and not shot.candidates:
        lines.append(Text(f"   0  validating 0/{shot.pareto}  seed", style="cyan"))
    if not lines and shot.spent.tests and not shot.finished:
        lines.append(Text(f"      held-out test {shot.spent.tests}/{2 * shot.tests}", style="cyan"))
    return lines
