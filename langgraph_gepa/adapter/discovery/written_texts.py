"""Groups the places of texts by where the texts are written: each group is one module."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from langgraph_gepa.adapter.dataflow.source_locations import SourceLocations
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery.packages import Packages
from langgraph_gepa.adapter.discovery.runtime_data import RuntimeData
from langgraph_gepa.adapter.discovery.template_sources import as_template
from langgraph_gepa.adapter.objects import ownership
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.hub_prompts import Pulled, name_of
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.observed.message_parts import comes_from
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Obstacle, Reason


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text with the location where it is written and the places where it stands in memory."""

    location: SourceLocation
    places: list[Place]

    @property
    def first(self) -> Place:
        return self.places[0]


def written_texts(
    places: Iterable[Place], locations: SourceLocations, runtime_data: RuntimeData, pulled: Pulled
) -> list[WrittenText]:
    """Groups places by the location of their texts, first those that were there before the graph ran.

    A text that was `pulled` from a prompt hub is written there, whatever source has the same text.
    """
    found: dict[Hashable, WrittenText] = {}
    later = []
    for place in places:
        home, location = place, locations.of(place)
        if commit := pulled.commit_of(place, location):
            location = SourceLocation(("hub", commit, place.text), name=name_of(commit), hub=commit)
        else:
            home, location = as_template(place, location, locations)
        if runtime_data.is_loaded(home):
            text = found.setdefault(location.key, WrittenText(location, []))
            text.places.append(home)
            if location.name and not text.location.name:
                found[location.key] = replace(text, location=location)
        else:
            later.append((replace(home, from_run=True), location))
    for place, location in later:
        if location.key in found or runtime_data.is_source(place, location):
            found.setdefault(location.key, WrittenText(location, [])).places.append(place)
    _merge_frozen(found)
    return list(found.values())


def _merge_frozen(found: dict[Hashable, WrittenText]) -> None:
    """Merges what LangChain made of a tool or class, such as a dict in `bind_tools`, with that tool or class."""
    sources: dict[str, list[Hashable]] = {}
    for key, text in found.items():
        if text.first.kind != "prompt" and not text.first.frozen:
            sources.setdefault(text.first.text.strip(), []).append(key)
    for key, text in list(found.items()):
        if text.first.frozen:
            same = sources.get(text.first.text.strip(), [])
            named = [source for source in same if found[source].first.tool == text.first.tool] or same
            if len(named) == 1 and named[0] != key:
                found[named[0]].places.extend(found.pop(key).places)


def with_origin(text: WrittenText, files: Files, packages: Packages) -> WrittenText:
    """The text with the file it was read from, where no source writes it, and off where it is a library's."""
    if text.location.hub:
        return text
    location = _read_from(text.location, text.first, files)
    if not packages.own(location, text.places):
        return replace(text, location=location)
    places = [one if one.off else replace(one, evidence="possible", off=Off.LIBRARY) for one in text.places]
    return WrittenText(location, places)


def _read_from(location: SourceLocation, place: Place, files: Files) -> SourceLocation:
    written = isinstance(location.key, tuple) and location.key[0] in ("literal", "doc", "described")
    home = files.home(place.text) if place.kind == "prompt" and not written else None
    if home is None:
        return location
    return replace(location, file=home.file, line=home.line, name=location.name or home.name)


def not_held(read: Iterable[Module], unknown: Sequence[Module], texts: Collection[WrittenText]) -> list[Module]:
    """The modules that functions `read` when they run, without those that stand in memory as well, and those that were
    seen in messages as `unknown` texts, as they are written or rewritten."""
    seen = {(module.file, module.line) for module in unknown if module.file is not None}
    held = {place.text.strip() for text in texts for place in text.places} | {one.text.strip() for one in unknown}
    others = [one.text for one in unknown if one.file is None]
    return [
        module
        for module in read
        if (module.file, module.line) not in seen and module.text.strip() not in held
        if module.reason != Reason(Obstacle.REWRITTEN) or not comes_from(module.text, others)
    ]


def off_in_library(module: Module) -> Module:
    """The module, off where its text is read from a file of an installed package."""
    if module.off or module.file is None or not ownership.in_library(module.file):
        return module
    return replace(module, evidence="possible", off=Off.LIBRARY)
