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
from langgraph_gepa.adapter.objects.definitions import Place
from langgraph_gepa.adapter.objects.place import Slot, Spot
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off, Style, Texts

AnyGraph = Pregel[Any, Any, Any, Any]

_EVIDENCE = ("seen", "flows", "possible")

Carriers = Mapping[str, tuple[Slot, ...]]
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
    wholes: Mapping[Spot, Whole]
    above: Mapping[str, set[int]]
    fed: Collection[int]
    declared: frozenset[str]
    files: Files
    state: frozenset[int]

    def replaced(self, texts: Texts) -> dict[Spot, str]:
        """What stands in memory when the modules with carriers that `texts` names say these."""
        held = {name: text for name, text in texts.items() if name in self.carriers}
        said = {name: module.text for name, module in self.modules.items()} | held
        places = {slot.spot: text for name, text in held.items() for slot in self.carriers[name]}
        wholes = {spot: whole for spot, whole in self.wholes.items() if whole.modules & held.keys()}
        return places | {spot: whole.said(said) for spot, whole in wholes.items()}

    def entries(self) -> frozenset[str]:
        """The modules that are entries of a list or mapping, or stand in objects that are: what a run picks from."""
        return frozenset(
            name for name, slots in self.carriers.items() if all(_is_entry(self.walk, slot) for slot in slots)
        )


def _is_entry(walk: Walk, slot: Slot) -> bool:
    owner = walk.nodes[slot.owner].value
    if slot.step[0] == "item":
        return len(walk.nodes[slot.owner].parts) > 1 and not (type(owner) is dict and "content" in owner)
    if isinstance(owner, type) or not classes.own(type(owner)):
        return False
    holders = (holder for holder, step in walk.holders[slot.owner] if step[0] == "item")
    return any(len(walk.nodes[holder].parts) > 1 for holder in holders)


def assembled(
    compiled: AnyGraph,
    walk: Walk,
    traced: node_paths.Paths,
    found: Mapping[Any, list[Slot]],
    where: Mapping[Any, Place],
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
        slots = [slot for slot in several if not slot.gathered] or several
        nodes = sorted(_nodes(walk, traced, slots), key=lambda path: rank[path])
        head, _, argument = slots[0].tool.partition(".")
        first = rank[nodes[0]] if nodes else len(rank)
        turn = (first, slots[0].kind != "prompt", heads.setdefault(head, met) if head else met, bool(argument), met)
        drafts.append((turn, nodes, where[key], slots, several))
    drafts.sort(key=lambda draft: draft[0])
    candidates = [_candidates(walk, traced, nodes, place, slots) for _, nodes, place, slots, _ in drafts]
    names = naming.unique([*([one.name] for one in asked), *candidates])
    carriers = {}
    turns = []
    for name, (turn, nodes, place, slots, several) in zip(names[len(asked) :], drafts, strict=True):
        module = _module(name, tuple(nodes), place, slots)
        turns.append((turn, dataclasses.replace(module, table=_table(walk, slots, module))))
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
    above = {name: walk.above(_owners(name, slots, wholes)) for name, slots in carriers.items()}
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


def _wholes(carriers: Carriers) -> dict[Spot, Whole]:
    names = {slot.spot: name for name, slots in carriers.items() for slot in slots}
    return {
        slot.spot: Whole(name, {key: names[spot] for key, spot in slot.parts.items()}, slot.style, slot.values)
        for name, slots in carriers.items()
        for slot in slots
        if slot.parts or slot.values
    }


def _owners(name: str, slots: Sequence[Slot], wholes: Mapping[Spot, Whole]) -> set[int]:
    """The objects that a module's text stands in, by itself or as a part."""
    return {slot.owner for slot in slots} | {spot[0] for spot, whole in wholes.items() if name in whole.modules}


def _caches(walk: Walk, traced: node_paths.Paths, nodes: Sequence[str]) -> set[int]:
    """The caches of functions that these nodes may call: what one graph's texts led to must not answer another's."""
    caches = (key for key, node in walk.nodes.items() if functions.is_cache(node.value))
    return {key for key in caches if not nodes or not {*nodes}.isdisjoint(traced.of.get(key, ()))}


def _running(walk: Walk, traced: node_paths.Paths, nodes: Sequence[str]) -> set[int]:
    """What runs in these nodes; anything, when none is known."""
    return {key for key in walk.nodes if not nodes or not {*nodes}.isdisjoint(traced.of.get(key, ()))}


def _at_hand(module: Module, tools: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tool for path in module.nodes for tool in tools.get(path, ())))


def _module(name: str, nodes: tuple[str, ...], place: Place, slots: list[Slot]) -> Module:
    first = slots[0]
    style = _style(slots)
    evidence = min((slot.evidence for slot in slots), key=_EVIDENCE.index) if nodes else "possible"
    off = next((slot.off for slot in slots if slot.off), Off.UNPROVEN) if evidence == "possible" else None
    reason = next((slot.reason for slot in slots if slot.reason), "")
    names: tuple[str, ...] = ()
    try:
        names = templates.placeholders(first.text, style, first.environment) if style != "plain" else ()
        names = (*names, *(first.tokens if style in ("plain", "fstring") else ()))
    except templates.BrokenTemplateError as broken:
        reason = reason or str(broken)
    return Module(
        name=name, kind=first.kind, text=first.text, style=style, placeholders=names, nodes=nodes,
        file=source_locations.relative(place.file), line=place.line, evidence=evidence, reason=reason, off=off,
    )  # fmt: skip


def _style(slots: Sequence[Slot]) -> Style:
    """The language of a text: one in each of the places that are seen to reach a model, or not known."""
    seen = [slot for slot in slots if slot.style != "unknown" or slot.again] or slots
    found: set[Style] = {slot.style for slot in seen if slot.style != "plain"}
    return "plain" if not found else found.pop() if len(found) == 1 else "unknown"


def _table(walk: Walk, slots: list[Slot], module: Module) -> str:
    """The name of the table that a text is an entry of: its entries are listed as one row."""
    if module.off is not Off.TABLE:
        return ""
    known = naming.holder(walk, slots[0].owner, slots[0].step) if slots[0].literal is None else slots[0].hint
    return naming.slug(known.partition(".")[0] or "table")


def _nodes(walk: Walk, traced: node_paths.Paths, slots: list[Slot]) -> list[str]:
    nodes = dict.fromkeys(path for slot in slots for path in _users(walk, traced, slot))
    if slots[0].kind != "prompt":
        return [path for path in nodes if path not in traced.executors] or list(nodes)
    return list(nodes)


def _users(walk: Walk, traced: node_paths.Paths, slot: Slot) -> list[str]:
    """The nodes that use one text: those that reach its owner and, of the user's objects, name the attribute."""
    owner = walk.nodes[slot.owner].value
    if slot.step[0] == "described" and slot.kind == "tool":
        return [path for holder, _ in walk.holders[slot.owner] for path in traced.of.get(holder, ())]
    nodes = traced.of.get(slot.owner, [])
    mine = classes.own(owner if isinstance(owner, type) else type(owner))
    if slot.kind != "prompt" or slot.step[0] not in ("attr", "member", "field") or not mine:
        return nodes
    # No code holds the class of a context or state: whoever names its field uses it.
    paths_to = nodes or (traced.order if slot.owner in traced.given else [])
    named = (path for path in paths_to if not traced.named[path].isdisjoint((slot.step[-1], "getattr")))
    return list(dict.fromkeys([*named, *_holding(walk, traced, slot)]))


def _holding(walk: Walk, traced: node_paths.Paths, slot: Slot) -> list[str]:
    """The nodes that reach a member of an enum without naming it, as a loop over a list of members does."""
    owner: Any = walk.nodes[slot.owner].value
    member = owner.__members__.get(str(slot.step[-1])) if issubclass(type(owner), EnumMeta) else None
    return [] if member is None else list(traced.of.get(id(member), ()))


def _candidates(walk: Walk, traced: node_paths.Paths, nodes: list[str], place: Place, slots: list[Slot]) -> list[str]:
    """Names for a module, from short to long: the constant's own, else the node's with what tells it apart."""
    first = slots[0]
    path = nodes[0] if nodes else ""
    if first.kind != "prompt":
        name = first.tool or naming.slug(first.hint or path or "tool")
        return [f"{first.kind}:{name}", f"{first.kind}:{path}/{name}"]
    node = naming.label(path, traced.graphs.get(path, ""), path in traced.prebuilt)
    known = next(
        filter(None, (naming.holder(walk, slot.owner, slot.step) for slot in slots if slot.literal is None)), ""
    )
    if place.name or known:
        own = naming.slug(place.name or known)
        return [
            own,
            *([f"{own}.{first.hint}"] if first.hint else []),
            *_within(place),
            f"{node}.{own}",
            f"{naming.slug(path)}.{own}",
        ]
    function = walk.nodes[first.owner].value.__name__ if first.literal is not None else "<lambda>"
    details = [naming.slug(d) for d in (function, first.hint) if d and d not in ("<lambda>", path.split("/")[-1])]
    if details and (path in traced.executors or path.endswith(START)):
        node = details.pop(0)  # the tool or router says more than the node it runs in
    names = [".".join([node, *details[:count]]) for count in range(len(details) + 1)]
    return [*names, ".".join([naming.slug(path), *details])]


def _within(place: Place) -> list[str]:
    """The name with that of the file it is written in."""
    return [f"{naming.slug(Path(place.file).stem)}.{naming.slug(place.name)}"] if place.file and place.name else []
