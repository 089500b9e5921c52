"""Checks the user's directions for reflections (templates, notes, frozen parts) and assigns them to modules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph_gepa.core.json_data import brief
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.reflection.template import fault
from langgraph_gepa.runs.arguments import one_of
from langgraph_gepa.runs.module_choice import matches
from langgraph_gepa.runs.project_table import project_table

EVERY = "*"
"""The pattern of a text that is given without a module's name: it matches modules of every kind."""

_Given = Mapping[str, Sequence[str]]
"""Texts by the name or pattern of the modules that they are for."""


def directions_of(
    modules: Sequence[Module],
    kinds: Collection[str],
    *,
    reflection_prompt: Any = None,
    notes: Any = None,
    frozen: Any = None,
    objective: str = "",
    goals: str = "",
) -> dict[str, Directions]:
    """Returns the directions for each module that is on.

    Each option is one text for every module, or texts by name and pattern as in `optimize(modules=...)`. A module gets
    the template given under its own name, otherwise the one of the first pattern that matches, and all notes and frozen
    parts that match. If `notes` or `frozen` is `None`, the project's own are used. `goals`, in words, are added to the
    notes of every prompt. Raises `UsageError`.
    """
    scope, (project, file) = _Scope(modules, kinds), project_table(Path.cwd())
    templates = scope.checked("reflection_prompt", reflection_prompt)
    # Patterns in the project's file may be for another graph.
    noted = _texts("notes", project.get("notes")) if notes is None else scope.checked("notes", notes)
    held = _texts("frozen", project.get("frozen")) if frozen is None else scope.checked("frozen", frozen)
    _require_texts("notes" if notes is not None else f"notes in {file}", noted)
    in_frozen = "frozen" if frozen is not None else f"frozen in {file}"
    _require_texts(in_frozen, held)
    scope.require_held(in_frozen, held)
    found = {}
    for module in scope.on:
        frozen_here = (part for part in scope.texts_for(module, held) if part in module.text)
        directions = Directions(
            next(iter(scope.texts_for(module, templates)), PROMPT),
            "\n".join(note.strip() for note in scope.texts_for(module, noted) if note.strip()),
            tuple(dict.fromkeys(frozen_here)),
        )
        needed = {"objective": objective, "notes": directions.notes or goals, "frozen": directions.frozen}
        if wrong := fault(directions.template, [place for place, given in needed.items() if given]):
            is_file = "\n" not in directions.template and Path(directions.template).is_file()
            hint = f" To read it from a file, give Path({directions.template!r})." if is_file else ""
            raise UsageError(f"The reflection prompt of {module.name} cannot be used: {wrong}{hint}")
        found[module.name] = directions
    return found


@dataclass(frozen=True, slots=True)
class _Scope:
    """The modules of a graph, among which names and patterns are looked up."""

    modules: Sequence[Module]
    kinds: Collection[str]

    @property
    def on(self) -> list[Module]:
        return [module for module in self.modules if module.on]

    def means(self, pattern: str, module: Module) -> bool:
        names = {each.name for each in self.modules}
        return pattern == EVERY or matches(pattern, module, self.kinds, names)

    def texts_for(self, module: Module, given: _Given) -> list[str]:
        """Returns the texts for a module, those given by its name first."""
        patterns = sorted(filter(lambda pattern: self.means(pattern, module), given), key=lambda p: p != module.name)
        return [text for pattern in patterns for text in given[pattern]]

    def checked(self, option: str, value: Any) -> _Given:
        """Returns the texts of an option. Raises `UsageError` for a name or pattern that matches no module."""
        given = _texts(option, value)
        for pattern in given:
            if not any(self.means(pattern, module) for module in self.modules):
                one_of(option, pattern, [module.name for module in self.modules])
        return given

    def require_held(self, where: str, frozen: _Given) -> None:
        """Raises `UsageError` for a frozen part that no text of its modules contains."""
        for pattern, parts in frozen.items():
            meant = [module for module in self.on if self.means(pattern, module)]
            for part in parts:
                if meant and not any(part in module.text for module in meant):
                    names = " or ".join(module.name for module in meant)
                    raise UsageError(
                        f"{where}: {brief(part)} is not in the text of {names}. Copy it from there exactly, with its "
                        "spaces and line breaks."
                    )


def _require_texts(where: str, given: _Given) -> None:
    """Raises `UsageError` for a pattern without texts, or with an empty one, which would have no effect."""
    for pattern, texts in given.items():
        if not texts or not all(text.strip() for text in texts):
            meant = "every module" if pattern == EVERY else repr(pattern)
            raise UsageError(f"{where} holds an empty text for {meant}: give words, or leave it out.")


def _texts(option: str, value: Any) -> _Given:
    """Returns the texts of an option by pattern. Raises `UsageError` for anything that is not a text."""
    by_pattern = {} if value is None else value if isinstance(value, Mapping) else {EVERY: value}
    return {_name(option, pattern): _list(option, one) for pattern, one in by_pattern.items()}


def _name(option: str, pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise UsageError(f"{option} is given for {brief(pattern)}: give texts by the names of modules.")
    return pattern


def _list(option: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and option == "frozen":
        return tuple(text for one in value for text in _list(option, one))
    if isinstance(value, Path):
        return (_read(option, value),)
    if not isinstance(value, str):
        raise UsageError(f"{option} holds {brief(value)}, which is not a text: give one, or texts by module name.")
    return (value,)


def _read(option: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{option}: {file} cannot be read: {error}.") from error
