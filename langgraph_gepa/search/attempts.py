"""The children that iterations tried and how they scored, which the pool keeps and reflections learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.events import ChildrenProposed, Event, IterationStarted
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.opinion import chances
from langgraph_gepa.search.tally import average

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""By candidate's key and example the scores of its rollouts."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A child that was tried: its parent's texts, those it changed, and the mean scores of both.

    The scores are over the `examples` that both were run on: on the pareto set if there are any, otherwise on the
    records that the child was screened on. `chances` are what the critic gave the changed texts.
    """

    key: str
    parent: Texts
    changed: Texts
    before: float
    after: float
    examples: int
    chances: tuple[float, ...] = ()

    def edit(self, module: str) -> Edit:
        return Edit(
            self.parent[module], self.changed[module], self.before, self.after, self.examples, len(self.changed) - 1
        )


def attempts_of(events: Iterable[Event], parent: Candidate, pareto: Scores, feedback: Scores) -> Iterator[Attempt]:
    """Yields an attempt for each child that an iteration proposed, without those that were never run."""
    for event in (event for event in events if isinstance(event, ChildrenProposed)):
        for changed in event.children:
            key = texts_key({**parent.texts, **changed})
            for known in (pareto, feedback):
                before, after = known.get(parent.key, {}), known.get(key, {})
                shared = [example for example in after if example in before]
                if shared:
                    old, new = _mean(before, shared), _mean(after, shared)
                    given = chances(event.opinions, changed)
                    yield Attempt(key, parent.texts, changed, old, new, len(shared), given)
                    break


def texts_tried(events: Iterable[Event], candidates: Sequence[Candidate]) -> Iterator[str]:
    """Yields the keys of the texts that an iteration under way tries."""
    parent: Texts = {}
    for event in events:
        if isinstance(event, IterationStarted):
            parent = candidates[event.parents[0]].texts
            if event.texts is not None:
                yield texts_key(event.texts)
        elif isinstance(event, ChildrenProposed):
            yield from (texts_key({**parent, **changed}) for changed in event.children)


def earlier_edits(attempts: Sequence[Attempt], module: str, text: str) -> list[Edit]:
    """Returns the edits of a module that were tried, without repetitions of a text and without `text`, its present one.

    The most relevant come first: edits of the present text, then edits that changed few other modules, then later ones.
    """
    edits = [attempt.edit(module) for attempt in reversed(attempts) if module in attempt.changed]
    nearest: dict[str, Edit] = {}
    for edit in sorted(edits, key=lambda edit: (edit.old != text, edit.others)):
        if edit.new != text:
            nearest.setdefault(edit.new, edit)
    return list(nearest.values())


def _mean(known: Mapping[str, Sequence[float]], examples: Sequence[str]) -> float:
    return fsum(average(known[example]) for example in examples) / len(examples)
