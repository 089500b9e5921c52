"""Chooses the modules that are optimised: by default, by the user's names and patterns, or as the project says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.arguments import one_of
from langgraph_gepa.runs.project_table import project_table

EXCEPT = "!"
"""What a pattern begins with that takes modules away."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of modules.

    - `only`: names and patterns (`writer`, `team.*`, `tool:*`) that replace the default; `excluded` take modules away.
    - `library`: adds texts of installed packages to the default.
    - `kept`: the file that the choice was read from; its patterns may match nothing, since they may be for another
      graph.
    """

    only: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    library: bool = False
    kept: str = ""

    def applied(self, modules: Sequence[Module], kinds: Collection[str]) -> tuple[Module, ...]:
        """Returns all modules, the chosen ones on and the others off.

        Without `only`, those of `kinds` that reach a model are on.

        Raises `UsageError` for a name or pattern that is no module's, or a name whose text cannot be replaced.
        """
        names = {module.name: module for module in modules}
        for pattern in (*self.only, *self.excluded):
            if not self.kept and not any(matches(pattern, module, kinds, names) for module in modules):
                one_of("modules", pattern, names)
        for name in self.only:
            if name in names and names[name].reason:
                raise UsageError(f"Module {name!r} cannot be optimised: {names[name].reason}.")
        return tuple(self._chosen(module, kinds, names) for module in modules)

    def to_optimise(self, modules: Sequence[Module], kinds: Collection[str]) -> tuple[tuple[Module, ...], str]:
        """Returns the same as `applied`, and a sentence for the user where there is something to say.

        Of a graph that has no prompt of its project's own those of installed packages are optimised, unless a choice
        was made.
        """
        own = self.applied(modules, kinds)
        if self != Choice() or any(module.on for module in own):
            return own, ""
        others = replace(self, library=True).applied(modules, kinds)
        names = ", ".join(module.name for module in others if module.on)
        message = f"This graph has no prompt of its own; those of installed packages are optimised: {names}."
        return (others, message) if names else (own, "")

    def _chosen(self, module: Module, kinds: Collection[str], names: Collection[str]) -> Module:
        if self.only:
            wanted = any(matches(pattern, module, kinds, names) for pattern in self.only)
        else:
            proven = module.evidence != "possible" or (self.library and module.off is Off.LIBRARY)
            wanted = module.kind in kinds and proven
        wanted = wanted and not any(matches(pattern, module, kinds, names) for pattern in self.excluded)
        by_default = replace(module, chosen=None)
        return by_default if by_default.on == wanted else replace(module, chosen=wanted)


def choice_of(modules: Sequence[str] | str | None, library: bool = False) -> Choice:
    """Reads a choice from names, patterns, and patterns after `!` that take modules away.

    `None` leaves it to the project's own choice, if it has one, otherwise to the default.
    """
    if modules is None:
        choice = kept(Path.cwd())
    else:
        patterns = (modules,) if isinstance(modules, str) else tuple(modules)
        if not patterns:
            raise UsageError('modules=[] leaves nothing to optimise: name modules, or "*" for all of them.')
        choice = Choice(
            tuple(pattern for pattern in patterns if not pattern.startswith(EXCEPT)),
            tuple(pattern.removeprefix(EXCEPT) for pattern in patterns if pattern.startswith(EXCEPT)),
        )
    return replace(choice, library=True) if library else choice


def require_chosen(modules: Sequence[Module], kinds: Collection[str]) -> tuple[Module, ...]:
    """Returns the modules that are on. Raises `UsageError` where none is, which lists what else there is."""
    chosen = tuple(module for module in modules if module.on)
    if not chosen:
        raise UsageError(_nothing_chosen(modules, kinds))
    return chosen


def kept(folder: Path) -> Choice:
    """Reads the choice of the project that `folder` lies in. Raises `UsageError` where it cannot be read."""
    table, file = project_table(folder)
    if table.keys().isdisjoint(("only", "except", "all", "library")):
        return Choice()
    only = ("*",) if table.get("all") else tuple(table.get("only", ()))
    return Choice(only, tuple(table.get("except", ())), bool(table.get("library")), str(file))


def matches(pattern: str, module: Module, kinds: Collection[str], names: Collection[str]) -> bool:
    """Whether a name or pattern means the module. A pattern is for `kinds`, unless it names another one (`tool:*`)."""
    if pattern in names:
        return pattern == module.name
    return fnmatchcase(module.name, pattern) and (module.kind in kinds or pattern.startswith(f"{module.kind}:"))


def _nothing_chosen(modules: Sequence[Module], kinds: Collection[str]) -> str:
    unbound = [f"{m.name} ({m.reason})" for m in modules if m.reason]
    other = sorted({m.kind for m in modules if not m.reason} - set(kinds))
    if taken_away := [m.name for m in modules if m.chosen is False and m.kind in kinds and not m.reason]:
        return (
            f"Nothing is left to optimise: {', '.join(taken_away)} would be, and the choice of modules takes them away "
            "(modules=..., --only, --except, or the project's own in pyproject.toml)."
        )
    if not kinds:
        return "No kind of module is to be optimised: give kinds=('prompt',) (--kinds prompt), or leave it out."
    lines = ["No prompt to optimise was found in this graph."]
    if unbound:
        lines.append(f"Seen but not replaceable: {'; '.join(unbound)}.")
    if other:
        lines.append(f"There are modules of other kinds: pass kinds={(*kinds, *other)!r}.")
    if possible := sum(m.evidence == "possible" and not m.reason for m in modules):
        lines.append(f"{possible} only may reach a model: `langgraph-gepa prompts GRAPH --all` lists them.")
    if not modules:
        lines.append("Its nodes call no model with a text that could be found by walking the graph.")
    lines.append(
        "To watch its model calls: `discover(graph, examples)`, `langgraph-gepa prompts GRAPH --examples FILE`."
    )
    return " ".join(lines)
