"""The description of a graph that a server sends, and how it differs from the graph in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import TypeAdapter, ValidationError

from langgraph_gepa.adapter.discovery.chat_models import models_of, unpriced
from langgraph_gepa.adapter.discovery.outline import Outline, outline_of
from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.adapter.rollout.inputs import taken_inputs
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.simulation import is_simulated
from langgraph_gepa.adapter.tools.stand_ins import warning
from langgraph_gepa.core.bounded_json import first_problem
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError

PACKAGES = ("langgraph-gepa", "langgraph", "langchain", "langchain-core")
"""The packages whose version may change how a rollout is run, watched or scored."""


@dataclass(frozen=True, slots=True)
class Description:
    """All that is needed to optimise a graph that only a server has.

    - `parts`: what the evaluator's fingerprint is made of, and `versions` of the `PACKAGES`.
    - `modules`: all modules of the graph; `outline`: its nodes and edges.
    - `inputs`: the input keys that its state takes, `None` if it takes any.
    - `metric`: the metric's name.
    - `unpriced`: the models whose price is unknown; `simulated`: whether one is simulated by this package.
    - `warning`: a sentence about tools that may do harm, or an empty text.
    - `now`: Unix time by the clock of the process that has the graph.
    """

    parts: Mapping[str, str]
    versions: Mapping[str, str]
    modules: tuple[Module, ...]
    outline: Outline
    inputs: tuple[str, ...] | None
    metric: str
    unpriced: tuple[str, ...] = ()
    simulated: bool = False
    warning: str = ""
    now: float = field(default_factory=time.time)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = _DESCRIPTION.dump_python(self, mode="json")
        return data

    @classmethod
    def read(cls, data: object) -> Description:
        """Reads what `to_json` made. Raises `UsageError`."""
        try:
            return _DESCRIPTION.validate_python(data)
        except ValidationError as error:
            raise UsageError(f"The server's description of its graph is damaged: {first_problem(error)}.") from None


_DESCRIPTION = TypeAdapter(Description)


def describe(found: Survey, parts: Mapping[str, str], metric: str, options: RunnerOptions) -> Description:
    """Describes a surveyed graph."""
    graph = found.bind({})
    models, inputs = models_of(graph), taken_inputs(graph)
    return Description(
        parts=parts,
        versions=versions(),
        modules=found.modules,
        outline=outline_of(graph),
        inputs=None if inputs is None else tuple(inputs),
        metric=metric,
        unpriced=tuple(unpriced(models, options.prices)),
        simulated=any(map(is_simulated, models)),
        warning=warning(graph, {*options.tools, *options.harmless}) or "",
    )


def versions() -> dict[str, str]:
    """Returns the versions of the `PACKAGES`, empty for one that is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def differences(
    here: Mapping[str, str], parts: Mapping[str, str], own: Mapping[str, str], others: Mapping[str, str]
) -> list[str]:
    """Lists what differs between two graphs (`here`, `parts`) and between their package versions (`own`, `others`)."""
    named = [name for name in {**here, **parts} if here.get(name) != parts.get(name)]
    packages = [
        f"{name} ({own.get(name) or 'none'} here, {others.get(name) or 'none'} there)"
        for name in {**own, **others}
        if own.get(name) != others.get(name)
    ]
    return [*named, *packages]
