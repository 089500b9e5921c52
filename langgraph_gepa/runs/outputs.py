"""The best output a run has seen for each task: search at inference time, where the prompts are but the means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import (
    ChildrenProposed,
    Event,
    IterationStarted,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Reply, Store
from langgraph_gepa.errors import RunError
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.runs.strings import SEARCHES
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA
from langgraph_gepa.search.turn import Turn
from langgraph_gepa.store.folder import open_run

if TYPE_CHECKING:
    from langgraph_gepa.runs.result import Result
    from langgraph_gepa.runs.run import SavedRun

_DECISIONS = (IterationStarted, ModulesChosen, ReflectionFinished, ChildrenProposed)


@dataclass(frozen=True, slots=True)
class Found:
    """The best rollout of one task.

    `output` is the graph's final state as plain JSON data, `None` when no rollout came through, and `score` what
    the metric gave to this very output. `prompts` are the texts that made it, by module name, and `candidate`
    is their number in the pool: `None` for texts that were tried and not admitted. Of those `prompts` is
    `None` too where rules of the user's own made them.
    """

    output: Any
    score: float
    candidate: int | None
    prompts: Texts | None


@dataclass(frozen=True, eq=False)
class Outputs(Mapping[str, Found]):
    """What a run found, by task id, in the order the tasks were given; a task no rollout ended on is missing.

    Tasks are the training and the validation examples; one that is in both sets is one task. Of two different
    ones with the same id the second gets `-2` after it, as within a set. Held-out examples are no tasks.
    """

    result: Result
    _found: Mapping[str, Found] = field(repr=False)

    @classmethod
    def of(cls, result: Result) -> Outputs:
        """Reads the journal once, and of the ledger one rollout a task, whatever the length of the run."""
        return cls(result, _best(result.saved))

    def __repr__(self) -> str:
        return f"{self.result!r}.outputs"

    def __getitem__(self, task: str) -> Found:
        return self._found[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _best(saved: SavedRun) -> dict[str, Found]:
    tasks = _tasks(saved.asked.examples)
    best: dict[str, RolloutFinished] = {}
    for _, event in saved.events:
        if isinstance(event, RolloutFinished) and event.subset != "test":
            task = tasks[event.subset == "feedback", event.example]
            if task not in best or _rank(event) > _rank(best[task]):
                best[task] = event
    with closing(open_run(saved.folder, create=False, read_only=True)) as store:
        known = texts_of(saved, store, {event.texts for event in best.values()})
        return {
            task: Found(_paid(Rollout, store, best[task].ledger).outputs, best[task].score, *known[best[task].texts])
            for task in dict.fromkeys(tasks.values())
            if task in best
        }


def _rank(event: RolloutFinished) -> tuple[bool, float]:
    """A failure scores 0 and has no output: any output is better, also where a metric goes below 0."""
    return event.error is None, event.score


def _tasks(examples: Examples) -> dict[tuple[bool, str], str]:
    """The task of an example: whether it is in the feedback set, and its id there, to an id among all tasks."""
    contents: dict[str, str] = {}
    tasks: dict[tuple[bool, str], str] = {}
    for feedback, given in ((True, examples.feedback), (False, examples.pareto)):
        for example in given:
            task, number, content = example.id, 2, example.digest
            while contents.setdefault(task, content) != content:
                task, number = f"{example.id}-{number}", number + 1
            tasks[feedback, example.id] = task
    return tasks


def texts_of(saved: SavedRun, store: Store, keys: set[str]) -> dict[str, tuple[int | None, Texts | None]]:
    """Number in the pool and texts for the keys of texts that were run; without a number where not admitted."""
    pool = saved.pool
    known: dict[str, tuple[int | None, Texts | None]] = {}
    for candidate in pool.candidates:
        known.setdefault(candidate.key, (candidate.id, candidate.texts))
    if pool.started is not None:  # a seed that is being scored is not admitted yet
        known.setdefault(texts_key(pool.started.seed), (None, pool.started.seed))
    missing = keys - known.keys()
    tried_in = {e.iteration for _, e in saved.events if isinstance(e, RolloutFinished) and e.texts in missing}
    decided: dict[int, list[Event]] = {}
    for _, event in saved.events if missing else ():
        if isinstance(event, _DECISIONS) and event.iteration in tried_in:
            decided.setdefault(event.iteration, []).append(event)
    for number, events in decided.items():
        for texts in _tried(saved, store, number, events):
            known.setdefault(texts_key(texts), (None, texts))
    return {**dict.fromkeys(missing, (None, None)), **known}


def _tried(saved: SavedRun, store: Store, number: int, events: Sequence[Event]) -> Iterator[Texts]:
    """The children an iteration tried."""
    parent = next(saved.pool.candidates[e.parents[0]].texts for e in events if isinstance(e, IterationStarted))
    for event in events:
        if isinstance(event, IterationStarted) and event.texts is not None:
            yield event.texts
        elif isinstance(event, ChildrenProposed):
            yield from ({**parent, **changed} for changed in event.children)
    if not any(isinstance(event, ChildrenProposed) for event in events):
        yield from _made_again(saved, store, number, events)


def _made_again(saved: SavedRun, store: Store, number: int, events: Sequence[Event]) -> Iterator[Texts]:
    """The children of an iteration of an older version, which did not note them: by the rules, of the replies."""
    chosen = next((event for event in events if isinstance(event, ModulesChosen)), None)
    if chosen is None:
        return
    replies: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, ReflectionFinished):
            replies.setdefault(event.module, []).append(_paid(Reply, store, event.ledger).text)
    parent = saved.pool.candidates[chosen.parent].texts
    proposed = {name: parse_reply(said[-1], parent[name]).text for name, said in replies.items()}
    changed = {name: text for name, text in proposed.items() if text is not None}
    # A text that may not be used is returned once, and left out when the next may not be used either.
    returned = [name for name in changed if len(replies[name]) > 1]
    rules = SEARCHES.get(saved.asked.search, GEPA)
    for count in range(len(returned) + 1):
        for left_out in combinations(returned, count):
            kept = {name: text for name, text in changed.items() if name not in left_out}
            yield from rules.children(Turn(Pool(), number, saved.asked.seed), parent, kept)


def _paid(kind: type[Any], store: Store, key: str) -> Any:
    """A ledger entry that the journal tells of; both were written at once."""
    body = store.paid(key)
    if body is None:
        raise RunError(f"The run has lost the ledger entry {key}, so it is damaged. Go on from a copy of its folder.")
    return load(kind, body)
