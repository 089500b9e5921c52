"""The settings of a run for the report: only those that were given, or that a reader needs to understand the scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph_gepa.report import words
from langgraph_gepa.report.tradeoff_view import aims

_TEXT = 600
"""Characters that are shown of one text."""
_PLAIN = {
    "began": "Started", "models": "Models", "metric": "Metric", "reflection_model": "Reflection model",
    "critic_model": "Critic", "search": "Search", "repeats": "Repeats", "records": "Records in a reflection",
    "perfect": "Perfect score", "failure_score": "Score of a failure", "objective": "Purpose of the graph",
    "seed": "Random seed", "in_flight": "Iterations at once", "concurrency": "Rollouts at once",
}  # fmt: skip
_LISTS = {"modules": "Optimised", "started_from": "Started from", "workers": "Servers", "track": "Trackers"}
_BY_MODULE = {"notes": "Notes", "frozen": "Frozen parts", "reflection_prompt": "Reflection prompt"}


def settings_list(settings: Mapping[str, Any], graph: str) -> list[tuple[str, str]]:
    """Returns labels and values, without those that were not set."""
    rows = [("Graph", graph), *_rows(settings)]
    return [(label, words.clip(value, _TEXT)) for label, value in rows if value]


def _rows(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in _PLAIN.items():
        value = settings.get(name)
        yield label, "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    for name, label in _LISTS.items():
        yield label, ", ".join(settings.get(name) or ())
    yield "Objectives", aims(settings.get("objectives") or {})
    yield "Budget", words.limits(settings.get("budget") or {})
    for name, label in _BY_MODULE.items():
        yield label, "\n".join(f"{module}: {_joined(text)}" for module, text in (settings.get(name) or {}).items())
    yield "Versions", ", ".join(f"{name} {version}" for name, version in (settings.get("versions") or {}).items())


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else ", ".join(f"“{part}”" for part in text)
