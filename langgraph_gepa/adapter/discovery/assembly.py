"""Makes modules of the texts that were found: their names, their nodes and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from langgraph.graph import START

from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.filling import placeholders_of
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery.binding import Composite, FoundTexts
from langgraph_gepa.adapter.discovery.node_paths import Paths
from langgraph_gepa.adapter.discovery.written_texts import WrittenText
from langgraph_gepa.adapter.isolation import mutable_state
from langgraph_gepa.adapter.objects import functions, naming
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place, PlaceKey
from langgraph_gepa.core.module import Module, Off, Style

_EVIDENCE = ("seen", "flows", "possible")

Order = tuple[int, bool, int, bool, int]
"""Sorts modules: by the first node that uses them, prompts first, then with what belongs to one tool together."""
Places = Mapping[str, tuple[Place, ...]]
"""Module name -> where its text stands in memory."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A text that becomes a module. `places` are those from before the graph ran, if there were any then."""

    order: Order
    nodes: list[str]
    text: WrittenText
    places: list[Place]


def assemble(
    paths: Paths, texts: Sequence[WrittenText], declared: Sequence[Module], injected: Sequence[Module], files: Files
) -> FoundTexts:
    """Makes modules of texts in memory, and adds those without a place there: `declared`, which keep their names, and
    `injected`."""
    drafts = sorted(_drafts(paths, texts), key=lambda draft: draft.order)
    names = naming.unique([*([one.name] for one in declared), *(_names(paths, draft) for draft in drafts)])
    others = naming.unique([_names_of_injected(one) for one in injected], names)
    by_name = dict(zip(names[len(declared) :], drafts, strict=True))
    unheld = [*declared, *(replace(one, name=name) for one, name in zip(injected, others, strict=True))]
    ordered = [(draft.order, _module(paths, name, draft)) for name, draft in by_name.items()]
    ordered += [(_order_of_unheld(paths, module, at - len(unheld)), module) for at, module in enumerate(unheld)]
    tools = paths.tools()
    modules = [replace(module, tools=_tools(module, tools)) for _, module in sorted(ordered, key=lambda one: one[0])]
    places: Places = {name: tuple(draft.text.places) for name, draft in by_name.items()}
    composites = _composites(places)
    walk = paths.walk
    leading = {name: walk.above(_owners(name, places[name], composites)) for name in places}
    leading |= {module.name: walk.above(_caches(paths, module.nodes)) for module in unheld}
    running = (_running(paths, module.nodes) for module in unheld)
    return FoundTexts(
        graph=paths.graph,
        walk=walk,
        modules={module.name: module for module in modules},
        places=places,
        composites=composites,
        leading=leading,
        fed=mutable_state.known(paths.graph).leading(set[int]().union(*leading.values(), *running), walk),
        declared=frozenset(one.name for one in declared),
        files=files,
        state=frozenset(id(part) for node in walk.nodes.values() for step, part in node.parts if step[0] == "state"),
    )


def _drafts(paths: Paths, texts: Sequence[WrittenText]) -> Iterator[_Draft]:
    of_tool: dict[str, int] = {}
    for number, text in enumerate(texts):
        places = [place for place in text.places if not place.from_run] or text.places
        nodes = paths.using(places)
        tool, _, argument = places[0].tool.partition(".")
        together = of_tool.setdefault(tool, number) if tool else number
        first = paths.rank[nodes[0]] if nodes else len(paths.rank)
        order = (first, places[0].kind != "prompt", together, bool(argument), number)
        yield _Draft(order, nodes, text, places)


def _order_of_unheld(paths: Paths, module: Module, turn: int) -> Order:
    last = len(paths.rank)
    first = min((paths.rank.get(node, last) for node in module.nodes), default=last)
    return first, False, turn, False, 0


def _module(paths: Paths, name: str, draft: _Draft) -> Module:
    first, places, location = draft.places[0], draft.places, draft.text.location
    style = _style(places)
    evidence = min((place.evidence for place in places), key=_EVIDENCE.index) if draft.nodes else "possible"
    off = next((place.off for place in places if place.off), Off.UNPROVEN) if evidence == "possible" else None
    reason = next((place.reason for place in places if place.reason), None)
    placeholders, broken = placeholders_of(first.text, style, first.tokens, first.environment)
    return Module(
        name=name,
        kind=first.kind,
        text=first.text,
        style=style,
        placeholders=placeholders,
        nodes=tuple(draft.nodes),
        file=source_locations.relative(location.file),
        line=location.line,
        evidence=evidence,
        reason=reason or broken,
        off=off,
        table=_table(paths, first) if off is Off.TABLE else "",
        hub=location.hub,
    )


def _style(places: Sequence[Place]) -> Style:
    """The language of a text: the one of all places that are seen to reach a model, or unknown."""
    seen = [place for place in places if place.style != "unknown" or place.again] or places
    found: set[Style] = {place.style for place in seen if place.style != "plain"}
    return "plain" if not found else found.pop() if len(found) == 1 else "unknown"


def _table(paths: Paths, place: Place) -> str:
    """The name of the table that a text is an entry of: its entries are listed as one row."""
    name = naming.holder(paths.walk, place.owner, place.step) if place.literal is None else place.hint
    return naming.slug(name.partition(".")[0] or "table")


def _tools(module: Module, tools: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tool for path in module.nodes for tool in tools.get(path, ())))


def _names(paths: Paths, draft: _Draft) -> list[str]:
    """Names for a module, from short to long: the constant's own, else the node's with what tells the text apart."""
    first, location = draft.places[0], draft.text.location
    path = draft.nodes[0] if draft.nodes else ""
    if first.kind != "prompt":
        name = first.tool or naming.slug(first.hint or path or "tool")
        return [f"{first.kind}:{name}", f"{first.kind}:{path}/{name}"]
    node = naming.label(path, paths.graphs.get(path, ""), path in paths.prebuilt)
    holders = (naming.holder(paths.walk, one.owner, one.step) for one in draft.places if one.literal is None)
    if known := location.name or next(filter(None, holders), ""):
        own = naming.slug(known)
        with_hint = [f"{own}.{first.hint}"] if first.hint else []
        return [own, *with_hint, *_with_file(location), f"{node}.{own}", f"{naming.slug(path)}.{own}"]
    function = paths.walk.nodes[first.owner].value.__name__ if first.literal is not None else "<lambda>"
    details = [naming.slug(d) for d in (function, first.hint) if d and d not in ("<lambda>", path.split("/")[-1])]
    if details and (path in paths.executors or path.endswith(START)):
        node = details.pop(0)  # the tool or router says more than the node it runs in
    names = [".".join([node, *details[:count]]) for count in range(len(details) + 1)]
    return [*names, ".".join([naming.slug(path), *details])]


def _with_file(location: SourceLocation) -> list[str]:
    """Names a constant by its file and itself, such as `prompts.planner`; empty where it has no file or no name."""
    if not location.file or not location.name:
        return []
    return [f"{naming.slug(Path(location.file).stem)}.{naming.slug(location.name)}"]


def _names_of_injected(module: Module) -> list[str]:
    """Names for a text without a place in memory: its own, and that after the name of its file's folder."""
    folder = Path(module.file or "").parent.name
    return [module.name, *([f"{naming.slug(folder)}.{module.name}"] if folder else [])]


def _composites(places: Places) -> dict[PlaceKey, Composite]:
    names = {place.key: name for name, several in places.items() for place in several}
    return {
        place.key: Composite(name, {part: names[key] for part, key in place.parts.items()}, place.style, place.values)
        for name, several in places.items()
        for place in several
        if place.parts or place.values
    }


def _owners(name: str, places: Sequence[Place], composites: Mapping[PlaceKey, Composite]) -> set[int]:
    """The ids of the objects that a module's text stands in, by itself or as a part."""
    return {place.owner for place in places} | {key[0] for key, one in composites.items() if name in one.modules}


def _caches(paths: Paths, nodes: Sequence[str]) -> set[int]:
    """The caches of functions that these nodes may call: a result of one graph's texts must not answer another's."""
    return {key for key in _running(paths, nodes) if functions.is_cache(paths.walk.nodes[key].value)}


def _running(paths: Paths, nodes: Sequence[str]) -> set[int]:
    """The ids of what runs in these nodes; of everything, when none is known."""
    return {key for key in paths.walk.nodes if not nodes or not {*nodes}.isdisjoint(paths.users.get(key, ()))}
