"""What `apply` wrote into the source, kept with the run, so that the run still knows its graph afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from langgraph_gepa.adapter.rollout.fingerprint import text_part
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import RunError
from langgraph_gepa.runs.checkout import Place
from langgraph_gepa.runs.config import Asked, asked_of, is_own
from langgraph_gepa.store.folder import DATABASE, open_run
from langgraph_gepa.writeback.changes import Changes


@dataclass(frozen=True, slots=True)
class Applied:
    """The source as `apply` last left it: the texts it wrote, by module name, and what the graph loaded from it is
    made of, by name (see `adapter.rollout.fingerprint`)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


_APPLIED = TypeAdapter(Applied)


def applied_in(folder: Path) -> Applied:
    """What `apply` wrote of this user's own run in `folder`; nothing of a run that somebody else started, or that was
    killed before it began. What else is wrong with the run is for whoever opens it to say."""
    if not (folder / DATABASE).is_file():
        return Applied()
    try:
        store = open_run(folder, create=False, read_only=True)
    except RunError:
        return Applied()
    try:
        settings = store.settings()
    finally:
        store.close()
    return _applied(settings) if "asked" in settings and is_own(settings) else Applied()


def _applied(settings: Mapping[str, Any]) -> Applied:
    try:
        return _APPLIED.validate_python(settings.get("applied") or {})
    except ValidationError as error:
        raise RunError("What was applied of the run is damaged.") from error


def keep(folder: Path, modules: Iterable[Module], texts: Texts, parts: Mapping[str, str]) -> None:
    """Keeps in the run's folder that `texts` were written in place of those of `modules`, and the parts of the graph
    as it was loaded then. Raises `RunError` when the folder cannot be written."""
    before = applied_in(folder)
    of_texts = dict(text_part(replace(module, text=texts[module.name])) for module in modules)
    now = Applied({**before.texts, **texts}, {**before.parts, **of_texts, **parts})
    store = open_run(folder, create=False)
    try:
        store.configure({"applied": asdict(now)})
    finally:
        store.close()


def as_in_source(modules: Iterable[Module], applied: Applied, place: Place) -> list[Module]:
    """Modules with the texts that `apply` wrote, as far as the source holds them, else with their own."""
    given = list(modules)
    if not applied.texts:
        return given
    there = place.changes(given, applied.texts).done
    return [replace(m, text=applied.texts[m.name]) if m.name in there else m for m in given]


def changes_of(modules: Iterable[Module], texts: Texts, applied: Applied, place: Place) -> Changes:
    """What has to change for the source to say `texts`, whether or not texts of the run were applied before."""
    return place.changes(as_in_source(modules, applied, place), texts)


def continued(asked: Asked, folder: Path | None) -> Asked:
    """What is asked of a run that is in `folder` already, with the graph as it was when the run was started, where
    nothing else than what `apply` wrote makes it another one now."""
    if folder is None or not (parts := applied_in(folder).parts):
        return asked
    store = open_run(folder, create=False, read_only=True)
    try:
        before = asked_of(store)
    finally:
        store.close()
    if asked.parts.keys() != before.parts.keys():
        return asked
    changed = [name for name, value in asked.parts.items() if value != before.parts[name]]
    if not changed or any(asked.parts[name] != parts.get(name) for name in changed):
        return asked
    texts = {module.name: module.text for module in before.found}
    found = tuple(replace(module, text=texts[module.name]) for module in asked.found)
    return replace(asked, found=found, parts=before.parts, fingerprint=before.fingerprint)
