"""Which modules are optimised: the default, the user's names and patterns, or a choice that the project keeps."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.strings import one_of

EXCEPT = "!"
"""What a pattern begins with that takes modules away."""
TABLE = "langgraph-gepa"
"""The table below `[tool]` in `pyproject.toml`, and the name of the file beside `langgraph.json`."""
_KEYS = {"only": list, "except": list, "all": bool, "library": bool}


@dataclass(frozen=True, slots=True)
class Choice:
    """`only` are names and patterns (`writer`, `team.*`, `tool:*`) that replace the default, `excluded` take modules
    away. `library` adds texts of installed packages to the default. `kept` is the file it was read from, whose
    patterns may match nothing, since they may be for another graph.
    """

    only: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    library: bool = False
    kept: str = ""

    def applied(self, modules: Sequence[Module], kinds: Collection[str]) -> tuple[Module, ...]:
        """The modules, each with what the choice says of it. Without `only`, those of `kinds` that reach a model.

        Raises `UsageError` for a name or pattern that is no module's, or a name whose text cannot be replaced.
        """
        names = {module.name: module for module in modules}
        for pattern in (*self.only, *self.excluded):
            if not self.kept and not any(_matches(pattern, module, kinds, names) for module in modules):
                one_of("modules", pattern, names)
        for name in self.only:
            if name in names and names[name].reason:
                raise UsageError(f"Module {name!r} cannot be optimised: {names[name].reason}.")
        return tuple(self._one(module, kinds, names) for module in modules)

    def to_optimise(self, modules: Sequence[Module], kinds: Collection[str]) -> tuple[tuple[Module, ...], str]:
        """As `applied`, and what is to be said of it: a graph that has no prompt of its project's own gets those of
        installed packages optimised, for there is nothing else, unless a choice was made."""
        own = self.applied(modules, kinds)
        if self != Choice() or any(module.on for module in own):
            return own, ""
        others = replace(self, library=True).applied(modules, kinds)
        names = ", ".join(module.name for module in others if module.on)
        said = f"This graph has no prompt of its own; those of installed packages are optimised: {names}."
        return (others, said) if names else (own, "")

    def _one(self, module: Module, kinds: Collection[str], names: Collection[str]) -> Module:
        if self.only:
            wanted = any(_matches(pattern, module, kinds, names) for pattern in self.only)
        else:
            proven = module.evidence != "possible" or (self.library and module.off is Off.LIBRARY)
            wanted = module.kind in kinds and proven
        wanted = wanted and not any(_matches(pattern, module, kinds, names) for pattern in self.excluded)
        by_default = replace(module, chosen=None)
        return by_default if by_default.on == wanted else replace(module, chosen=wanted)


def choice_of(modules: Sequence[str] | str | None, library: bool = False) -> Choice:
    """The choice that `modules` says: names, patterns, and patterns after `!` that take away. `None` leaves it to
    what the project keeps, if it keeps one, else to the default."""
    if modules is None:
        made = kept(Path.cwd())
    else:
        patterns = (modules,) if isinstance(modules, str) else tuple(modules)
        if not patterns:
            raise UsageError('modules=[] leaves nothing to optimise: name modules, or "*" for all of them.')
        made = Choice(
            tuple(one for one in patterns if not one.startswith(EXCEPT)),
            tuple(one.removeprefix(EXCEPT) for one in patterns if one.startswith(EXCEPT)),
        )
    return replace(made, library=True) if library else made


def kept(folder: Path) -> Choice:
    """The choice of the project that `folder` lies in: `[tool.langgraph-gepa]` in `pyproject.toml`, or the file
    `langgraph-gepa.toml` beside `langgraph.json`. Raises `UsageError` where it cannot be read."""
    for above in (folder, *folder.parents):
        own, project = above / f"{TABLE}.toml", above / "pyproject.toml"
        if own.is_file():
            return _read(_toml(own), own)
        if project.is_file():
            return _read(_toml(project).get("tool", {}).get(TABLE, {}), project)
        if (above / "langgraph.json").is_file():
            break
    return Choice()


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error


def _read(table: Any, file: Path) -> Choice:
    if not table:
        return Choice()
    where = f"The choice of modules in {file}"
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table with {', '.join(_KEYS)}.")
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{where} has the unknown key {key!r}. Known: {', '.join(_KEYS)}.")
        if not isinstance(value, _KEYS[key]) or (
            isinstance(value, list) and not all(isinstance(v, str) for v in value)
        ):
            raise UsageError(f"{where}: {key} must be {'a list of names' if _KEYS[key] is list else 'true or false'}.")
    only = ("*",) if table.get("all") else tuple(table.get("only", ()))
    return Choice(only, tuple(table.get("except", ())), bool(table.get("library")), str(file))


def _matches(pattern: str, module: Module, kinds: Collection[str], names: Collection[str]) -> bool:
    """A name is that module's; a pattern is for modules of `kinds`, and for others where it says so (`tool:*`)."""
    if pattern in names:
        return pattern == module.name
    return fnmatchcase(module.name, pattern) and (module.kind in kinds or pattern.startswith(f"{module.kind}:"))
