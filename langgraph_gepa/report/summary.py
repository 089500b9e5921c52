"""Derives the view of a run, all that reports show, from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from langgraph_gepa.core.candidate import Candidate, ancestors
from langgraph_gepa.core.events import CandidateAdmitted
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import Leakage, leakage
from langgraph_gepa.core.module import Module
from langgraph_gepa.report.candidate_table import CandidateView, candidate_views
from langgraph_gepa.report.comparison import Comparison, LoadRollout, Source, compare
from langgraph_gepa.report.failed_examples import failures
from langgraph_gepa.report.fruitless import fruitless
from langgraph_gepa.report.intervals import Interval, estimate
from langgraph_gepa.report.memorization import Copy, copies
from langgraph_gepa.report.progress import Journal, iterations
from langgraph_gepa.report.story import LoadReply, Stories, Story
from langgraph_gepa.report.tradeoff_view import tradeoff_view
from langgraph_gepa.report.view import ModuleView, Standing, View
from langgraph_gepa.search.advantage import WIDER, Advantage, advantage, posterior_on, within
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import Scale, Score, scale_of, score_of
from langgraph_gepa.search.tally import average


def summarize(
    journal: Journal,
    modules: Sequence[Module],
    settings: Mapping[str, Any],
    *,
    load: LoadRollout = lambda _: None,
    examples: Mapping[str, Sequence[Example]] | None = None,
    leaks: Leakage | None = None,
    load_reply: LoadReply = lambda _: None,
    detailed: int = 20,
    stories: int = 30,
) -> View:
    """Derives the view of a run from its journal, its modules (also those that are not optimised) and its settings.

    These settings are shown, and all may be missing: `run`, `metric`, `reflection_model`, `search`, `seed`, `perfect`,
    `budget` (with the fields of `Budget`), `simulated`, `mermaid`, and `graph`, a mapping of `name`, `nodes` (names)
    and `edges` (`[from, to, conditional]`). `examples` are by set. `load` is called for the rollouts of at most
    `detailed` examples that got better and as many that got worse, and `load_reply` for the `stories` of so many
    candidates (the best's ancestry, then the highest scores). `leaks` is given for runs whose mask changed the examples
    that were kept: what they have in common can then not be seen from `examples`.
    """
    pool, found = _replayed(journal)
    leaks = leakage(examples or {}) if leaks is None else leaks
    scale = _scale(pool)
    advantages = _advantages(pool, leaks, scale)
    candidates = candidate_views(pool, found, advantages)
    seed, best = (pool.candidates[0], pool.best) if pool.candidates else (None, None)
    texts = _modules(pool, modules, best)
    line = tuple(sorted({*ancestors(pool.candidates, best.id), best.id})) if best else ()
    source = Source(journal, load, examples or {}, leaks, scale, detailed)
    return View(
        settings=settings,
        ended=pool.finished,
        seed=None if seed is None else _standing(pool, seed, scale),
        best=None if best is None else _standing(pool, best, scale),
        starts=tuple(_standing(pool, candidate, scale) for candidate in pool.candidates if candidate.given),
        validation=_corrected(_compared(source, pool, "pareto"), advantages[best.id] if best else None),
        test=_compared(source, pool, "test"),
        candidates=candidates,
        line=line,
        curve=_curve(pool, candidates),
        frontier_score=_frontier_score(candidates),
        modules=texts,
        copied=_copied(texts, modules, examples or {}),
        leakage=leaks,
        failures=failures(journal, pool),
        fruitless=fruitless(pool),
        set_aside=pool.set_aside,
        left_alone=tuple(module for module in modules if module.name not in pool.modules),
        iterations=iterations(journal),
        pareto=len(pool.pareto_set),
        noise=pool.noise,
        spent=pool.spent,
        seconds=journal[-1][0] if journal else 0.0,
        tradeoffs=tradeoff_view(pool),
        stories=_stories(Stories(journal, load_reply, load), candidates, line, stories),
        range=(pool.scale.low, pool.scale.high) if pool.scale.low <= pool.scale.high else (0.0, 1.0),
    )


def _replayed(journal: Journal) -> tuple[Pool, dict[int, tuple[int, float]]]:
    """The pool at the end of the journal, and the rollouts and seconds spent when each candidate was admitted."""
    pool, found = Pool(), dict[int, tuple[int, float]]()
    for at, event in journal:
        pool.apply(event)
        if isinstance(event, CandidateAdmitted):
            found[event.candidate.id] = (pool.spent.rollouts, at)
    return pool, found


def _compared(source: Source, pool: Pool, subset: Literal["pareto", "test"]) -> Comparison | None:
    ids = pool.pareto_set if subset == "pareto" else pool.started.test_set if pool.started else ()
    return compare(source, subset, ids, pool.candidates[0], pool.best) if pool.candidates and ids else None


def _scale(pool: Pool) -> Scale:
    known = [*pool.board.pareto.values(), *pool.board.tests.values()]
    scores = (score for by_example in known for scores in by_example.values() for score in scores)
    return scale_of(scores, pool.scale.range[1])


def _advantages(pool: Pool, leaks: Leakage, scale: Scale) -> dict[int, Advantage]:
    """Each candidate's advantage over the seed, on validation examples that were not learned from, or else on all."""
    if not pool.candidates:
        return {}
    fresh = {*pool.pareto_set} - leaks.learned.get("pareto", frozenset())
    posterior = posterior_on(pool, fresh or pool.pareto_set)
    widest = scale[1] - scale[0]
    return {candidate.id: advantage(posterior, candidate.id, widest=widest) for candidate in pool.candidates}


def _corrected(comparison: Comparison | None, found: Advantage | None) -> Comparison | None:
    """Puts the change to expect on new examples in place of the measured one, which chose the best candidate."""
    if comparison is None or comparison.difference is None or found is None:
        return comparison
    change = replace(comparison.difference, mean=found.difference, low=found.low, high=found.high)
    return replace(comparison, difference=change)


def _curve(pool: Pool, candidates: Sequence[CandidateView]) -> tuple[tuple[int, float], ...]:
    """The score of the best candidate so far, judged by the scores known at the end, by the rollouts spent."""
    worths, steps = pool.worths, list[tuple[int, float]]()
    lead: CandidateView | None = None
    for candidate in sorted(candidates, key=lambda candidate: (candidate.rollouts, candidate.id)):
        if lead is None or (pool.eligible(candidate.id) and worths[candidate.id] > worths[lead.id]):
            lead = candidate
            steps.append((candidate.rollouts, candidate.score.value))
    rollouts = pool.spent.rollouts
    return (*steps, (rollouts, steps[-1][1])) if steps and steps[-1][0] < rollouts else tuple(steps)


def _stories(found: Stories, candidates: Sequence[CandidateView], line: Sequence[int], most: int) -> dict[int, Story]:
    """The stories of at most so many candidates, by id."""
    ranked = sorted(candidates, key=lambda candidate: (candidate.id not in line, -candidate.score.value, candidate.id))
    known = ((candidate.id, found.of_candidate(candidate.id)) for candidate in ranked[:most])
    return {id: story for id, story in known if story is not None}


def _frontier_score(candidates: Sequence[CandidateView]) -> float:
    """The mean over the pareto examples of the best score that any candidate has there."""
    best: dict[str, float] = {}
    for candidate in candidates:
        for example, score in candidate.scores.items():
            best[example] = max(score, best.get(example, score))
    return sum(best.values()) / len(best) if best else 0.0


def _standing(pool: Pool, candidate: Candidate, scale: Scale) -> Standing:
    score = score_of(pool, candidate.id)
    tests = [average(known) for known in pool.board.tests.get(candidate.key, {}).values()]
    return Standing(candidate.id, score, _interval(pool, candidate, score, scale), estimate(tests, scale))


def _interval(pool: Pool, candidate: Candidate, score: Score, scale: Scale) -> Interval | None:
    """The interval around the validation score: of the scores, or of the posterior where some are missing."""
    if not score.estimated or pool.started is None or pool.started.judged_by == "mean":
        return estimate(list(pool.scores(candidate).values()), scale)
    mean, sd = pool.posterior.worth(candidate.id)
    _, low, high = within(mean, WIDER * sd, *scale)
    return Interval(score.value, min(low, score.value), max(high, score.value), score.n, scale[1] - scale[0])


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
    """Answers that new texts repeat, but for what the graph's texts and names contain already."""
    known = [view.seed for view in views]
    for module in modules:
        known += [module.name, module.text, *module.nodes, *module.tools]
    new = {view.module.name: view.best for view in views if view.changed}
    return copies(new, known, examples.get("feedback", ()), examples.get("pareto", ()))


def _authors(pool: Pool, candidate: Candidate, name: str) -> tuple[int, ...]:
    """The ids of the candidates that rewrote the text of a module on the way to this candidate, the latest last."""
    authors: list[int] = []
    while candidate.parents:
        parents = [pool.candidates[id] for id in candidate.parents]
        same = [parent for parent in parents if parent.texts[name] == candidate.texts[name]]
        if not same:
            authors.append(candidate.id)
        candidate = (same or parents)[0]
    return tuple(reversed(authors))
