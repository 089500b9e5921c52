"""Writes a run's texts into the source of the project, and records in the run's folder what was written.

`proof` proves each change by loading the project again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.rollout.fingerprint import text_part
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import RunError, SourceError
from langgraph_gepa.runs.checkout import Project
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.runs.proof import Proof, spec_of
from langgraph_gepa.runs.resume import as_before_apply
from langgraph_gepa.runs.saved_run import read_settings
from langgraph_gepa.runs.signature import is_own
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.writeback import file_writing
from langgraph_gepa.writeback.changes import Changes


@dataclass(frozen=True, slots=True)
class Applied:
    """The source as `apply` last left it.

    `texts` are those it wrote, by module name; `parts` are what the graph loaded from it is made of, by name (see
    `adapter.rollout.fingerprint`).
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


_APPLIED = TypeAdapter(Applied)


def apply(
    changes: Changes, modules: Mapping[str, Module], texts: Texts, graph: Any, project: Project | None = None
) -> Mapping[str, str]:
    """Writes the planned changes, unless loading `graph` again would yield other texts than `texts`.

    `modules` are those of the graph by name. `graph` is a name for it, or the object where a loaded module holds it
    under a name. `project` is by default that of the working directory. Returns what the graph is made of afterwards
    (see `fingerprint.graph_parts`). Raises `SourceError` when the source is not what the plan was made from; then, and
    whatever else goes wrong, every file is byte for byte as it was.
    """
    require_current(changes)
    if not changes.files:
        return {}
    for name in changes.modules:
        if (broken := _broken(modules[name], texts[name])) is not None:
            raise SourceError(f"Nothing is written: the text for {name} cannot be used: {broken}.")
    proof = Proof(changes, modules, texts, graph if isinstance(graph, str) else spec_of(graph), project)
    if not proof.trusted and (unknown := proof.unknown_module()):
        raise SourceError(f"Nothing is written: {unknown}")
    file_writing.apply(changes, proof.complaint)
    return proof.parts


def require_current(changes: Changes) -> None:
    """Raises `SourceError` when the source no longer holds the texts that were started from."""
    if changes.stale:
        raise SourceError(
            "\n".join(f"{name}: {where}." for name, where in changes.stale.items())
            + "\nNothing is written. Put the source back, or start a new run from what it says now."
        )


def plan_changes(modules: Iterable[Module], texts: Texts, applied: Applied, project: Project) -> Changes:
    """Plans how the source comes to hold `texts`, whether or not texts of the run were applied before."""
    return project.plan(as_in_source(modules, applied, project), texts)


def as_in_source(modules: Iterable[Module], applied: Applied, project: Project) -> list[Module]:
    """The modules, with the texts that `apply` wrote where the source still holds them, otherwise with their own."""
    given = list(modules)
    if not applied.texts:
        return given
    written = project.plan(given, applied.texts).done
    return [replace(m, text=applied.texts[m.name]) if m.name in written else m for m in given]


def record_applied(folder: Path, modules: Iterable[Module], texts: Texts, parts: Mapping[str, str]) -> None:
    """Records in the run's folder that `texts` replaced those of `modules`, and the graph's `parts` afterwards.

    Raises `RunError` when the folder cannot be written.
    """
    before = applied_in(folder)
    text_parts = dict(text_part(replace(module, text=texts[module.name])) for module in modules)
    now = Applied({**before.texts, **texts}, {**before.parts, **text_parts, **parts})
    with closing(open_run(folder, create=False)) as store:
        store.configure({"applied": asdict(now)})


def applied_in(folder: Path) -> Applied:
    """What `apply` wrote of this user's own run in `folder`; nothing where there is no such run.

    A run that cannot be read is reported when it is opened. Raises `RunError` where the record itself is damaged.
    """
    found = _own_settings(folder)
    return _applied(found[0]) if found else Applied()


def without_applied(config: RunConfig, folder: Path | None) -> RunConfig:
    """`config` as it was before `apply` wrote texts of the run in `folder` into the source, if nothing else changed."""
    found = None if folder is None else _own_settings(folder)
    if found is None or not (parts := _applied(found[0]).parts):
        return config
    return as_before_apply(config, found[1], parts)


def _own_settings(folder: Path) -> tuple[Mapping[str, Any], RunConfig] | None:
    try:
        found = read_settings(folder)
    except RunError:
        return None
    return found if found and is_own(found[0]) else None


def _applied(settings: Mapping[str, Any]) -> Applied:
    try:
        return _APPLIED.validate_python(settings.get("applied") or {})
    except ValidationError as error:
        raise RunError("What was applied of the run is damaged.") from error


def _broken(module: Module, text: str) -> str | None:
    """Why a text may not replace a module's, as far as the run knows.

    The graph may know more, such as the environment in which jinja2 renders the text.
    """
    check = partial(templates.check, original=module.text, style=module.style, tokens=module.placeholders)
    return None if check(module.text) is not None else check(text)
