"""A run as people want to see it: pure data derived from its journal. The page, the terminal and `show` draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph_gepa.report import words
from langgraph_gepa.report.comparison import Comparison, LoadRollout, compare
from langgraph_gepa.report.intervals import Interval, estimate
from langgraph_gepa.report.progress import Iteration, Journal, iterations
from langgraph_gepa.search.advantage import Advantage, advantage
from langgraph_gepa.search.budget import Spent
from langgraph_gepa.search.candidate import Candidate, Origin
from langgraph_gepa.search.events import CandidateAdmitted, RunFinished
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.module import Module, Texts
from langgraph_gepa.search.overlap import Copy, copies
from langgraph_gepa.search.pool import Pool, average
from langgraph_gepa.search.selection import surviving

ENOUGH = 6
"""Pairs below which no verdict is given: fewer cannot reach 95 % in a sign test even when all agree."""

Conclusion = Literal["better", "worse", "unclear", "few", "same", "none"]


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate with what is known of it.

    `wins` counts the pareto examples on which no candidate scores higher; `frontier` says
    whether it survives pruning (Alg. 2). `score` is what candidates are compared by: the mean, or in a
    racing search, where not all are run on every example, the mean of the posterior, kept within the range of
    scores. `advantage` is over the seed; the seed has none. `rollouts` and `at` (seconds) tell when it was found.
    """

    id: int
    parents: tuple[int, ...]
    ancestor: int | None
    origin: Origin
    changed: tuple[str, ...]
    score: float
    scores: Mapping[str, float]
    advantage: Advantage | None
    wins: int
    frontier: bool
    rollouts: int
    at: float
    texts: Texts


@dataclass(frozen=True, slots=True)
class Standing:
    """How a candidate does on validation (the pareto set) and on held-out test: seed and best on the examples that
    both were run on, so that the change is what lies between them."""

    id: int
    validation: Interval | None
    test: Interval | None


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module from the seed's text to the best candidate's; `authors` wrote the versions between, the latest last."""

    module: Module
    seed: str
    best: str
    authors: tuple[int, ...]

    @property
    def changed(self) -> bool:
        return self.seed != self.best


@dataclass(frozen=True, slots=True)
class View:
    """A run, whatever its state. `seed`, `best` and the comparisons are `None` until the seed is scored.

    `settings` is as the run was created with; `ended` says why the search ended, `reason` the same in words. `curve`
    has a step (rollouts, score) for each time the best score rose, and ends with the rollouts spent. `line` is the
    best's ancestry from the seed to itself, both included. `copied` is what the best's texts repeat of single examples'
    reference outputs.
    """

    settings: Mapping[str, Any]
    ended: RunFinished | None
    seed: Standing | None
    best: Standing | None
    validation: Comparison | None
    test: Comparison | None
    candidates: tuple[CandidateView, ...]
    line: tuple[int, ...]
    curve: tuple[tuple[int, float], ...]
    frontier_score: float
    modules: tuple[ModuleView, ...]
    copied: tuple[Copy, ...]
    left_alone: tuple[Module, ...]
    iterations: tuple[Iteration, ...]
    pareto: int
    spent: Spent
    seconds: float

    @property
    def finished(self) -> bool:
        return self.ended is not None

    @property
    def reason(self) -> str:
        """Why the search ended, in words; empty while it has not."""
        if self.ended is None:
            return ""
        return words.ending(self.ended, self.settings.get("budget") or {}, self.spent, self.seconds)

    @property
    def estimated(self) -> bool:
        """Whether some scores are estimates: of candidates that were not run on the whole pareto set."""
        return any(len(candidate.scores) < self.pareto for candidate in self.candidates)

    @property
    def under_way(self) -> tuple[Iteration, ...]:
        return tuple(iteration for iteration in self.iterations if iteration.outcome is None)

    @property
    def changed(self) -> tuple[ModuleView, ...]:
        return tuple(module for module in self.modules if module.changed)

    @property
    def evidence(self) -> Comparison | None:
        """The comparison to judge by: on held-out test when there is one, or else on validation."""
        return self.test if self.test and self.test.changes else self.validation

    @property
    def advantage(self) -> Advantage | None:
        """That of the best candidate over the seed, its choice among many by the same scores allowed for."""
        return next((c.advantage for c in self.candidates if self.best and c.id == self.best.id), None)

    @property
    def verdict(self) -> Conclusion:
        """Whether the best candidate beats the seed, as far as 95 % intervals tell.

        Held-out examples are judged as they are. Of validation examples the best was chosen by, the difference
        flatters it, so its advantage is judged instead.
        """
        if self.evidence is None or self.evidence.difference is None:
            return "none"
        if self.best and self.best.id == 0:
            return "same"
        difference: Interval | Advantage = self.evidence.difference
        if self.evidence.difference.n < ENOUGH:
            return "few"
        if self.evidence.subset == "pareto" and self.advantage is not None:
            difference = self.advantage
        if difference.low > 0:
            return "better"
        return "worse" if difference.high < 0 else "unclear"


def summarize(
    journal: Journal,
    modules: Sequence[Module],
    settings: Mapping[str, Any],
    *,
    load: LoadRollout = lambda _: None,
    examples: Mapping[str, Sequence[Example]] | None = None,
    shown: int = 20,
) -> View:
    """The view of a run from its journal, its modules (those left alone may be among them) and its settings.

    Settings that are drawn: `run`, `metric`, `reflection_model`, `search`, `seed`, `budget`
    (as `Budget`'s fields), `simulated`, `mermaid`, and `graph`, a mapping of `name`, `nodes`
    (names) and `edges` (`[from, to, conditional]`). All may be missing. `load` gets the whole
    rollouts and `examples` the inputs of at most `shown` examples that got better and as many that got worse.
    """
    pool = Pool()
    found: dict[int, tuple[int, float]] = {}
    for at, event in journal:
        pool.apply(event)
        if isinstance(event, CandidateAdmitted):
            found[event.candidate.id] = (pool.spent.rollouts, at)
    seed, best = (pool.candidates[0], pool.best) if pool.candidates else (None, None)

    def compared(subset: Literal["pareto", "test"], ids: Sequence[str]) -> Comparison | None:
        if seed is None or best is None or not ids:
            return None
        by_id = {example.id: example for example in (examples or {}).get(subset, ())}
        return compare(journal, subset, ids, seed, best, load=load, examples=by_id, limit=shown)

    candidates = _candidates(pool, found)
    views = _modules(pool, modules, best)
    line = tuple(sorted({*pool.ancestors(best.id), best.id})) if best else ()
    return View(
        settings=settings,
        ended=pool.finished,
        seed=_standing(pool, seed, best),
        best=_standing(pool, best, seed),
        validation=compared("pareto", pool.pareto_set),
        test=compared("test", pool.started.test_set if pool.started else ()),
        candidates=candidates,
        line=line,
        curve=_curve(candidates, pool.spent.rollouts),
        frontier_score=_frontier_score(candidates),
        modules=views,
        copied=_copied(views, modules, examples or {}),
        left_alone=tuple(module for module in modules if module.name not in pool.modules),
        iterations=iterations(journal),
        pareto=len(pool.pareto_set),
        spent=pool.spent,
        seconds=journal[-1][0] if journal else 0.0,
    )


def _candidates(pool: Pool, found: Mapping[int, tuple[int, float]]) -> tuple[CandidateView, ...]:
    kept = surviving(pool)
    scores = pool.estimates
    return tuple(
        CandidateView(
            id=candidate.id,
            parents=candidate.parents,
            ancestor=candidate.ancestor,
            origin=candidate.origin,
            changed=_rewritten(pool, candidate),
            score=scores[candidate.id],
            scores=pool.scores(candidate),
            advantage=advantage(pool, candidate.id) if candidate.parents else None,
            wins=pool.wins[candidate.id].bit_count(),
            frontier=candidate.id in kept,
            rollouts=found[candidate.id][0],
            at=found[candidate.id][1],
            texts=candidate.texts,
        )
        for candidate in pool.candidates
    )


def _rewritten(pool: Pool, candidate: Candidate) -> tuple[str, ...]:
    """Modules whose text differs from the first parent's."""
    if not candidate.parents:
        return ()
    parent = pool.candidates[candidate.parents[0]]
    return tuple(name for name in pool.modules if candidate.texts[name] != parent.texts[name])


def _curve(candidates: Sequence[CandidateView], rollouts: int) -> tuple[tuple[int, float], ...]:
    steps: list[tuple[int, float]] = []
    for candidate in sorted(candidates, key=lambda candidate: (candidate.rollouts, candidate.id)):
        if not steps or candidate.score > steps[-1][1]:
            steps.append((candidate.rollouts, candidate.score))
    return (*steps, (rollouts, steps[-1][1])) if steps and steps[-1][0] < rollouts else tuple(steps)


def _frontier_score(candidates: Sequence[CandidateView]) -> float:
    """The mean over pareto examples of the best score any candidate has there: what the pool knows in sum."""
    best: dict[str, float] = {}
    for candidate in candidates:
        for example, score in candidate.scores.items():
            best[example] = max(score, best.get(example, score))
    return sum(best.values()) / len(best) if best else 0.0


def _standing(pool: Pool, candidate: Candidate | None, other: Candidate | None) -> Standing | None:
    if candidate is None or other is None:
        return None
    scores, others = pool.scores(candidate), pool.scores(other)
    shared = [score for example, score in scores.items() if example in others]
    tests = [average(known) for known in pool.tests.get(candidate.key, {}).values()]
    return Standing(candidate.id, estimate(shared or list(scores.values())), estimate(tests))


def _modules(pool: Pool, modules: Sequence[Module], best: Candidate | None) -> tuple[ModuleView, ...]:
    known = {module.name: module for module in modules}
    seed = pool.started.seed if pool.started else {}
    texts = best.texts if best else seed
    return tuple(
        ModuleView(
            known.get(name, Module(name, "prompt", text)),
            text,
            texts[name],
            _authors(pool, best, name) if best else (),
        )
        for name, text in seed.items()
    )


def _copied(
    views: Sequence[ModuleView], modules: Sequence[Module], examples: Mapping[str, Sequence[Example]]
) -> tuple[Copy, ...]:
    """What a graph already says, its names among it, is no copy."""
    known = [view.seed for view in views]
    for module in modules:
        known += [module.name, module.text, *module.nodes, *module.tools]
    new = {view.module.name: view.best for view in views if view.changed}
    return copies(new, known, examples.get("feedback", ()), examples.get("pareto", ()))


def _authors(pool: Pool, candidate: Candidate, name: str) -> tuple[int, ...]:
    """The candidates that wrote this candidate's text of a module, each from the text of the one before."""
    authors: list[int] = []
    while candidate.parents:
        parents = [pool.candidates[id] for id in candidate.parents]
        same = [parent for parent in parents if parent.texts[name] == candidate.texts[name]]
        if not same:
            authors.append(candidate.id)
        candidate = (same or parents)[0]
    return tuple(reversed(authors))
