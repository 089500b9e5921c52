"""The interfaces that the engine needs: evaluator, reflection model, store, observer.

Each has a real adapter, a fake in `testing`, and tests of its contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.media import Medium
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.errors import Error
from langgraph_gepa.reflection.proposal import Ending
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.search.pool import Pool


class Unfinished(Exception):
    """Raised when a rollout did not finish because of `cause`.

    `go_on` only scores again what the graph did; the rollout that it returns has the cost of both. `stands` is the
    rollout that counts when retrying does not help: the candidate or the example may have caused the failure, as well
    as the world. `ended` says that the rollout finished in spite of `cause` and was scored: then there is no outage to
    wait for.
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

    @property
    def only_scoring(self) -> bool:
        """Whether the graph ran to its end, and only the metric is to be called again."""
        return self.go_on is not None


class Unanswered(Exception):
    """The reflection model refused one prompt, or kept failing at it, while it answered others."""


class Refused(Exception):
    """The world kept failing on one example, because of `cause`, while it was well with others."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"a rollout failed again and again: {type(cause).__name__}")
        self.cause = cause


class TooLong(Error):
    """A prompt is longer than the reflection model accepts; a shorter one may be accepted."""


class Evaluator(Protocol):
    """Runs candidates. A failure of the candidate is a rollout with `error`, whose score is the scale's;
    a failure of the world is raised, as it is or in an `Unfinished`. Must be safe to
    call many times at once."""

    @property
    def modules(self) -> tuple[Module, ...]:
        """The modules under optimisation, in round-robin order."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same texts on the same example could score differently (graph, metric)."""
        ...

    def check(self, module: str, text: str) -> str | None:
        """Returns why `text` cannot replace the module's (a lost placeholder), or `None` when it can."""
        ...

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        """Runs one rollout, and reports the usage of its model calls to `engine.meter.meter()` as they end."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer, and how it ended if the provider reports that."""

    text: str
    usage: Usage = Usage()
    seconds: float = 0.0
    ending: Ending = ""


class LanguageModel(Protocol):
    """The reflection model: a prompt in, a reply out. A failure of the world is raised, `TooLong` for
    a prompt that it does not take.

    Reports to `engine.meter.meter()` as an evaluator does. `longer` asks for a higher limit on the reply's
    length than usual, where the model has one that can be set. `media` are the pictures and files that the prompt
    names by number.
    """

    async def complete(self, prompt: str, *, longer: bool = False, media: Sequence[Medium] = ()) -> Reply: ...


class Proposer(Protocol):
    """The user's own way from records to a new text, in place of a reflection model.

    The reply is one fenced block or `NO CHANGE`, as a reflection model's. A failure of the world is raised; calls of
    models are reported as an evaluator reports them.
    """

    async def propose(self, module: Module, text: str, records: Sequence[Record]) -> Reply: ...


class Store(Protocol):
    """One run's memory: an append-only journal, and a ledger of everything paid for.

    Calls are synchronous, short and made from one thread. What a method was given is
    durable when it returns. `at` is seconds of running time since the run started.
    """

    def append(self, event: Event, at: float) -> None: ...

    def pay(self, key: str, value: str, event: Event, at: float) -> None:
        """Writes a ledger entry and the event that accounts for it, and deletes its note, in one transaction."""
        ...

    def note(self, key: str, usage: Usage) -> None:
        """Writes what the call under `key` has spent so far, in place of an earlier note. Survives the end of the
        process; a power cut may lose the last notes."""
        ...

    def notes(self) -> Mapping[str, Usage]:
        """Returns the notes of calls that were neither paid nor charged."""
        ...

    def charge(self, key: str, event: Event, at: float) -> None:
        """Writes the event that accounts for a call without a result, and deletes its note, in one transaction."""
        ...

    def restart(self, event: Event, at: float) -> None:
        """Replaces the journal by `event`, which accounts for its cost, in one transaction. Ledger and notes stay."""
        ...

    def paid(self, key: str) -> str | None:
        """Returns the ledger entry under `key`, or `None` if it was not paid for."""
        ...

    def events(self) -> Iterator[tuple[float, Event]]:
        """Yields the journal from the start, with the time of each event."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """Returns the plain JSON settings that the run was created with; empty for a new run."""
        ...

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Merges `settings` into the run's settings."""
        ...

    def close(self) -> None: ...


class Observer(Protocol):
    """Called after each event is stored and folded. Must return quickly; one that raises is not called again."""

    def __call__(self, event: Event, pool: Pool, at: float) -> None: ...
