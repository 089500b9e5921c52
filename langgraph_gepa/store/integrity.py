"""Checks a journal and its rollouts from a folder that anybody may have written, and refuses them if inconsistent.

The pool trusts the events that it folds, as if the engine had written them. An event with an unknown candidate, module
or example would lead to an error that explains nothing, or to unbounded memory and time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from langgraph_gepa.core import events as ev
from langgraph_gepa.core.bounded_json import require_numbers, require_texts
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import MOST_SET_ASIDE, Event, Subset
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.objectives import MOST
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.errors import RunError

MOST_SCORES = 20_000_000
"""Sets of texts, times the examples that each may be scored on: the pool keeps a place for every pair."""

MOST_OBJECTIVES = 10 * MOST
"""Names of objectives in a run: trade-offs are computed for each of them."""


def coherent(events: Iterable[Event]) -> Iterator[Event]:
    """Yields the events as long as each is consistent with those before it. Raises `RunError` otherwise."""
    known = _Known()
    for number, event in enumerate(events, 1):
        require_numbers(_numbers(event))
        if not known.fits(event):
            raise RunError(
                f"Event {number} of the run, {type(event).__name__}, does not fit those before it, so the run is "
                "damaged or was changed. Go on from a copy of its folder."
            )
        yield event


def sound(rollout: Rollout) -> Rollout:
    """Returns the rollout if the engine's fields are valid; the graph's may be any JSON data. Raises `RunError`."""
    require_numbers([asdict(rollout.usage), rollout.seconds, rollout.score, dict(rollout.feedback.objectives)])
    for call in rollout.calls:
        require_numbers([asdict(call.usage), call.seconds])
        messages = call.inputs if call.kind == "model" else []
        if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
            raise RunError("The run holds a model call whose messages are none, so it is damaged.")
    return rollout


def _numbers(event: Event) -> list[Any]:
    names = (
        "iteration", "parent", "score", "seconds", "before", "after", "repeated", "parents", "ran", "perfect",
        "failure",
    )  # fmt: skip
    found = [getattr(event, name, None) for name in names]
    found += getattr(event, "objectives", {}).values()
    usage = getattr(event, "usage", None)
    return found if usage is None else [*found, *asdict(usage).values()]


@dataclass(slots=True)
class _Known:
    """What the events so far have introduced."""

    modules: frozenset[str] | None = None
    left_out: set[str] = field(default_factory=set)
    sets: dict[Subset, frozenset[str]] = field(default_factory=dict)
    set_aside: set[tuple[Subset, str]] = field(default_factory=set)
    candidates: int = 0
    texts: set[str] = field(default_factory=set)
    objectives: set[str] = field(default_factory=set)

    def fits(self, event: Event) -> bool:
        if isinstance(event, ev.RunStarted):
            return self._begins(event)
        if isinstance(event, ev.ModulesLeftOut):
            self.left_out |= event.reasons.keys()
        if isinstance(event, ev.ScaleGiven | ev.GoalsGiven):
            return True
        if isinstance(event, ev.Charged | ev.ModelTried | ev.RolloutCarried | ev.ModulesLeftOut):
            return True
        if self.modules is None:
            return False
        match event:
            case ev.ExampleSetAside():
                return self._sets_aside(event)
            case ev.IterationStarted():
                return self._starts(event)
            case ev.ExamplesDrawn():
                return self.sets[event.subset].issuperset(event.examples)
            case ev.ModulesChosen():
                return (self.modules - self.left_out).issuperset(event.modules) and self._is_candidate(event.parent)
            case ev.RolloutFinished():
                return self._is_scored(event)
            case ev.ReflectionFinished():
                return event.module in self.modules
            case ev.ChildrenProposed():
                texts = (*event.children, event.refused, event.opinions)
                return all(map(self.modules.issuperset, texts)) and all(map(_is_opinion, event.opinions.values()))
            case ev.CandidateAdmitted():
                return self._admits(event.candidate)
            case ev.OpinionFinished() | ev.IterationFinished() | ev.RunFinished():
                return True

    def _begins(self, event: ev.RunStarted) -> bool:
        if self.modules is not None or not event.seed:
            return False
        self.modules = frozenset(event.seed)
        pareto = frozenset(event.pareto_set)
        self.sets = {
            "feedback": frozenset(event.feedback_set),
            "pareto": pareto,
            "gate": pareto,
            "test": frozenset(event.test_set),
        }
        return True

    def _sets_aside(self, event: ev.ExampleSetAside) -> bool:
        self.set_aside.add((event.subset, event.example))
        count = sum(subset == event.subset for subset, _ in self.set_aside)
        return event.example in self.sets[event.subset] and count <= MOST_SET_ASIDE * len(self.sets[event.subset])

    def _starts(self, event: ev.IterationStarted) -> bool:
        of = self.sets["feedback" if len(event.parents) == 1 else "pareto"]
        known = len(event.parents) in (1, 2) and all(map(self._is_candidate, event.parents))
        return known and of.issuperset(event.minibatch) and self._are_texts(event.texts) and self._over(event.ancestor)

    def _admits(self, candidate: Candidate) -> bool:
        known = len(candidate.parents) <= 2 and all(map(self._is_candidate, candidate.parents))
        first = candidate.id == self.candidates and bool(candidate.parents) == bool(self.candidates)
        self.candidates += 1
        return first and known and self._are_texts(candidate.texts) and self._over(candidate.ancestor)

    def _is_scored(self, event: ev.RolloutFinished) -> bool:
        self.texts.add(event.texts)
        self.objectives.update(event.objectives)
        few = len(self.texts) * len(self.sets["pareto"]) <= MOST_SCORES
        return few and len(self.objectives) <= MOST_OBJECTIVES and event.example in self.sets[event.subset]

    def _is_candidate(self, id: int) -> bool:
        return 0 <= id < self.candidates

    def _over(self, ancestor: int | None) -> bool:
        return ancestor is None or self._is_candidate(ancestor)

    def _are_texts(self, texts: Texts | None) -> bool:
        if texts is not None:
            require_texts(texts.values())
        return texts is None or frozenset(texts) == self.modules


def _is_opinion(opinion: Opinion) -> bool:
    return 0.0 <= opinion.chance <= 1.0


def require_known(named: Collection[str], known: Collection[str], what: str) -> None:
    """Raises `RunError` for a name of a `what` that the run does not have."""
    if unknown := sorted(set(named) - set(known)):
        raise RunError(f"The run names the {what} {unknown[0]!r}, and it has none of this name: it is damaged.")
