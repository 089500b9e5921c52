"""A run as it stands in its folder: what it was asked, what happened, what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.observed.sightings import Sightings, seen, updated
from langgraph_gepa.core.events import Event, RolloutFinished
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.integrity import coherent, require_known, sound
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.errors import RunError
from langgraph_gepa.runs.config import Asked, asked_of, identity_of, is_own, listed, masked_sets
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE, open_run


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run read from its folder, finished or not; nothing is locked or written. `masked` names the sets whose
    examples are not as they were given. `own` says that this user started it on this machine: the words in it are
    the user's own then, and a stranger's otherwise."""

    folder: Path
    asked: Asked
    events: Sequence[tuple[float, Event]]
    pool: Pool
    masked: tuple[str, ...] = ()
    own: bool = False

    @classmethod
    def open(cls, folder: Path | str) -> SavedRun:
        """Raises `RunError` when there is no run in `folder` or it cannot be read."""
        store = open_run(folder, create=False, read_only=True)
        try:
            asked = asked_of(store)
            settings = store.settings()
            masked, own = masked_sets(asked, identity_of(settings)), is_own(settings)
            events = list(store.events())
            with _located(folder):
                pool = replayed(asked, (event for _, event in events))
        finally:
            store.close()
        return cls(Path(folder), asked, events, pool, masked, own)

    @property
    def sets(self) -> dict[str, Any]:
        """The sets to go on with, as `optimize` takes them: as they are kept or, where a mask hid something of them,
        as they were named, to be read again. Raises `RunError` where such a set was given as objects."""
        asked = self.asked
        if not self.masked:
            return {**asked.sets, "test": asked.examples.test or None, **asked.sources}
        named = asked.spec.get("sets", {})
        if lost := [name for name in self.masked if name not in named]:
            raise RunError(
                f"The mask of this run hid something in its {listed(lost)} examples, and what it hid is not kept. "
                f"Go on by the same call with the same examples: `optimize(..., run={str(self.folder)!r})`, or "
                f"`langgraph-gepa optimize` with --run {self.folder}."
            )
        return {**asked.sets, "test": asked.examples.test or None, **named}

    @contextmanager
    def rollouts(self) -> Iterator[Callable[[str], Rollout | None]]:
        """The way from the ledger key of a `RolloutFinished` to the whole rollout."""
        store = open_run(self.folder, create=False, read_only=True)

        def rollout(key: str) -> Rollout | None:
            paid = store.paid(key)
            with _located(self.folder):
                return None if paid is None else sound(load(Rollout, paid))

        try:
            yield rollout
        finally:
            store.close()

    def found(self) -> tuple[Module, ...]:
        """The graph's modules; those whose text reached a model in a rollout of the graph as it was are `seen`, and
        those that were left out of the search have the reason."""
        if self.pool.started is None:
            return self.asked.found
        with self.rollouts() as load:
            rollouts = filter(None, map(load, seed_rollouts(event for _, event in self.events)))
            shown = seen((call for rollout in rollouts for call in rollout.calls), self.asked.found)
        return tuple(updated(self.asked.found, Sightings(shown, no_effect=self.pool.left_out)))

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked, as plain data to show: everything but the examples and the modules."""
        shown = {f.name: getattr(self.asked, f.name) for f in fields(Asked)}
        hidden = (
            "found",
            "modules",
            "examples",
            "spec",
            "fingerprint",
            "parts",
            "budget",
            "demo",
            "checkout",
            "leakage",
            "loads",
        )
        return {
            "run": str(self.folder),
            **{name: value for name, value in shown.items() if name not in hidden},
            "budget": asdict(self.asked.budget),
        }


def found_in(place: Any, *, only_own: bool = False) -> tuple[Module, ...]:
    """The modules that the run in a folder started from; of its prompts.json too. None where there is no run, or one
    that was killed before it began, or with `only_own` one that somebody else started; what else is wrong with the run
    is for whoever opens it to say."""
    if not isinstance(place, str | Path):
        return ()
    folder = Path(place) if Path(place).is_dir() else Path(place).parent
    if not (folder / DATABASE).is_file():
        return ()
    try:
        store = open_run(folder, create=False, read_only=True)
    except RunError:
        return ()
    try:
        settings = store.settings()
        return asked_of(store).found if "asked" in settings and (is_own(settings) or not only_own) else ()
    finally:
        store.close()


def examples_in(place: Any, sources: Mapping[str, str]) -> Examples | None:
    """The examples of the run in a folder, when it read some from the same `sources` in LangSmith, where data sets and
    projects go on changing. None where there is no such run, and for one whose mask hid something of its examples."""
    folder = Path(place or "")
    if not sources or place is None or not (folder / DATABASE).is_file():
        return None
    store = open_run(folder, create=False, read_only=True)
    try:
        settings = store.settings()
        asked = asked_of(store) if "asked" in settings else None
    finally:
        store.close()
    if asked is None or asked.sources != sources or masked_sets(asked, identity_of(settings)):
        return None
    return asked.examples


def seed_rollouts(events: Iterable[Event]) -> list[str]:
    """The ledger keys of the rollouts that scored the graph as it was."""
    return [
        event.ledger
        for event in events
        if isinstance(event, RolloutFinished) and event.iteration == 0 and event.subset == "pareto"
    ]


@contextmanager
def _located(folder: Path | str) -> Iterator[None]:
    """Says which run's folder cannot be used."""
    try:
        yield
    except RunError as error:
        raise RunError(f"{folder}: {error}") from error.__cause__


def replayed(asked: Asked, events: Iterable[Event]) -> Pool:
    """The pool of a run whose events fit together and what it was asked. Raises `RunError`."""
    pool = Pool.replay(coherent(events))
    if pool.started is not None:
        require_known(pool.started.seed, {module.name for module in asked.found}, "module")
        sets = (pool.started.feedback_set, pool.started.pareto_set, pool.started.test_set)
        for started, given in zip(sets, asked.sets.values(), strict=True):
            require_known(started, {example.id for example in given}, "example")
    return pool
