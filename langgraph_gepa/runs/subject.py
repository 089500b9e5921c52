"""What is optimised or evaluated: a graph at hand, which servers may run as well, or one that only servers have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.discovery.chat_models import models_of
from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.remote_graphs import remote_graphs_in
from langgraph_gepa.adapter.discovery.survey import Survey, survey
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator, modules_named
from langgraph_gepa.adapter.rollout.fingerprint import metric_part
from langgraph_gepa.adapter.rollout.metric import name_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.core import matching
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import KINDS, Module
from langgraph_gepa.errors import GraphError, UsageError
from langgraph_gepa.reflection.directions import touched
from langgraph_gepa.runs import event_loop
from langgraph_gepa.server.common_description import common_description
from langgraph_gepa.server.description import Description, describe, versions
from langgraph_gepa.server.remote import RemoteEvaluator
from langgraph_gepa.server.workers import Workers, on_server, worker_at

Frozen = Mapping[str, Sequence[str]]
AnyEvaluator = GraphEvaluator | RemoteEvaluator


@dataclass(frozen=True, slots=True)
class Subject:
    """A graph and where its rollouts run.

    - `graph`, `survey`: of a graph at hand; `None` where only servers have it.
    - `workers`: the servers that run rollouts; `None` where they run in this process.
    - `about`: what is known of the graph, without its `parts` where it is at hand.
    """

    graph: Any
    survey: Survey | None
    workers: Workers | None
    about: Description

    @property
    def models(self) -> tuple[Any, ...]:
        """The chat models of a graph at hand, in which secrets may stand."""
        return () if self.graph is None else tuple(models_of(self.graph))

    @property
    def opaque(self) -> str:
        """A sentence about parts of the graph that run elsewhere; empty without any."""
        return (self.graph is not None and remote_graphs_in(self.graph)) or ""

    @property
    def unwatched(self) -> str:
        """A sentence about prompts that are only known once the graph runs; empty without any."""
        return self.survey.unwatched if self.survey is not None else ""


def subject_of(graph: Any, workers: Sequence[Any], options: RunnerOptions, known: Sequence[Module] = ()) -> Subject:
    """Loads a graph, or asks servers for it. `known` are modules that an earlier run found by watching.

    Raises `UsageError`, also where no server answers, and `GraphError`.
    """
    others = [workers] if isinstance(workers, str) or not isinstance(workers, Sequence) else list(workers)
    addresses = [graph, *others] if on_server(graph) else others
    servers = Workers([worker_at(one) for one in addresses]) if addresses else None
    if graph is None or on_server(graph):
        if servers is None:
            raise UsageError("There is no graph: give one, or the servers that have it (workers=[...]).")
        about = event_loop.run(lambda _: common_description(servers))
        return Subject(None, None, servers, replace(about, modules=tuple(map(_of_this_project, about.modules))))
    loaded = load_graph(graph)
    recall(loaded, known)
    found = survey(loaded, kinds=KINDS)
    return Subject(loaded, found, servers, describe(found, {}, "", options))


def _of_this_project(module: Module) -> Module:
    """Returns the module with the file that it is written in only where that may be one of the project at hand.

    A server's own absolute paths mean nothing here, and nothing is to be written where a server says.
    """
    path = PurePosixPath(module.file or "/")
    mine = not path.is_absolute() and ".." not in path.parts and not PureWindowsPath(path).anchor
    return module if mine else replace(module, file=None, line=None)


def evaluator_of(
    subject: Subject,
    metric: Any,
    names: Sequence[str],
    options: RunnerOptions,
    mask: Mask,
    *,
    frozen: Frozen | None = None,
) -> AnyEvaluator:
    """Returns the evaluator of the modules with these names, once its servers are known to serve the same.

    A graph that only servers have is scored by their metric, which must be the one given, if any is.
    """
    workers = subject.workers
    if subject.survey is None and workers is not None:
        return _remote(subject, workers, metric, modules_named(subject.about.modules, names), mask, frozen or {})
    if subject.survey is None or metric is None:
        raise UsageError("There is no metric: give one with metric=... (--metric on the command line).")
    local = GraphEvaluator(
        subject.survey, load_metric(metric), modules=names, options=options, mask=mask, frozen=frozen
    )
    if workers is None:
        return local
    event_loop.run(lambda _: common_description(workers, local.parts))
    return RemoteEvaluator(
        workers,
        modules=local.modules,
        fingerprint=local.fingerprint,
        parts=local.parts,
        versions=versions(),
        check=local.check,
        mask=mask,
    )


def _remote(
    subject: Subject, workers: Workers, metric: Any, modules: Sequence[Module], mask: Mask, frozen: Frozen
) -> RemoteEvaluator:
    parts, there = subject.about.parts, subject.about.versions
    if metric is not None:
        name, part = metric_part(load_metric(metric))
        if parts.get(name) != part:
            raise GraphError(
                f"The servers score by {subject.about.metric}, which is not {name_of(metric)} as it is here. Leave "
                "the metric out, or restart them with the same one."
            )
    return RemoteEvaluator(
        workers,
        modules=modules,
        fingerprint=digest(parts),
        parts=parts,
        versions=there,
        check=_check(modules, frozen),
        mask=mask,
    )


def _check(modules: Sequence[Module], frozen: Frozen) -> Callable[[str, str], str | None]:
    """Checks texts as far as that is possible without the graph; its server checks them again."""
    by_name = {module.name: module for module in modules}

    def check(name: str, text: str) -> str | None:
        module = by_name[name]
        if module.note is not None and matching.split(text, module.style, module.placeholders) is None:
            return "the text is put into messages as it is: placeholders may only be written plainly"
        broken = templates.check(text, module.text, module.style, module.placeholders)
        return touched(text, module.text, frozen.get(name, ())) if broken is None else broken

    return check
