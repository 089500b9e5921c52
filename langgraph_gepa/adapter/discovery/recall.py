"""Restores what an earlier process saw of a graph when it ran, from the modules that it saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.text_files import Files, Text, holds
from langgraph_gepa.adapter.discovery import survey
from langgraph_gepa.adapter.objects import naming
from langgraph_gepa.adapter.observed.sightings import Sightings
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import ReadFrom


def recall(graph: Any, modules: Iterable[Module]) -> None:
    """Makes every later survey of `graph` know `modules`, all that were found in it after it was watched.

    A text that is read from its file on every run is taken from the file as it is now. What a survey finds itself
    stays as it is found, except that it may have been seen.
    """
    saved = list(modules)
    found = survey.survey(graph, kinds=("prompt", "tool", "schema"))
    known = {module.name: module for module in found.modules}
    seen = {m.name: m.nodes for m in saved if m.evidence == "seen" and m.name in known}
    fresh = {name: nodes for name, nodes in seen.items() if known[name].evidence != "seen"}
    injected = [module for module in saved if module.note and (module.name not in known or known[module.name].note)]
    today = (now for module in injected for now in _today(module, found.files))
    unknown = tuple(module for module in today if module.name not in known or known[module.name].text != module.text)
    same = [m for m in saved if m.name in known and m.text == known[m.name].text]
    # Watching only learns that what looks plain is a template. A style that the code shows is not taken back.
    styles = {m.name: m.style for m in same if m.style != known[m.name].style and known[m.name].style == "plain"}
    no_effect = {m.name: m.no_effect for m in same if m.no_effect and not known[m.name].no_effect}
    if fresh or unknown or styles or no_effect:
        survey.remember(graph, Sightings(fresh, unknown, styles, no_effect=no_effect))


def _today(module: Module, files: Files) -> Iterator[Module]:
    """The module as its file has it today, if it still does."""
    if module.file is None:
        yield module
        return
    there = [text for text in files.texts if source_locations.relative(text.file) == module.file]
    same = any(text.text.strip() == module.text.strip() for text in there)
    lines = module.note is not None and module.note.code is ReadFrom.LINES
    if same or (lines and any(holds(text.file, module.text) for text in there)):
        yield module
    elif not lines:
        for text in there:
            if naming.slug(text.name) in (module.name, module.name.partition(".")[2]):
                yield from _changed(module, text)


def _changed(module: Module, text: Text) -> Iterator[Module]:
    try:
        names = templates.placeholders(text.text, module.style)
    except templates.BrokenTemplateError:
        return
    yield replace(module, text=text.text, line=text.line, placeholders=names)
