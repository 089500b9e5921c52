"""Writes the command, or the call from Python, that starts the same run again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Any

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import digest
from langgraph_gepa.runs.config import GIVEN_TEXTS, RunConfig

_SETS = {"training": "train", "validation": "val", "test": "test"}
_NAMES = {"notes": "note", "objectives": "goal"}
"""Options that take one entry each time and are named in the singular, unlike the argument."""
_FILE = "FILE"
"""Stands for a file whose name was not persisted."""


def repetition(config: RunConfig) -> str:
    """The command line of a run that was started with names; otherwise the call, with `...` for what was an object."""
    if config.demo:
        return shlex.join(["langgraph-gepa", "demo", *_options({"seed": config.seed, "in_flight": config.in_flight}),
                           *_options(_limits(config.budget))])  # fmt: skip
    return _command(config) if "graph" in config.spec else _call(config)


def example_sets(config: RunConfig) -> list[dict[str, Any]]:
    """The sets of examples: where they are from, how many, and a digest of their content."""
    named: Mapping[str, str | None] = config.spec.get("sets", {})
    return [
        {
            "set": name,
            "source": config.sources.get(name) or named.get(name) or "",
            "examples": len(examples),
            "digest": digest([[example.id, example.digest] for example in examples]),
        }
        for name, examples in config.sets.items()
        if examples
    ]


def _command(config: RunConfig) -> str:
    spec = dict(config.spec)
    words = ["langgraph-gepa", "optimize", str(spec.pop("graph"))]
    sets: Mapping[str, str | None] = spec.pop("sets", {})  # type: ignore[assignment]
    for name, option in _SETS.items():
        source = config.sources.get(name) or sets.get(name)
        if source:
            words += [f"--{option}", source]
    given = {name: value for name, value in spec.items() if name not in ("search", "timeout") and value}
    timeout = spec.get("timeout")
    words += _options(given | ({} if timeout in (None, 300.0) else {"timeout": timeout}) | _limits(config.budget))
    words += _options({name: value for name, value in _given(config) if name not in ("modules", "start")})
    for name in config.modules:
        words += ["--only", name]
    for tracker in config.track:
        words += ["--track", tracker]
    words += ["--workers", ",".join(config.workers)] if config.workers else []
    words += [] if config.own_project else ["--no-own-project"]
    words += [] if config.experiments == "none" else ["--experiments", config.experiments]
    for source in config.started_from:
        words += ["--start", _FILE if source.startswith(GIVEN_TEXTS) else source]
    return shlex.join(words)


def _call(config: RunConfig) -> str:
    budget = ", ".join(f"{name}={value!r}" for name, value in _limits(config.budget).items())
    named = {name: list(value) if isinstance(value, tuple) else value for name, value in _given(config)}
    named.pop("start", None)
    graph = repr(config.graph_spec) if config.graph_spec else "..."
    test = ", testset=..." if config.examples.test else ""
    models = "proposer=..." if config.proposer else "reflection_lm=..."
    models += ", critic_lm=..." if config.critic_model else ""
    named |= {"track": list(config.track)} if config.track else {}
    named |= {"workers": list(config.workers)} if config.workers else {}
    named |= {} if config.own_project else {"own_project": False}
    named |= {} if config.experiments == "none" else {"experiments": config.experiments}
    more = "".join(f", {name}={value!r}" for name, value in named.items())
    if config.started_from:
        start = ("..." if source.startswith(GIVEN_TEXTS) else repr(source) for source in config.started_from)
        more += f", start=[{', '.join(start)}]"
    return f"optimize({graph}, ..., ...{test}, metric=..., {models}, budget=Budget({budget}){more})"


def _given(config: RunConfig) -> Iterator[tuple[str, Any]]:
    """Yields the arguments of `optimize` that differ from their defaults."""
    defaults = {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(RunConfig)
    }
    for name, value in config.arguments.items():
        if value and value != defaults.get(name, MISSING):
            yield name, dict(value) if isinstance(value, Mapping) else value
        elif value == 0 and name in ("seed", "perfect", "failure_score") and value is not None:
            yield name, value


def _limits(budget: Budget) -> dict[str, Any]:
    return {name: value for name, value in asdict(budget).items() if value is not None}


def _options(given: Mapping[str, Any]) -> list[str]:
    """Options of the command line with their values; a mapping gives an option for each of its entries."""
    words: list[str] = []
    for name, value in given.items():
        option = f"--{_NAMES.get(name, name).replace('_', '-')}"
        if name == "reflection_prompt":
            words += [option, _FILE]
        elif isinstance(value, Mapping):
            parts = [(key, one) for key, ones in value.items() for one in (ones if _listed(ones) else [ones])]
            words += [word for key, one in parts for word in (option, f"{key}={one}")]
        else:
            words += [option, str(value)]
    return words


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
