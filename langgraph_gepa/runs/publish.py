"""Publishes what a run found in LangSmith: prompts, and experiments from rollouts that were paid for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph_gepa.adapter.templates.chat_prompts import chat_prompt
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith import experiments, hub
from langgraph_gepa.langsmith.experiments import Experiment, LoggedRollout
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.resume import identity_of
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.server.assistants import PushedAssistant, push
from langgraph_gepa.server.workers import worker_at


def push_prompts(saved: SavedRun, prefix: str | None, *, force: bool) -> dict[str, str]:
    """See `Result.push_prompts`."""
    description = f"Candidate {saved.best.id} of langgraph-gepa run {saved.folder.name}."
    if prefix is None:
        return _pushed_back(saved, description, force=force)
    texts, changed = saved.best.texts, changed_modules(saved)
    names = hub.names_of(prefix, [module.name for module in changed])
    templates = {names[module.name]: chat_prompt(texts[module.name], module.style) for module in changed}
    urls = hub.push(templates, description) if templates else {}
    return {module: urls[name] for module, name in names.items()}


def _pushed_back(saved: SavedRun, description: str, *, force: bool) -> dict[str, str]:
    changed = changed_modules(saved)
    pulled = [module for module in changed if module.hub]
    if changed and not pulled:
        raise UsageError(
            f"None of the changed prompts was pulled from LangSmith's hub ({', '.join(m.name for m in changed)}). "
            "To push them as new prompts, give a prefix (--prompts PREFIX)."
        )
    texts: dict[str, dict[str, str]] = {}
    for module in pulled:
        texts.setdefault(module.hub, {})[module.text] = saved.best.texts[module.name]
    urls = hub.push_back(texts, description, force=force) if texts else {}
    return {module.name: urls[module.hub] for module in pulled}


def changed_modules(saved: SavedRun) -> list[Module]:
    """The modules whose text in the best candidate differs from the seed's."""
    best, seed = saved.best.texts, saved.pool.candidates[0].texts
    return [module for module in saved.config.found if module.name in best and best[module.name] != seed[module.name]]


def push_assistant(saved: SavedRun, assistant: str, server: Any, *, as_default: bool) -> PushedAssistant:
    """See `Result.push_assistant`."""
    if server is None and not (saved.own and saved.config.workers):
        raise UsageError(
            "Say which server has the assistant: server='http://host:port' (--server on the command line)."
        )
    worker, best = worker_at(saved.config.workers[0] if server is None else server), saved.best
    modules = [module for module in saved.config.found if module.name in best.texts]
    provenance = {"langgraph_gepa_run": saved.folder.name, "langgraph_gepa_candidate": best.id}
    return event_loop.run(lambda _: push(worker, assistant, modules, best.texts, provenance, as_default=as_default))


def log_experiments(saved: SavedRun, dataset: str | None) -> dict[str, str]:
    """See `Result.log_experiments`."""
    best, seed = saved.best, saved.pool.candidates[0]
    run = _id_of(saved)
    metric = saved.config.metric.rpartition(":")[2]
    candidates = [(seed, "before", "the graph as it was"), (best, f"candidate-{best.id}", "the best it found")]
    logged = [
        Experiment(
            name=f"{saved.config.graph['name']}-gepa-{run}-{suffix}",
            description=f"Candidate {candidate.id} of langgraph-gepa run {saved.folder.name}, {what}.",
            metadata={"run": saved.folder.name, "candidate": candidate.id, "metric": saved.config.metric},
            score=metric if metric.isidentifier() else "score",
            rollouts=list(_rollouts(saved, candidate)),
        )
        for candidate, suffix, what in candidates[: 1 if best.id == seed.id else 2]
    ]
    return experiments.log(logged, dataset)


def _rollouts(saved: SavedRun, candidate: Candidate) -> Iterator[LoggedRollout]:
    """The candidate's rollouts on validation and test examples, in the order of the examples."""
    given = saved.config.examples
    events = [event for _, event in saved.events if isinstance(event, RolloutFinished) and event.texts == candidate.key]
    with saved.rollouts() as load:
        for subset, split, examples in (("pareto", "validation", given.pareto), ("test", "test", given.test)):
            for example in examples:
                for event in events:
                    if (event.subset, event.example) == (subset, example.id) and (rollout := load(event.ledger)):
                        yield LoggedRollout(event.ledger, example, split, rollout)


def _id_of(saved: SavedRun) -> str:
    """Tells this run from any other, wherever its folder is and however far it went: a digest of its first rollout."""
    first = next(event for _, event in saved.events if isinstance(event, RolloutFinished))
    return digest([first.ledger, first.seconds, first.usage.tokens, identity_of(saved.config)])[:8]
