"""What a run found, in LangSmith."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from langgraph_gepa.adapter.templates.chat_prompts import chat_prompt
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import digest
from langgraph_gepa.langsmith import experiments, hub
from langgraph_gepa.langsmith.experiments import Experiment, LoggedRollout

if TYPE_CHECKING:
    from langgraph_gepa.runs.result import Result
    from langgraph_gepa.runs.run import SavedRun


def push_prompts(result: Result, prefix: str) -> dict[str, str]:
    """See `Result.push_prompts`."""
    best, seed = result.best, result.pool.candidates[0]
    modules = {module.name: module for module in result.saved.asked.found}
    changed = [name for name, text in best.texts.items() if text != seed.texts[name]]
    names = hub.names_of(prefix, changed)
    templates = {names[name]: chat_prompt(best.texts[name], modules[name].style) for name in changed}
    description = f"Candidate {best.id} of langgraph-gepa run {result.run.name}."
    urls = hub.push(templates, description) if templates else {}
    return {name: urls[names[name]] for name in changed}


def log_experiments(result: Result, dataset: str | None) -> dict[str, str]:
    """See `Result.log_experiments`."""
    best, seed = result.best, result.pool.candidates[0]
    run = _identity(result.saved)
    metric = result.saved.asked.metric.rpartition(":")[2]
    logged = [
        Experiment(
            name=f"{result.saved.asked.graph['name']}-gepa-{run}-{what}",
            description=f"Candidate {one.id} of langgraph-gepa run {result.run.name}, {words}.",
            metadata={"run": result.run.name, "candidate": one.id, "metric": result.saved.asked.metric},
            score=metric if metric.isidentifier() else "score",
            rollouts=list(_rollouts(result.saved, one)),
        )
        for one, what, words in (
            (seed, "before", "the graph as it was"),
            (best, f"candidate-{best.id}", "the best it found"),
        )[: 1 if best.id == seed.id else 2]
    ]
    return experiments.log(logged, dataset)


def _rollouts(saved: SavedRun, candidate: Candidate) -> Iterator[LoggedRollout]:
    """The candidate's rollouts on validation and test examples, in the order of the examples."""
    given = saved.asked.examples
    ran = [event for _, event in saved.events if isinstance(event, RolloutFinished) and event.texts == candidate.key]
    with saved.rollouts() as load:
        for subset, split, examples in (("pareto", "validation", given.pareto), ("test", "test", given.test)):
            for example in examples:
                for event in ran:
                    if (event.subset, event.example) == (subset, example.id) and (rollout := load(event.ledger)):
                        yield LoggedRollout(event.ledger, example, split, rollout)


def _identity(saved: SavedRun) -> str:
    """What tells this run from any other, wherever its folder is and however far it went: its first rollout."""
    first = next(event for _, event in saved.events if isinstance(event, RolloutFinished))
    return digest([first.ledger, first.seconds, first.usage.tokens, dict(saved.asked.identity)])[:8]
