"""Surveys a graph: finds its modules by reading its objects and code, and keeps what is needed to bind texts to it."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.dataflow.source_locations import SourceLocations
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery import declared, file_reads, node_paths
from langgraph_gepa.adapter.discovery.assembly import assemble
from langgraph_gepa.adapter.discovery.binding import FoundTexts, lasting
from langgraph_gepa.adapter.discovery.node_paths import AnyGraph
from langgraph_gepa.adapter.discovery.packages import Packages
from langgraph_gepa.adapter.discovery.pulled_modules import pulls_in, unwatched
from langgraph_gepa.adapter.discovery.runtime_data import RuntimeData, emptied
from langgraph_gepa.adapter.discovery.text_search import TextSearch
from langgraph_gepa.adapter.discovery.written_texts import not_held, off_in_library, with_origin, written_texts
from langgraph_gepa.adapter.isolation import mutable_state
from langgraph_gepa.adapter.objects.hub_prompts import Pulled
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.observed import store_prompts
from langgraph_gepa.adapter.observed.sightings import Sightings, updated
from langgraph_gepa.core.module import Kind, Module, Texts
from langgraph_gepa.errors import GraphError


class Survey:
    """What was found in one graph, kept for binding it many times.

    `graph` is the object that was surveyed, `modules` its modules of the wanted kinds in the graph's order, with
    unique names; those of other kinds can be bound as well. A survey holds on to the graph's objects as they were when
    it was made.
    """

    def __init__(self, graph: Any, found: FoundTexts, texts: Texts, kinds: Collection[Kind]) -> None:
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

    @property
    def unwatched(self) -> str:
        """A sentence about prompts that nodes pull from LangSmith's hub and that are not known; empty without any."""
        return unwatched(self._found.pulls, self._found.modules.values())

    def bind(self, texts: Texts) -> AnyGraph:
        """Returns a new graph with these texts and otherwise the same; the original does not change.

        Raises `GraphError` for a name that is no module's or a module that cannot be replaced,
        and `PlaceholderError` for a text that breaks its placeholders.
        """
        self._found.require(texts)
        bound_texts = {**self._texts, **texts}
        bound = self._found.bind(bound_texts)
        _bound[lasting(bound)] = (self._found, bound_texts)
        return bound

    def check(self, name: str, text: str) -> str | None:
        """Why `text` may not replace the module's text, in words; `None` when it may.

        Raises `GraphError` for a name that is no module's.
        """
        return self._found.check(name, text)


_bound: weakref.WeakKeyDictionary[Any, tuple[FoundTexts, Texts]] = weakref.WeakKeyDictionary()
"""How each bound graph was made: it is surveyed and bound again from the original."""

_watched: weakref.WeakKeyDictionary[Any, Sightings] = weakref.WeakKeyDictionary()
"""What was seen of each graph when it ran on examples."""


def remember(graph: Any, sightings: Sightings) -> None:
    """Makes every later survey of `graph` use what was seen when it ran."""
    before = _watched.get(lasting(graph), Sightings())
    names = {module.name for module in sightings.unknown}
    nodes = {**before.seen}
    for name, seen_at in sightings.seen.items():
        nodes[name] = tuple(dict.fromkeys([*nodes.get(name, ()), *seen_at]))
    _watched[lasting(graph)] = Sightings(
        nodes,
        (*(module for module in before.unknown if module.name not in names), *sightings.unknown),
        {**before.styles, **sightings.styles},
        before.given | sightings.given,
        {**before.no_effect, **sightings.no_effect},
        (before.absent | sightings.absent) - nodes.keys(),
        (before.unsent | sightings.unsent) - nodes.keys(),
    )


def bind(graph: Any, texts: Texts) -> AnyGraph:
    """Returns a new graph with these texts and otherwise the same; the original does not change.

    To bind one graph many times, keep its `survey` and call that one's `bind`. Raises `GraphError`
    for a name that is no module's or a module that cannot be replaced, and `PlaceholderError` for a
    text that breaks its placeholders.
    """
    return survey(graph).bind(texts)


def discover(graph: Any, *, kinds: Collection[Kind] = ("prompt", "tool")) -> list[Module]:
    """The modules of a graph, in the order a run may reach them."""
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
    """Searches a `StateGraph` or compiled graph for every text that steers a model.

    Raises `GraphError` when `graph` is no graph.
    """
    known = _bound.get(lasting(graph)) if isinstance(graph, Pregel) else None
    if known is not None:
        return Survey(graph, *known, kinds)
    compiled = compile_graph(graph)
    watched = _watched.get(lasting(graph), Sightings())
    found = _search(compiled, watched.unknown)
    modules = updated(found.modules.values(), watched, found.declared)
    return Survey(graph, dataclasses.replace(found, modules={m.name: m for m in modules}), {}, kinds)


def _search(graph: AnyGraph, unknown: Sequence[Module]) -> FoundTexts:
    """Finds the texts of a graph; `unknown` are those that watching found in addition."""
    walk = Walk(graph)
    paths = node_paths.trace(walk, graph)
    search = TextSearch(walk, paths.users)
    state = mutable_state.state_of(walk, paths.users)
    mutable_state.remember(graph, state)
    readings = search.flow.readings.values()
    locations = SourceLocations(walk, paths.users, readings)
    prompts = declared.find(search.flow, search.solution, paths.order)
    places = [place for place in search if not _is_declared(place, prompts)]
    texts = written_texts(places, locations, RuntimeData(walk, graph, state), Pulled.of(walk))
    files = Files.of(reading.function.__code__.co_filename for reading in readings)
    packages = Packages(walk, graph)
    texts = [with_origin(text, files, packages) for text in texts]
    read = file_reads.find(search.flow, search.solution, files, paths.users)
    injected = [*not_held([*read, *store_prompts.prompts_of(graph)], unknown, texts), *unknown]
    named = [declared.module(prompt, paths) for prompt in prompts]
    found = assemble(paths, texts, named, [off_in_library(module) for module in injected], files)
    found = dataclasses.replace(found, pulls=pulls_in(readings, paths.users))
    begun = tuple(emptied(walk, state, lambda written: _feeding(found, written)))
    mutable_state.remember(graph, dataclasses.replace(state, written=begun))
    return found


def _feeding(found: FoundTexts, written: mutable_state.Written) -> Iterator[Sequence[Place]]:
    """The places of each text that leads to what is written."""
    for name, places in found.places.items():
        if not found.leading[name].isdisjoint(written.writers):
            yield places


def _is_declared(place: Place, prompts: Collection[declared.Declared]) -> bool:
    """Whether a text is only the argument of a declared prompt."""
    return place.evidence == "possible" and any(place.text == prompt.text for prompt in prompts)


def compile_graph(graph: Any) -> AnyGraph:
    """Returns a compiled graph: itself, or compiled from a builder without touching that."""
    if isinstance(graph, Pregel):
        return graph
    if isinstance(graph, StateGraph):
        builder = copy(graph)
        builder.nodes = {name: dataclasses.replace(spec) for name, spec in graph.nodes.items()}
        return builder.compile()
    raise GraphError(f"expected a StateGraph or a compiled graph, not {type(graph).__name__}: pass the graph itself")
