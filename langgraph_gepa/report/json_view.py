"""Converts the view of a run to the JSON data that `show RUN --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.leakage import NAMES
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report.candidate_table import candidate_json
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.module_list import module_json
from langgraph_gepa.report.progress import Iteration
from langgraph_gepa.report.slices import Slice
from langgraph_gepa.report.tradeoff_view import tradeoffs_json
from langgraph_gepa.report.view import ModuleView, Standing, View


def to_json(view: View) -> dict[str, Any]:
    """Converts all of the view but the texts of examples to JSON data. An unknown price is `null`.

    `docs/show-json.md` documents the keys.
    """
    settings = {key: value for key, value in view.settings.items() if key not in ("graph", "mermaid", "seed")}
    return {
        **settings,
        "random_seed": view.settings.get("seed"),
        "graph": _graph_name(view.settings),
        "finished": view.finished,
        "ended": view.ended.ended if view.ended else None,
        "reason": view.reason,
        "modules": [_module_json(module) for module in view.modules],
        "copied": [asdict(copy) for copy in view.copied],
        "candidates": [candidate_json(candidate) for candidate in view.candidates],
        "seed": _standing_json(view.seed),
        "best": _standing_json(view.best),
        "difference": {
            "validation": _interval_json(view.validation.difference if view.validation else None),
            "test": _interval_json(view.test.difference if view.test else None),
        },
        "verdict": view.verdict,
        "leakage": {
            "learned": {NAMES[name]: len(ids) for name, ids in view.leakage.learned.items()},
            "repeated": {NAMES[name]: count for name, count in view.leakage.repeated.items()},
        },
        "set_aside": {NAMES[subset]: dict(examples) for subset, examples in view.set_aside.items()},
        "failures": [{**asdict(failed), "subset": NAMES[failed.subset]} for failed in view.failures],
        "noise": {"repeated": view.noise.repeated, "sd": view.noise.variance**0.5 if view.noise.repeated else None},
        "frontier": [candidate.id for candidate in view.candidates if candidate.frontier],
        "tradeoffs": tradeoffs_json(view.tradeoffs),
        "examples": {
            name: [[c.example, c.before.score, c.after.score] for c in comparison.changes] if comparison else []
            for name, comparison in (("validation", view.validation), ("test", view.test))
        },
        "slices": {
            name: [_slice_json(slice) for slice in comparison.slices] if comparison else []
            for name, comparison in (("validation", view.validation), ("test", view.test))
        },
        "iterations": [_iteration_json(iteration, view.pareto) for iteration in view.iterations],
        **_spent_json(view.spent, view.seconds),
    }


def _spent_json(spent: Spent, seconds: float) -> dict[str, Any]:
    return {
        "rollouts": spent.rollouts,
        "tests": spent.tests,
        "carried": spent.carried,
        "reflections": spent.reflections,
        "opinions": spent.opinions,
        "tokens": spent.usage.tokens,
        "tokens_estimated": spent.usage.estimated,
        "dollars": spent.usage.dollars,
        "seconds": seconds,
        "usage": {name: _usage_json(getattr(spent, name)) for name in ("graph", "reflection", "critic", "lost")},
    }


def _graph_name(settings: Mapping[str, Any]) -> str:
    graph = settings.get("graph")
    return str(graph.get("name", "")) if isinstance(graph, Mapping) else ""


def _module_json(module: ModuleView) -> dict[str, Any]:
    return {
        **module_json(module.module),
        "text": module.seed,
        "best": module.best,
        "changed": module.changed,
        "authors": list(module.authors),
    }


def _iteration_json(iteration: Iteration, pareto: int) -> dict[str, Any]:
    return {
        "iteration": iteration.number,
        "origin": iteration.origin,
        "parents": list(iteration.parents),
        "modules": list(iteration.modules),
        "proposed": [dict(texts) for texts in iteration.proposals.children] if iteration.proposals else [],
        "refused": dict(iteration.proposals.refused) if iteration.proposals else {},
        "opinions": {name: asdict(one) for name, one in iteration.proposals.opinions.items()}
        if iteration.proposals
        else {},
        "outcome": iteration.outcome,
        "cause": iteration.finished.cause if iteration.finished else None,
        "reason": iteration.reason(pareto),
        "before": iteration.before,
        "after": iteration.after,
        "candidate": iteration.candidate,
        "rollouts": iteration.rollouts,
    }


def _slice_json(slice: Slice) -> dict[str, Any]:
    means = {"seed": slice.before, "best": slice.after}
    return {"field": slice.field, "value": slice.value, **means, "difference": slice.change.to_json()}


def _standing_json(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    return {"id": standing.id, **{name: _interval_json(getattr(standing, name)) for name in ("validation", "test")}}


def _interval_json(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else interval.to_json()


def _usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "tokens_estimated": usage.estimated,
        "dollars": usage.dollars,
    }
