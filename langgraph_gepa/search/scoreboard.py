"""The scores of a run's rollouts by set, candidate and example, and the frontier that follows from them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import fsum
from typing import TYPE_CHECKING

from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.search.frontier import Frontier
from langgraph_gepa.search.tally import Tally, average

if TYPE_CHECKING:
    from langgraph_gepa.search.algebra import Array

Scores = dict[str, dict[str, list[float]]]
"""By candidate's key and example the scores of its rollouts, in the order they were paid for."""


@dataclass(slots=True)
class Scoreboard:
    """Updated with every rollout and every candidate.

    A rollout that failed has the failure score of `scale`, which becomes lower as lower scores are seen. `set_aside`
    holds by set the examples on which the world kept failing, with the failure; they count as if they had never been in
    the set. `ran` counts the rollouts of all candidates by feedback example. `keys` are by candidate the key of its
    texts, and `ids` by key its candidates. `version` changes with whatever the posterior depends on.
    """

    pareto: Scores = field(default_factory=dict)
    feedback: Scores = field(default_factory=dict)
    tests: Scores = field(default_factory=dict)
    scale: MetricScale = field(default_factory=MetricScale)
    set_aside: dict[Subset, dict[str, str]] = field(default_factory=dict)
    ran: Counter[str] = field(default_factory=Counter)
    frontier: Frontier = field(default_factory=Frontier)
    tally: Tally = field(default_factory=Tally)
    keys: list[str] = field(default_factory=list)
    ids: dict[str, list[int]] = field(default_factory=dict)
    version: int = field(default=0, compare=False)
    _means: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    _failures: list[tuple[RolloutFinished, int]] = field(default_factory=list, repr=False, compare=False)

    def begin(self, pareto_set: tuple[str, ...]) -> None:
        """Sets the examples that are counted, in their order."""
        self.frontier.places = {example: place for place, example in enumerate(pareto_set)}

    def of(self, subset: Subset) -> Scores:
        return {"pareto": self.pareto, "feedback": self.feedback, "test": self.tests, "gate": {}}[subset]

    def scores(self, key: str) -> dict[str, float]:
        """Returns the score by pareto example that these texts ran on; the mean if they ran repeatedly."""
        known = self.pareto.get(key, {})
        return {example: average(known[example]) for example in self.frontier.places if example in known}

    def mean(self, key: str) -> float:
        """Returns the mean over the pareto examples that they ran on; the lowest score there is when there are none."""
        if key not in self._means:
            scores = self.scores(key)
            if not scores:
                return self.scale.range[0]
            self._means[key] = fsum(scores.values()) / len(scores)
        return self._means[key]

    def tables(self) -> tuple[Array, Array]:
        """Returns sums and counts of the scores, shape (candidates, pareto examples). The next call overwrites them."""
        return self.tally.tables(self.keys, len(self.frontier.places))

    def admit(self, key: str) -> None:
        """Adds the next candidate, with the scores that its texts have."""
        id = len(self.keys)
        self.frontier.wins.append(0)
        self.keys.append(key)
        self.ids.setdefault(key, []).append(id)
        self.version += 1
        for example, scores in self.pareto.get(key, {}).items():
            self.frontier.enter(example, id, average(scores))

    def add(self, event: RolloutFinished) -> None:
        failed = event.error is not None
        if event.subset != "test":  # what held-out examples score must not steer a search that goes on
            self.rescale(self.scale.after(event.score, failed=failed))
        if event.subset == "gate" or event.example in self.set_aside.get(event.subset, ()):
            return
        score = self.scale.failure_score if failed else event.score
        scores = self.of(event.subset).setdefault(event.texts, {}).setdefault(event.example, [])
        scores.append(score)
        if failed:
            self._failures.append((event, len(scores) - 1))
        if event.subset == "feedback":
            self.ran[event.example] += 1
        elif event.subset == "pareto":
            self._changed(event.texts)
            places = self.frontier.places
            self.tally.add(event.texts, places[event.example], score, len(places))
            if len(scores) > 1:
                self._refresh(event.example)
            for id in self.ids.get(event.texts, ()) if len(scores) == 1 else ():
                self.frontier.enter(event.example, id, score)

    def rescale(self, scale: MetricScale) -> None:
        """Takes over the scale, and gives the rollouts that failed their score on it."""
        before, self.scale = self.scale, scale
        self.version += scale.range != before.range
        for event, number in self._failures if scale.failure_score != before.failure_score else ():
            scores = self.of(event.subset)[event.texts][event.example]
            failed, scores[number] = scores[number], scale.failure_score
            if event.subset == "pareto":
                self._changed(event.texts)
                place = self.frontier.places[event.example]
                self.tally.change(event.texts, place, failed, scale.failure_score)
                self._refresh(event.example)

    def leave_out(self, subset: Subset, example: str, failure: str) -> None:
        """Sets an example aside, with all scores on it."""
        self.set_aside.setdefault(subset, {})[example] = failure
        for scores in self.of(subset).values():
            scores.pop(example, None)
        self._failures = [(e, n) for e, n in self._failures if (e.subset, e.example) != (subset, example)]
        if subset == "pareto":
            self._count_again(tuple(other for other in self.frontier.places if other != example))

    def _count_again(self, pareto_set: tuple[str, ...]) -> None:
        """Counts the scores on the pareto set anew, after an example has left it."""
        self.frontier, self.tally = Frontier(wins=[0] * len(self.keys)), Tally()
        self.begin(pareto_set)
        self._means.clear()
        self.version += 1
        for key, by_example in self.pareto.items():
            for example, scores in by_example.items():
                for score in scores:
                    self.tally.add(key, self.frontier.places[example], score, len(pareto_set))
        for example in pareto_set:
            self._refresh(example)

    def _changed(self, key: str) -> None:
        self._means.pop(key, None)
        self.version += 1

    def _refresh(self, example: str) -> None:
        known = ((key, self.pareto.get(key, {}).get(example)) for key in self.ids)
        scores = ((id, average(scores)) for key, scores in known if scores for id in self.ids[key])
        self.frontier.refresh(example, scores)
