"""Finds the best output of a run for each task, as in a search at inference time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from typing import Any

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
from langgraph_gepa.runs.arguments import SEARCHES
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA
from langgraph_gepa.search.turn import Turn
from langgraph_gepa.store.folder import open_run

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


def best_outputs(saved: SavedRun) -> dict[str, Found]:
    """Finds the best rollout of every task, by task id.

    Reads the journal once and one rollout a task from the ledger, whatever the length of the run.
    """
    tasks = _tasks(saved.config.examples)
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
    """A failure has no output: any output is better, whatever it scores."""
    return event.error is None, event.score


def _tasks(examples: Examples) -> dict[tuple[bool, str], str]:
    """Maps an example, by whether it is in the feedback set and its id there, to the id of its task."""
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
    """Finds the number in the pool and the texts for the keys of texts that were run.

    Texts that were not admitted to the pool have no number.
    """
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
        for texts in _children_of(saved, store, number, events):
            known.setdefault(texts_key(texts), (None, texts))
    return {**dict.fromkeys(missing, (None, None)), **known}


def _children_of(saved: SavedRun, store: Store, number: int, events: Sequence[Event]) -> Iterator[Texts]:
    """Yields the texts of the children that an iteration tried."""
    parent = next(saved.pool.candidates[e.parents[0]].texts for e in events if isinstance(e, IterationStarted))
    for event in events:
        if isinstance(event, IterationStarted) and event.texts is not None:
            yield event.texts
        elif isinstance(event, ChildrenProposed):
            yield from ({**parent, **changed} for changed in event.children)
    if not any(isinstance(event, ChildrenProposed) for event in events):
        yield from _made_again(saved, store, number, events)


def _made_again(saved: SavedRun, store: Store, number: int, events: Sequence[Event]) -> Iterator[Texts]:
    """Makes the children of an iteration again, from its replies, where an older version did not journal them."""
    chosen = next((event for event in events if isinstance(event, ModulesChosen)), None)
    if chosen is None:
        return
    replies: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, ReflectionFinished):
            replies.setdefault(event.module, []).append(_paid(Reply, store, event.ledger).text)
    parent = saved.pool.candidates[chosen.parent].texts
    proposed = {name: parse_reply(texts[-1], parent[name]).text for name, texts in replies.items()}
    changed = {name: text for name, text in proposed.items() if text is not None}
    # A text that may not be used is returned once, and left out when the next may not be used either.
    returned = [name for name in changed if len(replies[name]) > 1]
    rules = SEARCHES.get(saved.config.search, GEPA)
    for count in range(len(returned) + 1):
        for left_out in combinations(returned, count):
            kept = {name: text for name, text in changed.items() if name not in left_out}
            yield from rules.children(Turn(Pool(), number, saved.config.seed), parent, kept)


def _paid(kind: type[Any], store: Store, key: str) -> Any:
    """Reads a ledger entry that the journal names; both were written at once."""
    body = store.paid(key)
    if body is None:
        raise RunError(f"The run has lost the ledger entry {key}, so it is damaged. Go on from a copy of its folder.")
    return load(kind, body)
