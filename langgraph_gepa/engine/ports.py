"""What the engine needs of the world. Each port has a real adapter, a fake and contract tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.errors import Error
from langgraph_gepa.reflection.proposal import Ending
from langgraph_gepa.search.pool import Pool


class Unfinished(Exception):
    """A rollout that did not come to its end because of `cause`.

    `go_on` does what is missing in place of the whole rollout, which says all that both spent.
    `stands` is the rollout that counts where trying again does not help: what stopped it may be the
    candidate's or the example's as well as the world's. One that `ended` came to its end in spite of `cause`,
    and was scored: its failures are no outage to wait for.
    """

    def __init__(
        self,
        cause: Exception,
        *,
        go_on: Callable[[], Awaitable[Rollout]] | None = None,
        stands: Rollout | None = None,
        ended: bool = False,
    ) -> None:
        super().__init__(f"a rollout did not come to its end: {type(cause).__name__}")
        self.cause = cause
        self.go_on = go_on
        self.stands = stands
        self.ended = ended


class Unanswered(Exception):
    """One prompt that the reflection model refused or kept failing at while it answered others. Says why."""


class TooLong(Error):
    """A prompt is longer than the reflection model takes; a shorter one may do."""


class Evaluator(Protocol):
    """Runs candidates. A failure of the candidate is a rollout with score 0 and `error`;
    a failure of the world is raised, as it is or in an `Unfinished`. Must be safe to
    call many times at once."""

    @property
    def modules(self) -> tuple[Module, ...]:
        """The modules under optimisation, in round-robin order."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same texts on the same example could score otherwise (graph, metric)."""
        ...

    def check(self, module: str, text: str) -> str | None:
        """Why `text` may not stand in for the module's (a lost placeholder), or `None` when it may."""
        ...

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        """One rollout. What its model calls spend is reported to `engine.meter.meter()` as they end."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, and how the answer ended where the provider says so."""

    text: str
    usage: Usage = Usage()
    seconds: float = 0.0
    ending: Ending = ""


class LanguageModel(Protocol):
    """The reflection model: a prompt in, a reply out. A failure of the world is raised, `TooLong` for
    a prompt that it does not take.

    Reports to `engine.meter.meter()` as an evaluator does. `longer` asks for a higher limit on the reply's
    length than usual, where the model has one that can be set.
    """

    async def complete(self, prompt: str, *, longer: bool = False) -> Reply: ...


class Store(Protocol):
    """One run's memory: an append-only journal, and a ledger of everything paid for.

    Calls are synchronous, short and made from one thread. What a method was given is
    durable when it returns. `at` is seconds of running time since the run started.
    """

    def append(self, event: Event, at: float) -> None: ...

    def pay(self, key: str, value: str, event: Event, at: float) -> None:
        """Writes a ledger entry and the event that accounts for it, and strikes the note of what it had
        spent on the way: all or nothing."""
        ...

    def note(self, key: str, usage: Usage) -> None:
        """What the call under `key` has spent so far, in place of an earlier note. Survives the
        process; a power cut may take the last notes along."""
        ...

    def notes(self) -> Mapping[str, Usage]:
        """The notes of calls that were neither paid nor charged."""
        ...

    def charge(self, key: str, event: Event, at: float) -> None:
        """Writes the event that accounts for a call that came to nothing, and strikes its note: both or neither."""
        ...

    def restart(self, event: Event, at: float) -> None:
        """Empties the journal down to `event`, which accounts for what it held. Ledger and notes stay. One step."""
        ...

    def paid(self, key: str) -> str | None:
        """The ledger entry under `key`, if it was paid for."""
        ...

    def events(self) -> Iterator[tuple[float, Event]]:
        """The journal from the start, with the time of each event."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """The plain JSON settings the run was created with; empty for a new run."""
        ...

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Merges `settings` into the run's settings."""
        ...

    def close(self) -> None: ...


class Observer(Protocol):
    """Called after each event was stored and folded. Must return quickly; one that raises is called no more."""

    def __call__(self, event: Event, pool: Pool, at: float) -> None: ...
