"""Publishes what a run found in LangSmith: prompts, and experiments from rollouts that were paid for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from shlex import quote
from typing import Any

from langgraph_gepa.adapter.templates.chat_prompts import chat_prompt
from langgraph_gepa.core.candidate import SHORT_KEY, Candidate
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith import experiments, hub
from langgraph_gepa.langsmith.example_upload import known_ids
from langgraph_gepa.langsmith.experiments import Experiment, LoggedRollout
from langgraph_gepa.report.words import plural
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.arguments import LOGGED, one_of
from langgraph_gepa.runs.resume import identity_of, listed
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.server.assistants import PushedAssistant, push
from langgraph_gepa.server.workers import worker_at

_BRACES = {"{", "}"}


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
    urls = hub.push_back(by_commit(pulled, saved.best.texts), description, force=force) if pulled else {}
    return {module.name: urls[module.hub] for module in pulled}


def by_commit(pulled: Sequence[Module], texts: Texts) -> dict[str, dict[str, str]]:
    """The new texts of modules by their old ones, by the commit that has them.

    Raises `UsageError` for a text that the prompt there cannot have.
    """
    found: dict[str, dict[str, str]] = {}
    for module in pulled:
        new, prompt = texts[module.name], module.hub.partition(":")[0]
        # A text that was taken out of a template is plain for the graph, and a template again in the hub.
        if module.style == "plain" and _BRACES & set(new) and not _BRACES & set(module.text):
            raise UsageError(
                f"The new text of {module.name} has braces, which the prompt {prompt!r}, a template, would fill in. "
                "Nothing is pushed. Give a prefix (--prompts PREFIX)."
            )
        if found.setdefault(module.hub, {}).setdefault(module.text, new) != new:
            raise UsageError(
                f"Several modules have one text of the prompt {prompt!r}, {module.name} among them, and different new "
                "ones. Nothing is pushed. Give a prefix (--prompts PREFIX)."
            )
    return found


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


def require_known_examples(examples: Examples) -> None:
    """Raises `UsageError` unless LangSmith has the validation and test examples, as experiments of a search need."""
    ids = [example.id for example in (*examples.pareto, *examples.test)]
    if unknown := len(set(ids) - known_ids(ids)):
        raise UsageError(
            f"{unknown} of {plural(len(set(ids)), 'validation and test example')} are in no data set of this LangSmith "
            "workspace, and experiments refer to examples: give valset='langsmith:NAME' (--val langsmith:NAME), or "
            "search with experiments='none', and log them afterwards with Result.log_experiments(dataset='NAME') (push "
            "--experiments --dataset NAME), which adds the examples."
        )


def log_at_the_end(saved: SavedRun, notify: Callable[[str], None]) -> None:
    """Logs the experiments that the run asks for. Its search has ended, so a failure is a message and no error."""
    which = saved.config.experiments
    if which == "none":
        return
    notify("Logging the experiments in LangSmith.")
    try:
        pages = log_experiments(saved, None, which)
    except UsageError as failure:
        option = "--experiments" if which == "best" else "--all-candidates"
        command = f"langgraph-gepa push {quote(str(saved.folder))} {option}"
        notify(f"{failure} The search is complete; `{command}` logs them.")
    else:
        for name, page in pages.items():
            notify(f"The experiments on {name}: {page}")


def log_experiments(saved: SavedRun, dataset: str | None, candidates: str = "best") -> dict[str, str]:
    """See `Result.log_experiments`."""
    best, pool, run = saved.best.id, saved.pool.candidates, _id_of(saved)
    every = one_of("candidates", candidates, LOGGED) == "all"
    chosen = pool if every else [pool[id] for id in dict.fromkeys((0, best))]
    metric = saved.config.metric.rpartition(":")[2]
    logged = [
        Experiment(
            name=f"{saved.config.graph['name']}-gepa-{run}-{f'candidate-{candidate.id}' if candidate.id else 'before'}",
            description=f"Candidate {candidate.id} of langgraph-gepa run {saved.folder.name}, "
            f"{_what(candidate, best)}.",
            metadata={
                "run": saved.folder.name,
                "candidate": candidate.id,
                "parents": list(candidate.parents),
                "prompts": candidate.key[:SHORT_KEY],
                "metric": saved.config.metric,
            },
            score=metric if metric.isidentifier() else "score",
            rollouts=rollouts,
        )
        for candidate, rollouts in zip(chosen, _rollouts(saved, chosen), strict=True)
    ]
    return experiments.log(logged, dataset)


def _what(candidate: Candidate, best: int) -> str:
    if candidate.id == 0:
        return "the graph as it was"
    if candidate.id == best:
        return "the best it has found so far"
    return f"made from {listed([f'candidate {parent}' for parent in candidate.parents])}"


def _rollouts(saved: SavedRun, candidates: Sequence[Candidate]) -> Iterator[list[LoggedRollout]]:
    """Each candidate's rollouts on validation and test examples, without their calls, in the order of the examples."""
    given, events = saved.config.examples, defaultdict[tuple[str, str, str], list[str]](list)
    for _, event in saved.events:
        if isinstance(event, RolloutFinished):
            events[event.texts, event.subset, event.example].append(event.ledger)
    sets = (("pareto", "validation", given.pareto), ("test", "test", given.test))
    with saved.rollouts() as load:
        for candidate in candidates:
            yield [
                LoggedRollout(key, example, split, replace(rollout, calls=()))
                for subset, split, examples in sets
                for example in examples
                for key in events[candidate.key, subset, example.id]
                if (rollout := load(key))
            ]


def _id_of(saved: SavedRun) -> str:
    """Tells this run from any other, wherever its folder is and however far it went: a digest of its first rollout."""
    first = next(event for _, event in saved.events if isinstance(event, RolloutFinished))
    return digest([first.ledger, first.seconds, first.usage.tokens, identity_of(saved.config)])[:8]
