"""From a graph to its modules."""

from __future__ import annotations

import dataclasses
import difflib
import gc
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery import declared, file_reads, node_paths, prefilled
from langgraph_gepa.adapter.discovery.assembly import Found, assembled
from langgraph_gepa.adapter.discovery.packages import Packages
from langgraph_gepa.adapter.discovery.runtime_data import Gathered, anew
from langgraph_gepa.adapter.discovery.text_search import TextSearch
from langgraph_gepa.adapter.isolation import graph_copies, mutable_state
from langgraph_gepa.adapter.objects import ownership
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.observed import store_prompts
from langgraph_gepa.adapter.observed.message_parts import comes_from
from langgraph_gepa.adapter.observed.sightings import Sightings, updated
from langgraph_gepa.adapter.tracing import injection
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Kind, Module, Off, Texts
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.errors import GraphError, PlaceholderError

AnyGraph = Pregel[Any, Any, Any, Any]


class Survey:
    """What was found in one graph, kept for binding it many times.

    `graph` is the object that was surveyed, `modules` its modules of the kinds asked for in the
    graph's order, with unique names; those of other kinds can be bound as well. A survey holds on
    to the graph's objects as they were when it was made.
    """

    def __init__(self, graph: Any, found: Found, texts: Texts, kinds: Collection[Kind]) -> None:
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

    @property
    def entries(self) -> frozenset[str]:
        """The names of modules of which a run picks some, as a key or a condition says."""
        return self._found.entries()

    def bind(self, texts: Texts) -> AnyGraph:
        """A new graph with these texts and otherwise the same; the original is left as it is.

        Raises `GraphError` for a name that is no module's or a module that cannot be replaced,
        and `PlaceholderError` for a text that breaks its placeholders.
        """
        found = self._found
        _require(texts, found)
        wanted = {**self._texts, **texts}
        changed = {name: text for name, text in wanted.items() if text != found.modules[name].text}
        keys = {id(found.compiled), id(_lasting(found.compiled)), *found.fed}
        keys |= keys.union(*(found.above.get(name, ()) for name in changed))
        copy = graph_copies.copies_of(found.walk, found.replaced(changed), keys)
        bound: AnyGraph = copy(id(found.compiled))
        _bound[_lasting(bound)] = (found, wanted)
        classes = {found.walk.nodes[key].value: copy(key) for key in keys & found.state}
        return injection.serving(bound, self._served(changed, classes))

    def _served(self, changed: Texts, classes: Mapping[type, type]) -> injection.Served:
        found = self._found
        read = [m for m in found.modules.values() if m.name not in found.carriers and m.name not in found.declared]
        asked = {name: text for name, text in changed.items() if name in found.declared}
        return injection.Served(asked, injection.rewrites(read, changed), classes)

    def check(self, name: str, text: str) -> str | None:
        """Why `text` may not take the module's place, in words; `None` when it may.

        Raises `GraphError` for a name that is no module's.
        """
        return _check(_known(name, self._found.modules), text, self._found)


_bound: weakref.WeakKeyDictionary[Any, tuple[Found, Texts]] = weakref.WeakKeyDictionary()
"""How each bound graph came to be: it is surveyed and bound again from the original."""

_watched: weakref.WeakKeyDictionary[Any, Sightings] = weakref.WeakKeyDictionary()
"""What was seen of each graph when it ran on examples."""


def remember(graph: Any, sightings: Sightings) -> None:
    """Has every later survey of `graph` know what was seen when it ran."""
    before = _watched.get(_lasting(graph), Sightings())
    names = {module.name for module in sightings.unknown}
    nodes = {**before.seen}
    for name, seen_at in sightings.seen.items():
        nodes[name] = tuple(dict.fromkeys([*nodes.get(name, ()), *seen_at]))
    _watched[_lasting(graph)] = Sightings(
        nodes,
        (*(module for module in before.unknown if module.name not in names), *sightings.unknown),
        {**before.styles, **sightings.styles},
        before.given | sightings.given,
        {**before.no_effect, **sightings.no_effect},
        (before.absent | sightings.absent) - nodes.keys(),
        (before.unsent | sightings.unsent) - nodes.keys(),
    )


def discover(graph: Any, *, kinds: Collection[Kind] = ("prompt", "tool")) -> list[Module]:
    """The modules of a graph, in the order a run may come to them."""
    return list(survey(graph, kinds=kinds).modules)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: nearly all that reading code makes stays, and each pass would look through it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_uncollected()
def survey(graph: Any, *, kinds: Collection[Kind] = ("prompt", "tool")) -> Survey:
    """Looks through a `StateGraph` or compiled graph for every text that steers a model.

    Raises `GraphError` when `graph` is no graph.
    """
    known = _bound.get(_lasting(graph)) if isinstance(graph, Pregel) else None
    if known is not None:
        return Survey(graph, *known, kinds)
    compiled = compile_graph(graph)
    walk = Walk(compiled)
    traced = node_paths.trace(walk, compiled)
    search = TextSearch(walk, traced.of)
    written = mutable_state.state_of(walk, traced.of)
    mutable_state.remember(compiled, written)
    locations = source_locations.SourceLocations(walk, traced.of, search.flow.readings.values())
    asked = declared.find(search.flow, search.solution, traced.order)
    said = [place for place in search if not _stands_in(place, asked)]
    found, where = _placed(said, locations, Gathered(walk, compiled, written))
    _merge_frozen(found)
    named = [declared.module(one, walk, traced) for one in asked]
    watched = _watched.get(_lasting(graph), Sightings())
    strange = list(watched.unknown)
    files = Files.of(reading.function.__code__.co_filename for reading in search.flow.readings.values())
    packages = Packages(walk, compiled)
    for key, places_there in found.items():
        location = where[key] = _read_from(where[key], places_there[0], files)
        if packages.own(location, places_there):
            found[key] = [_off(place, Off.LIBRARY) for place in places_there]
    read = file_reads.find(search.flow, search.solution, files, traced.of)
    elsewhere = _unmet([*read, *store_prompts.prompts_of(compiled)], strange, found)
    elsewhere = [_of_library(module) for module in (*elsewhere, *strange)]
    met = assembled(compiled, walk, traced, found, where, named, elsewhere, files)
    begun = tuple(anew(walk, written, lambda one: _feeding(met, one)))
    mutable_state.remember(compiled, dataclasses.replace(written, written=begun))
    modules = updated(met.modules.values(), watched, met.declared)
    return Survey(graph, dataclasses.replace(met, modules={m.name: m for m in modules}), {}, kinds)


def _feeding(found: Found, one: mutable_state.Written) -> Iterator[Sequence[Place]]:
    """The locations of each text that leads to what is written."""
    for name, places in found.carriers.items():
        if not found.above[name].isdisjoint(one.writers):
            yield places


def _placed(
    places: Sequence[Place], locations: source_locations.SourceLocations, gathered: Gathered
) -> tuple[dict[Any, list[Place]], dict[Any, SourceLocation]]:
    """The texts by the place where they are written, first those that were there before the graph ran."""
    found: dict[Any, list[Place]] = {}
    where: dict[Any, SourceLocation] = {}
    later = []
    for place in places:
        place, location = prefilled.at_home(place, locations.of(place), locations)
        if gathered.is_loaded(place):
            found.setdefault(location.key, []).append(place)
            if location.key not in where or (location.name and not where[location.key].name):
                where[location.key] = location
        else:
            later.append((dataclasses.replace(place, gathered=True), location))
    for place, location in later:
        if location.key in found or gathered.is_source(place, location):
            found.setdefault(location.key, []).append(place)
            where.setdefault(location.key, location)
    return found, where


def _off(place: Place, off: Off) -> Place:
    return place if place.off else dataclasses.replace(place, evidence="possible", off=off)


def _of_library(module: Module) -> Module:
    """A text that is only served: one of a package's files is the package's."""
    if module.off or module.file is None or not ownership.in_library(module.file):
        return module
    return dataclasses.replace(module, evidence="possible", off=Off.LIBRARY)


def _read_from(location: SourceLocation, place: Place, files: Files) -> SourceLocation:
    """The location of a text that no source writes out: the file it was read from, if one says it."""
    written = isinstance(location.key, tuple) and location.key[0] in ("literal", "doc", "described")
    home = files.home(place.text) if place.kind == "prompt" and not written else None
    if home is None:
        return location
    return dataclasses.replace(location, file=home.file, line=home.line, name=location.name or home.name)


def _unmet(read: Collection[Module], strange: Collection[Module], found: Mapping[Any, list[Place]]) -> list[Module]:
    """Texts that functions read when they run, without those that were seen in messages, as they stand or rewritten, or
    stand in memory as well."""
    seen = {(module.file, module.line) for module in strange if module.file is not None}
    held = {place.text.strip() for places in found.values() for place in places} | {one.text.strip() for one in strange}
    others = [one.text for one in strange if one.file is None]
    return [
        module
        for module in read
        if (module.file, module.line) not in seen and module.text.strip() not in held
        if module.reason != Reason(Obstacle.REWRITTEN) or not comes_from(module.text, others)
    ]


def _stands_in(place: Place, asked: Collection[declared.Declared]) -> bool:
    """Whether a text is only what a declared prompt says by itself."""
    return place.evidence == "possible" and any(place.text == one.text for one in asked)


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


def _require(texts: Texts, found: Found) -> None:
    """Raises for the first text that may not be bound."""
    for name, text in dict[str, Any](texts).items():
        module = _known(name, found.modules)
        if not isinstance(text, str):
            raise GraphError(f"the text of {name!r} is of type {type(text).__name__}; give the text itself")
        if text == module.text:
            continue
        if module.reason:
            raise GraphError(f"the text of {name!r} cannot be replaced: {module.reason}")
        if (broken := _check(module, text, found)) is not None:
            raise PlaceholderError(f"{name}: {broken}")


def _known(name: str, modules: Mapping[str, Module]) -> Module:
    if name in modules:
        return modules[name]
    close = difflib.get_close_matches(name, modules, n=3, cutoff=0.5) or sorted(modules)[:5]
    hint = f"did you mean {', '.join(close)}?" if close else "no module was found in this graph"
    raise GraphError(f"the graph has no module {name!r}; {hint}")


def _check(module: Module, text: str, found: Found) -> str | None:
    """Why a text may not take the module's place, as what fills it in reads it."""
    places = found.carriers.get(module.name, ())
    served = module.name not in found.carriers and module.name not in found.declared
    if served and matching.split(text, module.style, module.placeholders) is None:
        return "the text is put into messages as it is: placeholders may only be written plainly"
    once = {name for place in places if place.literal is not None for name in place.literal.calling()}
    again = {style for place in places for style in place.again}
    environment = next((place.environment for place in places if place.environment is not None), None)
    tokens = module.placeholders
    return templates.check(text, module.text, module.style, tokens, again=again, environment=environment, once=once)


def _merge_frozen(found: dict[Any, list[Place]]) -> None:
    """What LangChain made of a tool or class, such as a dict in `bind_tools`, is the same module as that."""
    sources: dict[str, list[Any]] = {}
    for key, places in found.items():
        if places[0].kind != "prompt" and not places[0].frozen:
            sources.setdefault(places[0].text.strip(), []).append(key)
    for key, places in list(found.items()):
        if places[0].frozen:
            same = sources.get(places[0].text.strip(), [])
            named = [source for source in same if found[source][0].tool == places[0].tool] or same
            if len(named) == 1 and named[0] != key:
                found[named[0]].extend(found.pop(key))
