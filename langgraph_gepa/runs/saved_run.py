"""`SavedRun`: a run as its folder holds it, that is its config, its journal and the pool that follows from both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.observed.sightings import Sightings, seen, updated
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import Event, RolloutFinished
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Reply, Store
from langgraph_gepa.errors import RunError
from langgraph_gepa.runs.config import RunConfig, load_config
from langgraph_gepa.runs.resume import listed, masked_sets, started_with
from langgraph_gepa.runs.same_again import example_sets, repetition
from langgraph_gepa.runs.signature import is_own
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE, open_run
from langgraph_gepa.store.integrity import coherent, require_known, sound

PAGE = "report.html"
PROMPTS = "prompts.json"

_NO_SETTINGS = frozenset(
    {
        "found", "examples", "spec", "fingerprint", "parts", "budget", "demo", "checkout", "leakage",
        "loads", "start",
    }
)  # fmt: skip
"""Fields of `RunConfig` that a person is not shown among the settings."""


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run read from its folder, finished or not; nothing is locked or written.

    `masked` names the sets whose examples are not kept as they were given. `own` says whether this user started the run
    on this machine; what somebody else's run says is not trusted. Rollouts that failed have the score that counts.
    `chosen` is the number of a candidate that the user prefers to the best.
    """

    folder: Path
    config: RunConfig
    events: Sequence[tuple[float, Event]]
    pool: Pool
    masked: tuple[str, ...] = ()
    own: bool = False
    chosen: int | None = None

    @classmethod
    def open(cls, folder: Path | str) -> SavedRun:
        """Reads the run in `folder`. Raises `RunError` when there is none or it cannot be read."""
        if not str(folder).strip():  # as a path it would be the working directory
            raise RunError(f"{str(folder)!r} is the folder of no run: give its path, such as 'runs/first'.")
        with closing(_reader(folder)) as store:
            config, settings = load_config(store), store.settings()
            masked, own = masked_sets(config, started_with(settings)), is_own(settings)
            events = list(store.events())
        with _located(folder):
            pool = replay(config, (event for _, event in events))
        return cls(Path(folder), config, _settled(events, pool.scale), pool, masked, own)

    @property
    def best(self) -> Candidate:
        """The candidate that does best on the validation examples, as far as they were run (see `Pool.worths`).

        Raises `RunError` before the graph as it is has been scored.
        """
        if not self.pool.candidates:
            raise RunError(
                f"Nothing was scored in {self.folder} yet, so there are no better prompts. Start or resume the run."
            )
        return self.pool.best if self.chosen is None else self.pool.candidates[self.chosen]

    @property
    def prompts(self) -> Texts:
        """The best candidate's texts by module name."""
        return self.best.texts

    @property
    def sets(self) -> dict[str, Any]:
        """The sets of examples to go on with, as `optimize` takes them.

        They are as they are kept; where a mask hid something, they are read again from where they were named. Raises
        `RunError` where such a set was given as objects.
        """
        config = self.config
        if not self.masked:
            return {**config.sets, "test": config.examples.test or None, **config.sources}
        named = config.spec.get("sets", {})
        if lost := [name for name in self.masked if name not in named]:
            raise RunError(
                f"The mask of this run hid something in its {listed(lost)} examples, and what it hid is not kept. "
                f"Go on by the same call with the same examples: `optimize(..., run={str(self.folder)!r})`, or "
                f"`langgraph-gepa optimize` with --run {self.folder}."
            )
        return {**config.sets, "test": config.examples.test or None, **named}

    @contextmanager
    def rollouts(self) -> Iterator[Callable[[str], Rollout | None]]:
        """Gives a function from the ledger key of a `RolloutFinished` to the whole rollout."""
        with closing(_reader(self.folder)) as store:

            def rollout(key: str) -> Rollout | None:
                paid = store.paid(key)
                with _located(self.folder):
                    return None if paid is None else self.pool.scale.settled(sound(load(Rollout, paid)))

            yield rollout

    @contextmanager
    def replies(self) -> Iterator[Callable[[str], str | None]]:
        """Gives a function from the ledger key of a `ReflectionFinished` to the text of the reply."""
        with closing(_reader(self.folder)) as store:

            def reply(key: str) -> str | None:
                paid = store.paid(key)
                with _located(self.folder):
                    return None if paid is None else load(Reply, paid).text

            yield reply

    def observed_modules(self) -> tuple[Module, ...]:
        """The graph's modules with what the run observed of them.

        Those whose text reached a model in a rollout of the graph as it was are `seen`, and those that were left out of
        the search have the reason.
        """
        if self.pool.started is None:
            return self.config.found
        with self.rollouts() as load:
            rollouts = filter(None, map(load, seed_rollouts(event for _, event in self.events)))
            evidence = seen((call for rollout in rollouts for call in rollout.calls), self.config.found)
        return tuple(updated(self.config.found, Sightings(evidence, no_effect=self.pool.left_out)))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the run as plain data to show, without the examples and the modules."""
        names = [field.name for field in fields(RunConfig) if field.name not in _NO_SETTINGS]
        return {
            "run": str(self.folder),
            **{name: getattr(self.config, name) for name in names},
            "budget": asdict(self.config.budget),
            "models": self.config.parts.get("the models", ""),
            "sets": example_sets(self.config),
            "repeat": repetition(self.config),
        }


def read_settings(folder: Path) -> tuple[Mapping[str, Any], RunConfig] | None:
    """Reads the settings and the config of the run in `folder`, without its journal.

    `None` where there is no run or one that was killed before it began. Raises `RunError` where it cannot be read.
    """
    if not (folder / DATABASE).is_file():
        return None
    with closing(_reader(folder)) as store:
        settings = store.settings()
        return (settings, load_config(store)) if "asked" in settings else None


def modules_in(place: Any, *, only_own: bool = False) -> tuple[Module, ...]:
    """The modules that a run started from, given its folder or its prompts.json; none where there is no run.

    With `only_own` there are none of a run that somebody else started. A run that cannot be read has none here either:
    it is reported when it is opened.
    """
    if not isinstance(place, str | Path):
        return ()
    try:
        found = read_settings(Path(place) if Path(place).is_dir() else Path(place).parent)
    except RunError:
        return ()
    return found[1].found if found and (is_own(found[0]) or not only_own) else ()


def examples_in(place: Path | str | None, sources: Mapping[str, str]) -> Examples | None:
    """The examples of the run in a folder, if it read some from the same `sources` in LangSmith.

    `None` where there is no such run, and for one whose mask hid something of its examples.
    """
    found = read_settings(Path(place)) if sources and place is not None else None
    if found is None:
        return None
    settings, config = found
    same = config.sources == sources and not masked_sets(config, started_with(settings))
    return config.examples if same else None


def seed_rollouts(events: Iterable[Event]) -> list[str]:
    """The ledger keys of the rollouts that scored the graph as it was."""
    return [
        event.ledger
        for event in events
        if isinstance(event, RolloutFinished) and event.iteration == 0 and event.subset == "pareto"
    ]


def replay(config: RunConfig, events: Iterable[Event]) -> Pool:
    """Folds the events of a run into its pool. Raises `RunError` where they do not fit together or to `config`."""
    pool = Pool.replay(coherent(events))
    if pool.started is not None:
        require_known(pool.started.seed, {module.name for module in config.found}, "module")
        sets = (pool.started.feedback_set, pool.started.pareto_set, pool.started.test_set)
        for started, given in zip(sets, config.sets.values(), strict=True):
            require_known(started, {example.id for example in given}, "example")
    return pool


def _settled(events: Iterable[tuple[float, Event]], scale: MetricScale) -> list[tuple[float, Event]]:
    """Gives rollouts that failed the score that counts."""
    return [
        (at, replace(event, score=scale.failure_score))
        if isinstance(event, RolloutFinished) and event.error is not None
        else (at, event)
        for at, event in events
    ]


def _reader(folder: Path | str) -> Store:
    return open_run(folder, create=False, read_only=True)


@contextmanager
def _located(folder: Path | str) -> Iterator[None]:
    """Names the run's folder in a `RunError`."""
    try:
        yield
    except RunError as error:
        raise RunError(f"{folder}: {error}") from error.__cause__
