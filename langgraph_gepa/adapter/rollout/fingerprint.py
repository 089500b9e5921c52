"""Fingerprints all that scores depend on besides the candidates' texts, part by part, so that a change has a name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from pydantic import BaseModel

from langgraph_gepa.adapter.discovery.chat_models import described, models_of
from langgraph_gepa.adapter.discovery.outline import drawn
from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.adapter.objects import functions
from langgraph_gepa.adapter.rollout import metric as metrics
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import Graph
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Module

OWN_THREAD = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns"})


def parts_of(survey: Survey, metric: Any, options: RunnerOptions) -> dict[str, str]:
    """Returns the names of nodes, edges, code, texts, models, metric, stand-ins and settings, each with a value.

    The value changes when the part does; it is a readable text where it is short, else a digest. Not included are
    models that a node makes anew on every run, code that nodes and metric call, and data behind the tools; nor the
    time-out and the models' addresses, as they may have to change for a run to go on.
    """
    graph, config = survey.bind({}), options.config
    found: dict[str, Any] = {
        "the stand-ins for tools": [(name, code_of(one)) for name, one in sorted(options.tools.items())],
        "the config": code_of(config) if callable(config) else _config(config or {}),
        "the answers to interrupts": code_of(options.on_interrupt),
        "the context": code_of(options.context) if callable(options.context) else _stable(options.context),
    }
    return (
        graph_parts(survey)
        | dict([metric_part(metric)])
        | {name: digest(value) for name, value in found.items()}
        | {
            "the models": ", ".join(sorted({described(model) for model in models_of(graph)})),
            "the recursion limit": str(_recursion_limit(graph, options)),
        }
    )


def graph_parts(survey: Survey) -> dict[str, str]:
    """Returns the parts that the graph's own source determines: nodes, edges, code and texts."""
    graph = survey.bind({})
    drawing = drawn(graph)
    edges = sorted((edge.source, edge.target, str(edge.data), edge.conditional) for edge in drawing.edges)
    found = {
        "the graph's nodes and edges": [sorted(drawing.nodes), edges],
        **{f"the code of the node {name}": list(_code(node.bound)) for name, node in sorted(graph.nodes.items())},
    }
    return {name: digest(value) for name, value in found.items()} | dict(map(text_part, survey.modules))


def metric_part(metric: Any) -> tuple[str, str]:
    """Returns the name and the value of the part that is the metric."""
    return "the metric", digest(code_of(metric))


def text_part(module: Module) -> tuple[str, str]:
    """Returns the name and the value of the part that is a module's text."""
    return f"the text of {module.name}", digest([module.kind, module.text])


def _code(runnable: Any) -> Iterator[Any]:
    for name in ("func", "afunc"):
        function = functions.own_attribute(runnable, name)
        if function is not None:
            yield code_of(function)


def code_of(thing: Any) -> Any:
    """A function's source and the arguments of `partial`; a list of them for a list."""
    if isinstance(thing, list | tuple):
        return [code_of(one) for one in thing]
    if isinstance(thing, partial):
        return [code_of(thing.func), _stable(thing.args), _stable(thing.keywords)]
    return metrics.source(thing)


def _config(config: Mapping[str, Any]) -> Any:
    configurable = config.get("configurable") or {}
    return _stable({name: value for name, value in configurable.items() if name not in OWN_THREAD})


def _recursion_limit(graph: Graph, options: RunnerOptions) -> int | None:
    configs = [graph.config or {}, {} if callable(options.config) else options.config or {}]
    limits = [*(config.get("recursion_limit") for config in configs), options.recursion_limit]
    return next((limit for limit in reversed(limits) if limit is not None), None)


def _stable(value: Any) -> Any:
    """What is the same in every process: plain data, and the class of everything else."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _stable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stable(item) for item in value]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, BaseLanguageModel):
        return kind  # `described` tells models apart, without their addresses
    if isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return [kind, _stable(vars(value) if hasattr(value, "__dict__") else {})]
    return kind
