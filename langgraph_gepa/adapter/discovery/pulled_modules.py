"""Finds the prompts that nodes pull from LangSmith's prompt hub when they run.

The code shows their names alone. Their texts are seen when the graph runs on examples, and become modules then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import FunctionType, ModuleType

from langgraph_gepa.adapter.dataflow.filling import placeholders_of
from langgraph_gepa.adapter.dataflow.flow import Reading
from langgraph_gepa.adapter.discovery.text_search import TextSearch
from langgraph_gepa.adapter.objects import naming, source_code
from langgraph_gepa.adapter.objects.hub_prompts import name_of, pulled_objects
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tracing.pulled_prompts import Pull
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason


def pulls_in(readings: Iterable[Reading], users: Mapping[int, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The names of the prompts that functions pull when they run, with the nodes that reach these functions.

    `users` are these nodes, by the id of a function. A name that is not written in the call is left out.
    """
    found: dict[str, dict[str, None]] = {}
    for reading in readings:
        for node in source_code.walk(reading.node):
            if isinstance(node, ast.Call) and _is_pull(node.func, reading.function):
                for name in _names(node, reading.function):
                    found.setdefault(name, {}).update(dict.fromkeys(users.get(id(reading.function), ())))
    return {name: tuple(nodes) for name, nodes in found.items()}


def _is_pull(called: ast.expr, function: FunctionType) -> bool:
    """Whether this is `pull_prompt` of LangSmith's clients, or `pull` of LangChain's module `hub`."""
    match called:
        case ast.Attribute(attr="pull_prompt"):
            return True
        case ast.Attribute(value=ast.Name(id=name), attr="pull"):
            module = function.__globals__.get(name)
            return isinstance(module, ModuleType) and module.__name__.rpartition(".")[2] == "hub"
    return False


def _names(call: ast.Call, function: FunctionType) -> Iterator[str]:
    for argument in call.args[:1] or [keyword.value for keyword in call.keywords[:1]]:
        value = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(argument, ast.Name):
            value = function.__globals__.get(argument.id)
        if isinstance(value, str):
            yield value


def unwatched(pulls: Mapping[str, Sequence[str]], modules: Iterable[Module]) -> str:
    """A sentence about the prompts that nodes pull and that are no modules yet; empty without any."""
    known = {name_of(module.hub) for module in modules if module.hub}
    left = {name: nodes for name, nodes in pulls.items() if name_of(name) not in known}
    if not left:
        return ""
    listed = ", ".join(f"{name!r} ({', '.join(nodes) or 'outside any node'})" for name, nodes in left.items())
    return (
        f"Prompts of LangSmith's hub that are pulled when the graph runs are not known yet: {listed}. To optimise "
        "them, call discover(graph, examples) before optimize(), or pull them when the module is loaded."
    )


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
