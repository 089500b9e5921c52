"""The pool: all candidates and what is known of them, folded from events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import fsum
from statistics import mean

from langgraph_gepa.search.budget import Spent
from langgraph_gepa.search.candidate import Candidate
from langgraph_gepa.search.events import (
    CandidateAdmitted,
    Charged,
    Event,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
    RunFinished,
    RunStarted,
)


@dataclass(slots=True)
class Pool:
    """A fold of events: `apply` each one, in order. Nothing else changes it.

    `pareto`, `feedback` and `tests` map a candidate's key to example id to the scores of its
    rollouts there, in the order they were paid for. `open` holds what has happened so far in
    each iteration under way. `merge_due` says that a mutation was accepted since the last start.
    """

    started: RunStarted | None = None
    finished: RunFinished | None = None
    candidates: list[Candidate] = field(default_factory=list)
    pareto: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    feedback: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    tests: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    pointers: list[int] = field(default_factory=list)
    spent: Spent = Spent()
    iterations: int = 0
    open: dict[int, list[Event]] = field(default_factory=dict)
    merges: list[IterationStarted] = field(default_factory=list)
    merge_due: bool = False
    _ids: dict[str, list[int]] = field(default_factory=dict, repr=False)
    _keys: list[str] = field(default_factory=list, repr=False)
    _frontier: dict[str, tuple[float, set[int]]] = field(default_factory=dict, repr=False)
    _means: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Pool:
        pool = cls()
        for event in events:
            pool.apply(event)
        return pool

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules under optimisation, in round-robin order."""
        return tuple(self.started.seed) if self.started else ()

    @property
    def pareto_set(self) -> tuple[str, ...]:
        return self.started.pareto_set if self.started else ()

    @property
    def frontier(self) -> dict[str, frozenset[int]]:
        """Per pareto example the candidates with the best score on it, ties included (Alg. 2)."""
        return {example: frozenset(ids) for example, (_, ids) in self._frontier.items()}

    @property
    def accepted_merges(self) -> int:
        return sum(len(candidate.parents) == 2 for candidate in self.candidates)

    @property
    def best(self) -> Candidate:
        """The candidate with the best mean on the pareto set; the earliest of equals."""
        return max(self.candidates, key=lambda candidate: (self.mean(candidate), -candidate.id))

    def scores(self, candidate: Candidate) -> dict[str, float]:
        """The candidate's score per pareto example it was run on (means where it was run repeatedly)."""
        known = self.pareto.get(self._keys[candidate.id], {})
        return {example: _mean(known[example]) for example in self.pareto_set if example in known}

    def mean(self, candidate: Candidate) -> float:
        """The mean over the pareto examples it was run on; 0 when there are none."""
        key = self._keys[candidate.id]
        if key not in self._means:
            scores = self.scores(candidate)
            self._means[key] = fsum(scores.values()) / len(scores) if scores else 0.0
        return self._means[key]

    def ancestors(self, id: int) -> set[int]:
        """Ids of everything the candidate descends from, itself not included."""
        found: set[int] = set()
        queue = list(self.candidates[id].parents)
        while queue:
            parent = queue.pop()
            if parent not in found:
                found.add(parent)
                queue.extend(self.candidates[parent].parents)
        return found

    def apply(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.started = event
            case IterationStarted():
                self._start(event)
            case ModulesChosen():
                if len(event.modules) == 1:
                    self.pointers[event.parent] = (self.modules.index(event.modules[0]) + 1) % len(self.modules)
            case RolloutFinished():
                self._score(event)
            case ReflectionFinished():
                self.spent = replace(
                    self.spent,
                    reflections=self.spent.reflections + 1,
                    reflection=self.spent.reflection + event.usage,
                )
            case Charged():
                self.spent = replace(self.spent, lost=self.spent.lost + event.usage)
            case CandidateAdmitted():
                self._admit(event.candidate)
            case IterationFinished():
                self._finish(event)
            case RunFinished():
                self.finished = event
        self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, RunStarted | RunFinished | IterationFinished | Charged):
            return
        if not (isinstance(event, RolloutFinished) and event.subset == "test"):
            self.open.setdefault(event.iteration, []).append(event)

    def _start(self, event: IterationStarted) -> None:
        self.finished = None
        self.iterations = max(self.iterations, event.iteration)
        self.merge_due = False
        if len(event.parents) == 2:
            self.merges.append(event)

    def _finish(self, event: IterationFinished) -> None:
        opened = self.open.pop(event.iteration, [])
        self.spent = replace(self.spent, iterations=self.spent.iterations + (event.iteration > 0))
        mutated = any(isinstance(e, CandidateAdmitted) and len(e.candidate.parents) == 1 for e in opened)
        if mutated:
            self.merge_due = True

    def _score(self, event: RolloutFinished) -> None:
        test = event.subset == "test"
        self.spent = replace(
            self.spent,
            rollouts=self.spent.rollouts + (not test),
            tests=self.spent.tests + test,
            graph=self.spent.graph + event.usage,
        )
        if event.subset == "gate":
            return
        known = {"pareto": self.pareto, "feedback": self.feedback, "test": self.tests}[event.subset]
        known.setdefault(event.texts, {}).setdefault(event.example, []).append(event.score)
        if event.subset == "pareto":
            self._means.pop(event.texts, None)
            if event.texts in self._ids:
                self._refresh(event.example)

    def _admit(self, candidate: Candidate) -> None:
        if candidate.id != len(self.candidates):
            raise ValueError(f"candidate {candidate.id} admitted where {len(self.candidates)} is next")
        self.candidates.append(candidate)
        self.pointers.append(max((self.pointers[parent] for parent in candidate.parents), default=0))
        key = candidate.key
        self._keys.append(key)
        self._ids.setdefault(key, []).append(candidate.id)
        for example, scores in self.pareto.get(key, {}).items():
            self._enter(example, candidate.id, _mean(scores))

    def _enter(self, example: str, id: int, score: float) -> None:
        best = self._frontier.get(example)
        if best is None or score > best[0]:
            self._frontier[example] = (score, {id})
        elif score == best[0]:
            best[1].add(id)

    def _refresh(self, example: str) -> None:
        self._frontier.pop(example, None)
        for key, ids in self._ids.items():
            scores = self.pareto.get(key, {}).get(example)
            if scores:
                for id in ids:
                    self._enter(example, id, _mean(scores))


def _mean(scores: list[float]) -> float:
    # `statistics.mean` rounds once: equal scores keep their value, and so their ties, however many they are.
    return scores[0] if len(scores) == 1 else mean(scores)
