"""Makes modules of the prompts that nodes pull from LangSmith's prompt hub when they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from langgraph_gepa.adapter.dataflow.filling import placeholders_of
from langgraph_gepa.adapter.discovery.text_search import TextSearch
from langgraph_gepa.adapter.objects import naming
from langgraph_gepa.adapter.objects.hub_prompts import name_of, pulled_objects
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tracing.pulled_prompts import Pull
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason


def pulled_modules(pulls: Iterable[Pull], known: Sequence[Module]) -> list[Module]:
    """A module for each text of the prompts that were pulled, unless the graph's objects hold it at the same node.

    `known` are the graph's modules. The nodes are those that pulled a prompt; `as_seen` adds those that sent it.
    """
    held = {(one.hub, one.text, node) for one in known for node in one.nodes}
    found: dict[tuple[str, str], Module] = {}
    for pull in pulls:
        for module in _modules(pull):
            key = module.hub, module.text
            if held.isdisjoint((*key, node) for node in module.nodes):
                nodes = dict.fromkeys([*(found[key].nodes if key in found else ()), *module.nodes])
                found[key] = replace(module, nodes=tuple(nodes))
    names = naming.unique([[one.name] for one in found.values()], [one.name for one in known])
    return [replace(one, name=name) for one, name in zip(found.values(), names, strict=True)]


def _modules(pull: Pull) -> Iterator[Module]:
    walk = Walk(pull.prompt)
    commits = pulled_objects(walk)
    for place in TextSearch(walk, ()):
        if place.owner in commits and place.kind == "prompt":
            commit = commits[place.owner]
            placeholders, reason = placeholders_of(place.text, place.style)
            if not reason and matching.pattern(place.text, place.style, placeholders) is None:
                reason = Reason(Obstacle.LOGIC)
            yield Module(
                name=naming.slug(name_of(commit)),
                kind="prompt",
                text=place.text,
                style=place.style,
                placeholders=placeholders,
                nodes=(pull.node,) if pull.node else (),
                evidence=place.evidence,
                off=place.off,
                reason=reason,
                note=Note(ReadFrom.HUB),
                hub=commit,
            )


def as_seen(modules: Iterable[Module], seen: Mapping[str, Sequence[str]]) -> Iterator[Module]:
    """The modules with what calls show of them: `seen` are the nodes whose model calls carried them, by name."""
    for module in modules:
        if module.off is None and module.name in seen:
            nodes = tuple(dict.fromkeys([*module.nodes, *seen[module.name]]))
            yield replace(module, evidence="seen", nodes=nodes)
        else:
            yield replace(module, evidence="possible", off=module.off or Off.UNPROVEN)
