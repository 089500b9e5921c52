"""From a graph to its modules."""

from __future__ import annotations

import dataclasses
import difflib
import weakref
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel

from langgraph_gepa.agent import copying, declared, naming, origin, paths, reads, served, stores, templates, watching
from langgraph_gepa.agent.anatomy import classes
from langgraph_gepa.agent.definitions import Place
from langgraph_gepa.agent.files import Files, roots
from langgraph_gepa.agent.slot import Slot
from langgraph_gepa.agent.slots import Slots
from langgraph_gepa.agent.walk import Walk
from langgraph_gepa.errors import GraphError, PlaceholderError
from langgraph_gepa.search.module import Kind, Module, Style, Texts

AnyGraph = Pregel[Any, Any, Any, Any]

_EVIDENCE = ("seen", "flows", "possible")


Carriers = Mapping[str, tuple[Slot, ...]]
"""Module name -> where its text stands in the graph's objects."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a walk over a graph found: enough to bind it any number of times. `above` maps a
    module to the objects that lead to its text. Modules without carriers are served: the `declared`
    by name, others in the messages."""

    compiled: AnyGraph
    walk: Walk
    modules: Mapping[str, Module]
    carriers: Carriers
    above: Mapping[str, set[int]]
    declared: frozenset[str]
    files: Files


class Survey:
    """What was found in one graph, kept for binding it many times.

    `graph` is the object that was surveyed, `modules` its modules of the kinds asked for in the
    graph's order, with unique names; those of other kinds can be bound as well. A survey holds on
    to the graph's objects as they were when it was made.
    """

    def __init__(self, graph: Any, found: _Found, texts: Texts, kinds: Collection[Kind]) -> None:
        self.graph = graph
        self.modules = tuple(
            dataclasses.replace(module, text=texts.get(module.name, module.text))
            for module in found.modules.values()
            if module.kind in kinds
        )
        self._found = found
        self._texts = texts

    @property
    def files(self) -> Files:
        """The texts in files of the project that the graph's functions are written in."""
        return self._found.files

    def bind(self, texts: Texts) -> AnyGraph:
        """A new graph with these texts and otherwise the same; the original is left as it is.

        Raises `GraphError` for a name that is no module's or a module that cannot be replaced,
        and `PlaceholderError` for a text that breaks its placeholders.
        """
        found = self._found
        _require(texts, found.modules)
        wanted = {**self._texts, **texts}
        changed = {name: text for name, text in wanted.items() if text != found.modules[name].text}
        held = {name: text for name, text in changed.items() if name in found.carriers}
        bound: AnyGraph = copying.copied(
            found.walk,
            found.compiled,
            {(slot.owner, slot.step): text for name, text in held.items() for slot in found.carriers[name]},
            {id(found.compiled), id(_lasting(found.compiled))}.union(*(found.above[name] for name in held)),
        )
        _bound[_lasting(bound)] = (found, wanted)
        return served.serving(bound, self._served(changed))

    def _served(self, changed: Texts) -> served.Served:
        found = self._found
        read = [m for m in found.modules.values() if m.name not in found.carriers and m.name not in found.declared]
        asked = {name: text for name, text in changed.items() if name in found.declared}
        return served.Served(asked, served.rewrites(read, changed))

    def check(self, name: str, text: str) -> str | None:
        """Why `text` may not take the module's place, in words; `None` when it may.

        Raises `GraphError` for a name that is no module's.
        """
        return _check(_known(name, self._found.modules), text)


_bound: weakref.WeakKeyDictionary[Any, tuple[_Found, Texts]] = weakref.WeakKeyDictionary()
"""How each bound graph came to be: it is surveyed and bound again from the original."""

_watched: weakref.WeakKeyDictionary[Any, watching.Sightings] = weakref.WeakKeyDictionary()
"""What was seen of each graph when it ran on examples."""


def remember(graph: Any, sightings: watching.Sightings) -> None:
    """Has every later survey of `graph` know what was seen when it ran."""
    before = _watched.get(_lasting(graph), watching.Sightings())
    nodes = {**before.seen}
    for name, seen_at in sightings.seen.items():
        nodes[name] = tuple(dict.fromkeys([*nodes.get(name, ()), *seen_at]))
    _watched[_lasting(graph)] = watching.Sightings(nodes, (*before.strange, *sightings.strange))


def discover(graph: Any, *, kinds: Collection[Kind] = ("prompt", "tool")) -> list[Module]:
    """The modules of a graph, in the order a run may come to them."""
    return list(survey(graph, kinds=kinds).modules)


def survey(graph: Any, *, kinds: Collection[Kind] = ("prompt", "tool")) -> Survey:
    """Looks through a `StateGraph` or compiled graph for every text that steers a model.

    Raises `GraphError` when `graph` is no graph.
    """
    known = _bound.get(_lasting(graph)) if isinstance(graph, Pregel) else None
    if known is not None:
        return Survey(graph, *known, kinds)
    compiled = compile_graph(graph)
    walk = Walk(compiled)
    found: dict[Any, list[Slot]] = {}
    traced = paths.trace(walk, compiled)
    where: dict[Any, Place] = {}
    slots = Slots(walk, traced.of)
    places = origin.Places(walk, traced.of, slots.flow.readings.values())
    asked = declared.find(slots.flow, slots.solution, traced.order)
    for slot in slots:
        if not _stands_in(slot, asked):
            place = places.of(slot)
            found.setdefault(place.key, []).append(slot)
            if place.key not in where or (place.name and not where[place.key].name):
                where[place.key] = place
    _merge_frozen(found)
    named = [declared.module(one, walk, traced) for one in asked]
    watched = _watched.get(_lasting(graph), watching.Sightings())
    strange = list(watched.strange)
    files = Files(roots(reading.function.__code__.co_filename for reading in slots.flow.readings.values()))
    for key, place in where.items():
        where[key] = _read_from(place, found[key][0], files) if key in found else place
    read = reads.find(slots.flow, slots.solution, files, traced.of)
    elsewhere = _unmet([*read, *stores.kept(compiled)], strange, found)
    elsewhere += strange
    met = _assembled(compiled, walk, traced, found, where, named, elsewhere, files)
    modules = watching.updated(met.modules.values(), watched.seen)
    return Survey(graph, dataclasses.replace(met, modules={m.name: m for m in modules}), {}, kinds)


def _read_from(place: Place, slot: Slot, files: Files) -> Place:
    """The place of a text that no source writes out: the file it was read from, if one says it."""
    written = isinstance(place.key, tuple) and place.key[0] in ("literal", "doc", "described")
    home = files.home(slot.text) if slot.kind == "prompt" and not written else None
    if home is None:
        return place
    return dataclasses.replace(place, file=home.file, line=home.line, name=place.name or home.name)


def _unmet(read: Collection[Module], strange: Collection[Module], found: Mapping[Any, list[Slot]]) -> list[Module]:
    """Texts that functions read when they run, without those that were seen in messages or stand in memory as well."""
    seen = {(module.file, module.line) for module in strange if module.file is not None}
    held = {slot.text.strip() for slots in found.values() for slot in slots} | {one.text.strip() for one in strange}
    return [module for module in read if (module.file, module.line) not in seen and module.text.strip() not in held]


def _stands_in(slot: Slot, asked: Collection[declared.Declared]) -> bool:
    """Whether a text is only what a declared prompt says by itself."""
    return slot.evidence == "possible" and any(slot.text == one.text for one in asked)


def _lasting(graph: AnyGraph) -> Any:
    """What a compiled graph keeps of itself when `with_config` makes another of it."""
    return getattr(graph, "builder", graph)


def compile_graph(graph: Any) -> AnyGraph:
    """A compiled graph: itself, or compiled from a builder without touching that."""
    if isinstance(graph, Pregel):
        return graph
    if isinstance(graph, StateGraph):
        builder = copy(graph)
        builder.nodes = {name: dataclasses.replace(spec) for name, spec in graph.nodes.items()}
        return builder.compile()
    raise GraphError(f"expected a StateGraph or a compiled graph, not {type(graph).__name__}: pass the graph itself")


def _require(texts: Texts, modules: Mapping[str, Module]) -> None:
    """Raises for the first text that may not be bound."""
    for name, text in texts.items():
        module = _known(name, modules)
        if text == module.text:
            continue
        if module.reason:
            raise GraphError(f"the text of {name!r} cannot be replaced: {module.reason}")
        if (broken := _check(module, text)) is not None:
            raise PlaceholderError(f"{name}: {broken}")


def _known(name: str, modules: Mapping[str, Module]) -> Module:
    if name in modules:
        return modules[name]
    close = difflib.get_close_matches(name, modules, n=3, cutoff=0.5) or sorted(modules)[:5]
    hint = f"did you mean {', '.join(close)}?" if close else "no module was found in this graph"
    raise GraphError(f"the graph has no module {name!r}; {hint}")


def _check(module: Module, text: str) -> str | None:
    return templates.check(text, module.style, module.placeholders)


def _merge_frozen(found: dict[Any, list[Slot]]) -> None:
    """What LangChain made of a tool or class, such as a dict in `bind_tools`, is the same module as that."""
    sources: dict[str, list[Any]] = {}
    for key, slots in found.items():
        if slots[0].kind != "prompt" and not slots[0].frozen:
            sources.setdefault(slots[0].text.strip(), []).append(key)
    for key, slots in list(found.items()):
        if slots[0].frozen:
            same = sources.get(slots[0].text.strip(), [])
            named = [source for source in same if found[source][0].tool == slots[0].tool] or same
            if len(named) == 1 and named[0] != key:
                found[named[0]].extend(found.pop(key))


def _assembled(
    compiled: AnyGraph,
    walk: Walk,
    traced: paths.Paths,
    found: Mapping[Any, list[Slot]],
    where: Mapping[Any, Place],
    asked: Sequence[Module],
    strange: Sequence[Module],
    files: Files,
) -> _Found:
    """`asked` are declared modules, whose names are theirs; `strange` have no place in memory."""
    rank = {path: i for i, path in enumerate(traced.order)}
    tools = paths.tools(walk, traced)
    drafts = []
    heads: dict[str, int] = {}
    for met, (key, slots) in enumerate(found.items()):
        nodes = sorted(_nodes(walk, traced, slots), key=lambda path: rank[path])
        head, _, argument = slots[0].tool.partition(".")
        first = rank[nodes[0]] if nodes else len(rank)
        turn = (first, slots[0].kind != "prompt", heads.setdefault(head, met) if head else met, bool(argument), met)
        drafts.append((turn, nodes, where[key], slots))
    drafts.sort(key=lambda draft: draft[0])
    candidates = [_candidates(walk, traced, nodes, place, slots) for _, nodes, place, slots in drafts]
    names = naming.unique([*([one.name] for one in asked), *candidates])
    carriers = {}
    turns = []
    for name, (turn, nodes, place, slots) in zip(names[len(asked) :], drafts, strict=True):
        turns.append((turn, _module(name, tuple(nodes), place, slots)))
        carriers[name] = tuple(slots)
    others = naming.unique([[one.name] for one in strange], names)
    served = [*asked, *(dataclasses.replace(one, name=name) for one, name in zip(strange, others, strict=True))]
    for at, module in enumerate(served):
        first = min((rank.get(node, len(rank)) for node in module.nodes), default=len(rank))
        turns.append(((first, False, at - len(served), False, 0), module))
    turns.sort(key=lambda one: one[0])
    modules = [dataclasses.replace(one, tools=_at_hand(one, tools)) for _, one in turns]
    above = {name: walk.above({slot.owner for slot in slots}) for name, slots in carriers.items()}
    declares = frozenset(one.name for one in asked)
    return _Found(compiled, walk, {m.name: m for m in modules}, carriers, above, declares, files)


def _at_hand(module: Module, tools: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tool for path in module.nodes for tool in tools.get(path, ())))


def _module(name: str, nodes: tuple[str, ...], place: Place, slots: list[Slot]) -> Module:
    first = slots[0]
    style: Style = next((slot.style for slot in slots if slot.style != "plain"), "plain")
    evidence = min((slot.evidence for slot in slots), key=_EVIDENCE.index) if nodes else "possible"
    reason = next((slot.reason for slot in slots if slot.reason), "")
    names: tuple[str, ...] = ()
    try:
        names = templates.placeholders(first.text, style) if style != "plain" else first.tokens
    except templates.BrokenTemplateError as broken:
        reason = reason or str(broken)
    return Module(
        name=name, kind=first.kind, text=first.text, style=style, placeholders=names, nodes=nodes,
        file=origin.relative(place.file), line=place.line, evidence=evidence, reason=reason,
    )  # fmt: skip


def _nodes(walk: Walk, traced: paths.Paths, slots: list[Slot]) -> list[str]:
    nodes = dict.fromkeys(path for slot in slots for path in _users(walk, traced, slot))
    if slots[0].kind != "prompt":
        return [path for path in nodes if path not in traced.executors] or list(nodes)
    return list(nodes)


def _users(walk: Walk, traced: paths.Paths, slot: Slot) -> list[str]:
    """The nodes that use one text: those that reach its owner and, of the user's objects, name the attribute."""
    owner = walk.nodes[slot.owner].value
    if slot.step[0] == "described" and slot.kind == "tool":
        return [path for holder, _ in walk.holders[slot.owner] for path in traced.of.get(holder, ())]
    nodes = traced.of.get(slot.owner, [])
    mine = classes.own(owner if isinstance(owner, type) else type(owner))
    if slot.kind != "prompt" or slot.step[0] not in ("attr", "member", "field") or not mine:
        return nodes
    # Nobody holds the schema of a context: whoever names its field uses it.
    return [path for path in nodes or traced.order if not traced.named[path].isdisjoint((slot.step[-1], "getattr"))]


def _candidates(walk: Walk, traced: paths.Paths, nodes: list[str], place: Place, slots: list[Slot]) -> list[str]:
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
