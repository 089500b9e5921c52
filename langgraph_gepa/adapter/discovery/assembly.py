"""From the texts found in a graph's objects to its modules: their names, their nodes, and where each stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import EnumMeta
from pathlib import Path
from typing import Any

from langgraph.graph import START
from langgraph.pregel import Pregel

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery import node_paths
from langgraph_gepa.adapter.isolation import mutable_state as written
from langgraph_gepa.adapter.objects import classes, functions, naming
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place, PlaceKey
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off, Style, Texts
from langgraph_gepa.core.reason import Obstacle, Reason

AnyGraph = Pregel[Any, Any, Any, Any]

_EVIDENCE = ("seen", "flows", "possible")

Carriers = Mapping[str, tuple[Place, ...]]
"""Module name -> where its text stands in the graph's objects."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A text in memory that is `module`'s with its placeholders filled: with other modules' texts, its `parts`, and
    with `values`."""

    module: str
    parts: Mapping[str, str]
    style: Style = "format"
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def modules(self) -> set[str]:
        return {self.module, *self.parts.values()}

    def said(self, texts: Texts) -> str:
        held = {key: texts[name] for key, name in self.parts.items()}
        filled = matching.filled(texts[self.module], self.style, {**self.values, **held})
        return texts[self.module] if filled is None else filled


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk over a graph found: enough to bind it any number of times. `above` maps a
    module to the objects that lead to its text. Modules without carriers are served: the `declared`
    by name, others in the messages. `state` are the classes of objects that the state may hold."""

    compiled: AnyGraph
    walk: Walk
    modules: Mapping[str, Module]
    carriers: Carriers
    wholes: Mapping[PlaceKey, Whole]
    above: Mapping[str, set[int]]
    fed: Collection[int]
    declared: frozenset[str]
    files: Files
    state: frozenset[int]

    def replaced(self, texts: Texts) -> dict[PlaceKey, str]:
        """What stands in memory when the modules with carriers that `texts` names say these."""
        held = {name: text for name, text in texts.items() if name in self.carriers}
        said = {name: module.text for name, module in self.modules.items()} | held
        places = {place.key: text for name, text in held.items() for place in self.carriers[name]}
        wholes = {key: whole for key, whole in self.wholes.items() if whole.modules & held.keys()}
        return places | {key: whole.said(said) for key, whole in wholes.items()}

    def entries(self) -> frozenset[str]:
        """The modules that are entries of a list or mapping, or stand in objects that are: what a run picks from."""
        return frozenset(
            name for name, places in self.carriers.items() if all(_is_entry(self.walk, place) for place in places)
        )


def _is_entry(walk: Walk, place: Place) -> bool:
    owner = walk.nodes[place.owner].value
    if place.step[0] == "item":
        return len(walk.nodes[place.owner].parts) > 1 and not (type(owner) is dict and "content" in owner)
    if isinstance(owner, type) or not classes.own(type(owner)):
        return False
    holders = (holder for holder, step in walk.holders[place.owner] if step[0] == "item")
    return any(len(walk.nodes[holder].parts) > 1 for holder in holders)


def assembled(
    compiled: AnyGraph,
    walk: Walk,
    traced: node_paths.Paths,
    found: Mapping[Any, list[Place]],
    where: Mapping[Any, SourceLocation],
    asked: Sequence[Module],
    strange: Sequence[Module],
    files: Files,
) -> Found:
    """`asked` are declared modules, whose names are theirs; `strange` have no place in memory."""
    rank = {path: i for i, path in enumerate(traced.order)}
    tools = node_paths.tools(walk, traced)
    drafts = []
    heads: dict[str, int] = {}
    for met, (key, several) in enumerate(found.items()):
        places = [place for place in several if not place.gathered] or several
        nodes = sorted(_nodes(walk, traced, places), key=lambda path: rank[path])
        head, _, argument = places[0].tool.partition(".")
        first = rank[nodes[0]] if nodes else len(rank)
        turn = (first, places[0].kind != "prompt", heads.setdefault(head, met) if head else met, bool(argument), met)
        drafts.append((turn, nodes, where[key], places, several))
    drafts.sort(key=lambda draft: draft[0])
    candidates = [_candidates(walk, traced, nodes, location, places) for _, nodes, location, places, _ in drafts]
    names = naming.unique([*([one.name] for one in asked), *candidates])
    carriers = {}
    turns = []
    for name, (turn, nodes, location, places, several) in zip(names[len(asked) :], drafts, strict=True):
        module = _module(name, tuple(nodes), location, places)
        turns.append((turn, dataclasses.replace(module, table=_table(walk, places, module))))
        carriers[name] = tuple(several)
    others = naming.unique([_names(one) for one in strange], names)
    served = [*asked, *(dataclasses.replace(one, name=name) for one, name in zip(strange, others, strict=True))]
    for at, module in enumerate(served):
        first = min((rank.get(node, len(rank)) for node in module.nodes), default=len(rank))
        turns.append(((first, False, at - len(served), False, 0), module))
    turns.sort(key=lambda one: one[0])
    modules = [dataclasses.replace(one, tools=_at_hand(one, tools)) for _, one in turns]
    declares = frozenset(one.name for one in asked)
    wholes = _wholes(carriers)
    above = {name: walk.above(_owners(name, places, wholes)) for name, places in carriers.items()}
    above |= {module.name: walk.above(_caches(walk, traced, module.nodes)) for module in served}
    leads = set[int]().union(*above.values(), *(_running(walk, traced, module.nodes) for module in served))
    fed = written.known(compiled).leading(leads, walk)
    state = frozenset(id(part) for node in walk.nodes.values() for step, part in node.parts if step[0] == "state")
    known = {module.name: module for module in modules}
    return Found(compiled, walk, known, carriers, wholes, above, fed, declares, files, state)


def _names(strange: Module) -> list[str]:
    """Names for a text that was only seen: its own, with that of its file's folder."""
    folder = Path(strange.file or "").parent.name
    return [strange.name, *([f"{naming.slug(folder)}.{strange.name}"] if folder else [])]


def _wholes(carriers: Carriers) -> dict[PlaceKey, Whole]:
    names = {place.key: name for name, places in carriers.items() for place in places}
    return {
        place.key: Whole(name, {part: names[key] for part, key in place.parts.items()}, place.style, place.values)
        for name, places in carriers.items()
        for place in places
        if place.parts or place.values
    }


def _owners(name: str, places: Sequence[Place], wholes: Mapping[PlaceKey, Whole]) -> set[int]:
    """The objects that a module's text stands in, by itself or as a part."""
    return {place.owner for place in places} | {key[0] for key, whole in wholes.items() if name in whole.modules}


def _caches(walk: Walk, traced: node_paths.Paths, nodes: Sequence[str]) -> set[int]:
    """The caches of functions that these nodes may call: what one graph's texts led to must not answer another's."""
    caches = (key for key, node in walk.nodes.items() if functions.is_cache(node.value))
    return {key for key in caches if not nodes or not {*nodes}.isdisjoint(traced.of.get(key, ()))}


def _running(walk: Walk, traced: node_paths.Paths, nodes: Sequence[str]) -> set[int]:
    """What runs in these nodes; anything, when none is known."""
    return {key for key in walk.nodes if not nodes or not {*nodes}.isdisjoint(traced.of.get(key, ()))}


def _at_hand(module: Module, tools: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tool for path in module.nodes for tool in tools.get(path, ())))


def _module(name: str, nodes: tuple[str, ...], location: SourceLocation, places: list[Place]) -> Module:
    first = places[0]
    style = _style(places)
    evidence = min((place.evidence for place in places), key=_EVIDENCE.index) if nodes else "possible"
    off = next((place.off for place in places if place.off), Off.UNPROVEN) if evidence == "possible" else None
    reason = next((place.reason for place in places if place.reason), None)
    names: tuple[str, ...] = ()
    try:
        names = templates.placeholders(first.text, style, first.environment) if style != "plain" else ()
        names = (*names, *(first.tokens if style in ("plain", "fstring") else ()))
    except templates.BrokenTemplateError as broken:
        reason = reason or Reason(Obstacle.BROKEN_TEMPLATE, str(broken))
    return Module(
        name=name, kind=first.kind, text=first.text, style=style, placeholders=names, nodes=nodes,
        file=source_locations.relative(location.file), line=location.line, evidence=evidence, reason=reason, off=off,
    )  # fmt: skip


def _style(places: Sequence[Place]) -> Style:
    """The language of a text: one in each of the places that are seen to reach a model, or not known."""
    seen = [place for place in places if place.style != "unknown" or place.again] or places
    found: set[Style] = {place.style for place in seen if place.style != "plain"}
    return "plain" if not found else found.pop() if len(found) == 1 else "unknown"


def _table(walk: Walk, places: list[Place], module: Module) -> str:
    """The name of the table that a text is an entry of: its entries are listed as one row."""
    if module.off is not Off.TABLE:
        return ""
    known = naming.holder(walk, places[0].owner, places[0].step) if places[0].literal is None else places[0].hint
    return naming.slug(known.partition(".")[0] or "table")


def _nodes(walk: Walk, traced: node_paths.Paths, places: list[Place]) -> list[str]:
    nodes = dict.fromkeys(path for place in places for path in _users(walk, traced, place))
    if places[0].kind != "prompt":
        return [path for path in nodes if path not in traced.executors] or list(nodes)
    return list(nodes)


def _users(walk: Walk, traced: node_paths.Paths, place: Place) -> list[str]:
    """The nodes that use one text: those that reach its owner and, of the user's objects, name the attribute."""
    owner = walk.nodes[place.owner].value
    if place.step[0] == "described" and place.kind == "tool":
        return [path for holder, _ in walk.holders[place.owner] for path in traced.of.get(holder, ())]
    nodes = traced.of.get(place.owner, [])
    mine = classes.own(owner if isinstance(owner, type) else type(owner))
    if place.kind != "prompt" or place.step[0] not in ("attr", "member", "field") or not mine:
        return nodes
    # No code holds the class of a context or state: whoever names its field uses it.
    paths_to = nodes or (traced.order if place.owner in traced.given else [])
    named = (path for path in paths_to if not traced.named[path].isdisjoint((place.step[-1], "getattr")))
    return list(dict.fromkeys([*named, *_holding(walk, traced, place)]))


def _holding(walk: Walk, traced: node_paths.Paths, place: Place) -> list[str]:
    """The nodes that reach a member of an enum without naming it, as a loop over a list of members does."""
    owner: Any = walk.nodes[place.owner].value
    member = owner.__members__.get(str(place.step[-1])) if issubclass(type(owner), EnumMeta) else None
    return [] if member is None else list(traced.of.get(id(member), ()))


def _candidates(
    walk: Walk, traced: node_paths.Paths, nodes: list[str], location: SourceLocation, places: list[Place]
) -> list[str]:
    """Names for a module, from short to long: the constant's own, else the node's with what tells it apart."""
    first = places[0]
    path = nodes[0] if nodes else ""
    if first.kind != "prompt":
        name = first.tool or naming.slug(first.hint or path or "tool")
        return [f"{first.kind}:{name}", f"{first.kind}:{path}/{name}"]
    node = naming.label(path, traced.graphs.get(path, ""), path in traced.prebuilt)
    known = next(
        filter(None, (naming.holder(walk, place.owner, place.step) for place in places if place.literal is None)), ""
    )
    if location.name or known:
        own = naming.slug(location.name or known)
        return [
            own,
            *([f"{own}.{first.hint}"] if first.hint else []),
            *_within(location),
            f"{node}.{own}",
            f"{naming.slug(path)}.{own}",
        ]
    function = walk.nodes[first.owner].value.__name__ if first.literal is not None else "<lambda>"
    details = [naming.slug(d) for d in (function, first.hint) if d and d not in ("<lambda>", path.split("/")[-1])]
    if details and (path in traced.executors or path.endswith(START)):
        node = details.pop(0)  # the tool or router says more than the node it runs in
    names = [".".join([node, *details[:count]]) for count in range(len(details) + 1)]
    return [*names, ".".join([naming.slug(path), *details])]


def _within(location: SourceLocation) -> list[str]:
    """The name with that of the file it is written in."""
    return (
        [f"{naming.slug(Path(location.file).stem)}.{naming.slug(location.name)}"]
        if location.file and location.name
        else []
    )
